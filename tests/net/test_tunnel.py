"""A tunnel joins two ends, and is released once, however it ends."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import Transport, World, nobody
from toron.net.relay import Relay
from toron.net.tunnel import UpstreamTunnel


class Tunnels(SynchronousTestCase):
    """A client and a server, both fakes."""

    def setUp(self) -> None:
        self.world = World(nobody)
        self.client, self.server = Transport(), Transport()
        self.addCleanup(self.client.handle.close)
        self.addCleanup(self.server.handle.close)
        self.released: list[str] = []
        self.over: list[Relay] = []
        self.tunnel = UpstreamTunnel(self.server, b"welcome", lambda: self.released.append("released"))

    def join(self) -> Relay:
        return self.tunnel.join(self.client, b"early", self.world.sweep, False, self.over.append)

    def test_what_came_already_is_passed_on_first(self) -> None:
        relay = self.join()
        self.assertEqual((self.server.written, self.client.written), (b"early", b"welcome"))
        self.server.protocol.dataReceived(b" in")
        self.assertEqual(self.client.written, b"welcome in")
        self.server.lose()
        self.assertEqual((self.released, self.over), ([], []))
        self.client.lose()
        self.assertEqual((self.released, self.over), (["released"], [relay]))
        self.assertEqual((relay.client.received, relay.server.received), (5, 10))

    def test_idle(self) -> None:
        self.tunnel.idle = 10.0
        relay = self.join()
        self.world.pass_time(10.1)
        self.assertEqual((self.client.ending, self.server.ending), ("abort", "abort"))
        assert relay.reason is not None
        self.assertEqual(relay.reason.word, "idle_timeout")

    def test_without_a_limit(self) -> None:
        self.join()
        self.world.pass_time(1e6)
        self.assertEqual((self.client.ending, self.server.ending), ("", ""))

    def test_nobody_joins(self) -> None:
        self.tunnel.abort()
        self.assertEqual((self.server.ending, self.released), ("abort", ["released"]))
