"""Guards of a UDP listener: refused clients reach no server, and sessions are counted down again."""

from __future__ import annotations

from tests.loopback.peers import Gateway, UdpEcho, eventually
from tests.loopback.udp_clients import UdpTestCase, config


class Guarded(UdpTestCase):
    """A guard sees a session as it sees a connection."""

    def test_networks(self) -> None:
        echo = self.start(UdpEcho())
        more = ", address: 127.0.0.1, guards: [{deny: [127.0.0.7]}]"
        gateway = self.start(Gateway(config(echo.port, more=more)))
        denied = self.client(gateway.port, bind=("127.0.0.7", 0))
        denied.settimeout(0.2)
        for _ in range(50):
            denied.send(b"x")
        self.assertRaises(TimeoutError, denied.recv, 10)
        self.assertEqual(self.ask(self.client(gateway.port), b"y"), b"y")
        self.assertEqual(echo.datagrams, [b"y"])
        lines = gateway.ended(1)
        self.assertEqual([line["reason"] for line in lines], ["address_denied"], "one line, not fifty")

    def test_sessions_of_one_client(self) -> None:
        echo = self.start(UdpEcho())
        more = ", address: 127.0.0.1, idle: 300ms, guards: [{connections: {per_client: 2}}]"
        gateway = self.start(Gateway(config(echo.port, more=more)))
        for _ in range(2):
            self.assertEqual(self.ask(self.client(gateway.port), b"x"), b"x")
        third = self.client(gateway.port)
        third.settimeout(0.2)
        third.send(b"x")
        self.assertRaises(TimeoutError, third.recv, 10)
        other = self.client(gateway.port, bind=("127.0.0.2", 0))
        self.assertEqual(self.ask(other, b"x"), b"x")
        eventually(lambda: self.sessions(gateway) == 0)
        self.assertEqual(self.ask(self.client(gateway.port), b"again"), b"again")
        self.assertEqual(gateway.ended(1)[0]["reason"], "too_many_per_client")
