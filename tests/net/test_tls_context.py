"""How strict the contexts are that serve a pair, and what they serve."""

from __future__ import annotations

import datetime

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.net.certificates_made import p256
from toron.net.key_pair import KeyPair, self_signed
from toron.net.tls_context import server_context

NOW = datetime.datetime.now(datetime.UTC)


class Contexts(SynchronousTestCase):
    """A pair becomes a context, or does not."""

    def test_a_key_of_another_certificate(self) -> None:
        mixed = KeyPair(p256("a.test").chain, p256("b.test").key)
        self.assertRaises(SSL.Error, server_context, mixed, "modern", ())

    def test_no_pem(self) -> None:
        self.assertRaises(ValueError, server_context, KeyPair(b"nothing", b"nothing"), "modern", ())

    def test_a_chain_is_served_whole(self) -> None:
        leaf, other = self_signed(["a.test"], NOW), self_signed(["ca.test"], NOW)
        context = server_context(KeyPair(leaf.chain + other.chain, leaf.key), "modern", ())
        server = SSL.Connection(context, None)
        client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        server.set_accept_state()
        client.set_connect_state()
        with self.assertRaises(SSL.WantReadError):
            client.do_handshake()
        server.bio_write(client.bio_read(65536))
        with self.assertRaises(SSL.WantReadError):
            server.do_handshake()
        client.bio_write(server.bio_read(65536))
        client.do_handshake()
        chain = client.get_peer_cert_chain()
        assert chain is not None
        self.assertEqual([each.get_subject().CN for each in chain], ["a.test", "ca.test"])

    def test_who_prepares_it_has_the_last_word(self) -> None:
        prepared: list[SSL.Context] = []
        made = server_context(p256(), "modern", (), prepared.append)
        self.assertEqual(prepared, [made])
