"""Tests of TLS inside QUIC: the certificate of the name, and what is agreed on."""

from __future__ import annotations

import ssl
from typing import Any

from aioquic.quic import events
from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from tests.net.quic_fakes import PAIRS, Client, QuicWorld


def names(client: Client) -> set[str]:
    """Of the certificate that the client was shown."""
    certificate = client.quic.tls._peer_certificate
    assert certificate is not None
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(found.get_values_for_type(x509.DNSName))


class Shaken(SynchronousTestCase):
    def test_what_was_agreed(self) -> None:
        world = QuicWorld()
        client = world.client("a.test")
        self.assertEqual(len(client.heard_of(events.HandshakeCompleted)), 1)
        (session,) = world.sessions
        info = session.connection.tls
        assert info is not None
        self.assertEqual((info.version, info.alpn, info.sni), ("TLSv1.3", "h3", "a.test"))
        self.assertIn(info.cipher, ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"))
        self.assertIn(info.group, ("X25519", "X25519MLKEM768", "secp256r1"))
        self.assertEqual(world.endpoint.half_open, 0)

    def test_each_name_has_its_certificate(self) -> None:
        world = QuicWorld()
        for name, expected in (
            ("a.test", {"a.test"}),
            ("B.test", {"b.test", "*.wild.test"}),
            ("x.wild.test", {"b.test", "*.wild.test"}),
            (None, {"a.test"}),
        ):
            self.assertEqual(names(world.client(name)), expected, name)

    def test_the_certificate_is_the_one_of_the_name_and_its_key_is_used(self) -> None:
        # The client verifies: with the wrong key, or the wrong name, there would be no handshake.
        world = QuicWorld()
        client = world.client(
            "b.test", verify_mode=ssl.CERT_REQUIRED, cadata=PAIRS[1].chain, cafile=None, capath=None
        )
        self.assertEqual(len(world.sessions), 1, client.told)

    def test_a_hello_of_several_packets(self) -> None:
        world = QuicWorld()
        client = world.client("a.test", alpn_protocols=["h3", *(f"x{number}" * 20 for number in range(40))])
        self.assertGreater(len([data for data in client.sent if data[0] & 0xF0 == 0xC0]), 1)
        self.assertEqual(len(world.sessions), 1)

    def test_there_are_no_tickets_and_so_no_early_data(self) -> None:
        tickets: list[Any] = []
        world = QuicWorld()
        client = Client(world, "a.test")
        client.quic._session_ticket_handler = tickets.append
        client.quic.tls.new_session_ticket_cb = tickets.append
        world.run(2.0)
        self.assertEqual((len(world.sessions), tickets), (1, []))
