"""A UDP server whose machine says that nobody listens is passed over."""

from __future__ import annotations

from tests.loopback.peers import Gateway, UdpEcho, free_port, run
from tests.loopback.udp_clients import UdpTestCase, config, dns


class Servers(UdpTestCase):
    """Servers, some of which are not there."""

    def test_the_next_one_is_asked_next(self) -> None:
        echo = self.start(UdpEcho())
        gateway = self.start(Gateway(config(free_port(), echo.port)))
        client = self.client(gateway.port)
        client.settimeout(0.2)
        client.send(b"lost")
        self.assertRaises(TimeoutError, client.recv, 10)
        line = gateway.ended(1)[0]
        self.assertEqual(line["reason"], "upstream_connect_refused")
        client.settimeout(2)
        for _ in range(3):
            self.assertEqual(self.ask(client, b"found"), b"found")
            self.assertEqual(self.ask(self.client(gateway.port), b"found"), b"found")

    def test_dig_tries_again_and_is_answered(self) -> None:
        echo = self.start(UdpEcho(dns))
        gateway = self.start(Gateway(config(free_port(), echo.port)))
        words = ("@127.0.0.1", "-p", str(gateway.port), "+tries=2", "+time=1", "+short", "toron.test")
        self.assertIn(b"192.0.2.53\n", run("dig", *words).stdout)

    def test_ejected_by_passive_health(self) -> None:
        options = ", passive_health: {failures: 1, base: 60s, max_ejected: 100%}"
        gateway = self.start(Gateway(config(free_port(), free_port(), options=options)))
        client = self.client(gateway.port)
        reasons = []
        for count in (1, 2, 3):
            client.send(b"x")
            reasons.append(gateway.ended(count)[-1]["reason"])
        self.assertEqual(reasons, ["upstream_connect_refused"] * 2 + ["no_server_available"])

    def test_a_name(self) -> None:
        echo = self.start(UdpEcho())
        text = config(echo.port).replace("udp://127.0.0.1", "udp://localhost")
        gateway = self.start(Gateway(text))
        client = self.client(gateway.port)
        for number in range(5):
            client.send(b"%d" % number)
        self.assertEqual([client.recv(10) for _ in range(5)], [b"%d" % number for number in range(5)])
