"""Servers that fail real requests are left alone for a while."""

from __future__ import annotations

import socket
import time

from tests.loopback.peers import (
    Conversation,
    CountingBackend,
    Gateway,
    LoopbackTestCase,
    eventually,
    free_port,
)
from tests.loopback.sockets import recv_all
from tests.loopback.web import answer, ask, metric

CONFIG = """
listeners:
  - {{protocol: http, address: 127.0.0.1, port: @PORT@}}
  - {{protocol: tcp, address: 127.0.0.1, port: @TCP@, backend: tcp}}
routes: [{{backend: web}}]
backends:
  web:
    servers: ["http://127.0.0.1:{bad}", "http://127.0.0.1:{good}"]
    passive_health: {{failures: 5, base: {base}, max_ejected: {most}}}
  tcp:
    servers: ["tcp://127.0.0.1:{dead}", "tcp://127.0.0.1:{good}"]
    passive_health: {{failures: 1, base: 2s}}
    retries: {{attempts: 2}}
admin: {{port: @ADMIN@}}
"""


class Ejections(LoopbackTestCase):
    """One of two servers answers 500, in turn with one that does not."""

    def setUp(self) -> None:
        self.answer = answer("bad", 500)
        self.bad = self.start(CountingBackend(self.talk))
        self.good = self.start(CountingBackend(answer("good")))
        self.dead = free_port()

    def talk(self, conversation: Conversation) -> None:
        while True:
            conversation.read_request()
            conversation.send(self.answer)

    def serve(self, base: str, most: str = "50%") -> Gateway:
        ports = {"bad": self.bad.port, "good": self.good.port, "dead": self.dead}
        return self.start(Gateway(CONFIG.format(base=base, most=most, **ports)))

    def ejected(self, gateway: Gateway, backend: str, port: int) -> float:
        labels = {"backend": backend, "server": f"127.0.0.1:{port}"}
        return metric(gateway.ports["ADMIN"], "toron_server_ejected", **labels)

    def test_out_after_five_failures_for_the_base_time(self) -> None:
        gateway = self.serve("1s")
        first = [ask(gateway.port).text for _ in range(9)]
        self.assertEqual(first, ["bad", "good"] * 4 + ["bad"])
        out = time.monotonic()
        self.assertEqual(self.ejected(gateway, "web", self.bad.port), 1)
        self.assertEqual({ask(gateway.port).text for _ in range(20)}, {"good"})
        self.assertIn(f"server web/127.0.0.1:{self.bad.port} is down: status 500", gateway.log())
        self.answer = answer("mended")
        eventually(lambda: ask(gateway.port).text == "mended")
        self.assertGreater(time.monotonic() - out, 0.7)  # deadlines are looked at now and then
        self.assertIn(f"server web/127.0.0.1:{self.bad.port} is up: ejection over", gateway.log())
        self.assertEqual(self.ejected(gateway, "web", self.bad.port), 0)

    def test_longer_the_second_time(self) -> None:
        gateway = self.serve("300ms")
        for wait in (0.3, 0.6):
            eventually(
                lambda: ask(gateway.port).text == "bad" and self.ejected(gateway, "web", self.bad.port)
            )
            out = time.monotonic()
            eventually(lambda: ask(gateway.port).text == "bad")
            self.assertGreater(time.monotonic() - out, wait - 0.25)
        self.assertEqual(gateway.log().count("is down: status 500"), 2)

    def test_a_success_in_between_starts_the_count_anew(self) -> None:
        gateway = self.serve("60s")
        for _ in range(4):
            self.answer = answer("bad", 500)
            self.assertEqual([ask(gateway.port).text for _ in range(8)], ["bad", "good"] * 4)
            self.answer = answer("fine")
            self.assertEqual([ask(gateway.port).text for _ in range(2)], ["fine", "good"])
        self.assertEqual(self.ejected(gateway, "web", self.bad.port), 0)

    def test_never_more_than_the_share_that_is_allowed(self) -> None:
        gateway = self.serve("60s", most="0%")
        self.assertEqual([ask(gateway.port).text for _ in range(20)], ["bad", "good"] * 10)

    def test_connections_too(self) -> None:
        gateway = self.serve("60s")
        with socket.create_connection(("127.0.0.1", gateway.ports["TCP"])) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            sock.shutdown(socket.SHUT_WR)
            self.assertIn(b"good", recv_all(sock))
        self.assertEqual(self.ejected(gateway, "tcp", self.dead), 1)
        self.assertIn(f"server tcp/127.0.0.1:{self.dead} is down: upstream_connect_refused", gateway.log())
