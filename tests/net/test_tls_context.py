"""How strict the contexts are that serve a pair, and what they serve and resume."""

from __future__ import annotations

import contextlib
import datetime
from typing import Any

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.net.certificates_made import p256
from toron.net import tls_context
from toron.net.key_pair import KeyPair, self_signed
from toron.net.tls_context import server_context

NOW = datetime.datetime.now(datetime.UTC)
LIB: Any = vars(SSL)["_lib"]


def client(version: int = SSL.TLS1_3_VERSION, groups: bytes = b"") -> SSL.Context:
    """One that verifies nothing."""
    context: Any = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(version)
    if groups:
        assert LIB.SSL_CTX_set1_curves_list(context._context, groups) == 1
    return context


def shake(near: SSL.Context, far: SSL.Context, session: Any = None) -> tuple[SSL.Connection, SSL.Connection]:
    """A handshake; the tickets have arrived. Raises SSL.Error."""
    ends = SSL.Connection(near, None), SSL.Connection(far, None)
    ends[0].set_connect_state()
    ends[1].set_accept_state()
    if session is not None:
        ends[0].set_session(session)
    for turn in (0, 1, 0, 1, 0, 1):
        with contextlib.suppress(SSL.WantReadError):
            ends[turn].do_handshake()
        with contextlib.suppress(SSL.WantReadError):
            ends[1 - turn].bio_write(ends[turn].bio_read(1 << 16))
    with contextlib.suppress(SSL.WantReadError):
        ends[0].recv(1)
    return ends


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
        near, _ = shake(client(), context)
        chain = near.get_peer_cert_chain()
        assert chain is not None
        self.assertEqual([each.get_subject().CN for each in chain], ["a.test", "ca.test"])

    def test_who_prepares_it_has_the_last_word(self) -> None:
        prepared: list[SSL.Context] = []
        made = server_context(p256(), "modern", (), prepared.append)
        self.assertEqual(prepared, [made])


class Groups(SynchronousTestCase):
    """How keys are exchanged."""

    def agreed(self, groups: bytes) -> str:
        """The group that a client and we agree on."""
        near, _ = shake(client(groups=groups), server_context(p256(), "intermediate", ()))
        return str(near.get_group_name()).lower()

    def test_what_quantum_computers_do_not_break_comes_first(self) -> None:
        self.assertEqual(self.agreed(b"secp256r1:X25519MLKEM768:X25519"), "x25519mlkem768")
        self.assertEqual(self.agreed(b"X25519:secp256r1"), "x25519")
        self.assertEqual(self.agreed(b"secp384r1"), "secp384r1")

    def test_no_finite_fields(self) -> None:
        self.assertRaises(SSL.Error, self.agreed, b"ffdhe2048:ffdhe3072")
        for policy in ("modern", "intermediate", "legacy"):
            ciphers = SSL.Connection(server_context(p256(), policy, ()), None).get_cipher_list()
            self.assertEqual([name for name in ciphers if name.startswith("DHE")], [])
            self.assertIn("TLS_AES_128_GCM_SHA256", ciphers)

    def test_where_openssl_is_old_or_pyopenssl_is_another(self) -> None:
        self.patch(tls_context, "_GROUPS", (b"nobody ( knows", tls_context._GROUPS[1]))
        self.assertEqual(tls_context._groups(), tls_context._GROUPS[1])
        self.patch(tls_context, "_GROUPS", (b"nobody", b"knows"))
        self.assertEqual(tls_context._groups(), b"")
        self.patch(tls_context, "_set_groups", None)
        self.assertEqual(tls_context._groups(), b"")
        self.patch(tls_context, "GROUPS", b"")
        self.assertEqual(self.agreed(b"X25519"), "x25519")


class Resuming(SynchronousTestCase):
    """Which sessions go on."""

    def resumed(self, version: int, first: SSL.Context, second: SSL.Context) -> bool:
        """Whether a session that began with one context goes on with the other."""
        mine = client(version)
        near, _ = shake(mine, first)
        far: Any = shake(mine, second, near.get_session())[1]
        return bool(LIB.SSL_session_reused(far._ssl))

    def test_by_ticket_with_the_same_context_alone(self) -> None:
        pair = p256()
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            one, two = (server_context(pair, "intermediate", ()) for _ in range(2))
            self.assertTrue(self.resumed(version, one, one))
            self.assertFalse(self.resumed(version, one, two))

    def test_not_at_all_without_tickets(self) -> None:
        def without(context: SSL.Context) -> None:
            context.set_options(SSL.OP_NO_TICKET)

        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            context = server_context(p256(), "intermediate", (), without)
            self.assertFalse(self.resumed(version, context, context))
