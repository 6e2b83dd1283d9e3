"""Tests of the handshake: the certificate by name, what is refused and how the client learns of it."""

from __future__ import annotations

import ssl
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.quic_fakes import Client, QuicWorld

CRYPTO_ERROR = 0x100


class Refused(SynchronousTestCase):
    def refused(self, word: str, code: int, name: str | None = "a.test", **options: Any) -> QuicWorld:
        world = QuicWorld()
        client = world.client(name, **options)
        self.assertEqual((world.sessions, world.refused), ([], [("198.51.100.1", word)]))
        self.assertEqual(client.close_code, code)
        self.assertEqual((world.endpoint.half_open, len(world.endpoint.connections)), (0, 0))
        return world

    def test_a_name_that_nobody_has(self) -> None:
        self.refused("unrecognized_name", CRYPTO_ERROR + 112, "c.test")

    def test_a_client_that_speaks_other_protocols(self) -> None:
        self.refused("handshake_failed", CRYPTO_ERROR + 120, alpn_protocols=["hq-interop"])
        self.refused("handshake_failed", CRYPTO_ERROR + 120, alpn_protocols=None)

    def test_a_client_that_does_not_trust_us(self) -> None:
        world = QuicWorld()
        world.client("a.test", verify_mode=ssl.CERT_REQUIRED)
        self.assertEqual((world.sessions, world.refused), ([], [("198.51.100.1", "handshake_failed")]))
        self.assertEqual(world.endpoint.half_open, 0)

    def test_a_client_that_stops_in_the_middle(self) -> None:
        world = QuicWorld()
        client = Client(world)
        client.speak()
        world.endpoint.doRead()
        world.clients.clear()
        self.assertEqual((world.endpoint.half_open, len(world.endpoint.connections)), (1, 1))
        world.run(4.8)
        self.assertEqual(world.refused, [])
        world.run(0.4)
        self.assertEqual(world.refused, [("198.51.100.1", "handshake_timeout")])
        self.assertEqual((world.endpoint.half_open, len(world.endpoint.connections)), (0, 0))
        world.run(60)
        self.assertEqual(world.endpoint._by_id, {})
        self.assertEqual(world.reactor.getDelayedCalls(), [])
