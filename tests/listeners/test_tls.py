"""A TLS listener ends TLS, and sends the bytes where name, protocol and address lead."""

from __future__ import annotations

from typing import Any

from tests.net.tls_accepted import CERTIFICATES, TlsAccepted
from tests.net.wires import Taker
from toron.core.connection_routing import ConnectionPattern, ConnectionRouter
from toron.listeners.tls import serve_tls
from toron.net.connection import Connection
from toron.observe.stats import ListenerStats


class Routing(TlsAccepted):
    """Routes by name and protocol."""

    def setUp(self) -> None:
        super().setUp()
        self.stats = ListenerStats("tls")
        self.taker = Taker()
        self.served: list[str] = []

        def to(name: str) -> Any:
            async def serve(connection: Connection) -> None:
                self.served.append(name)
                connection.hand_over(self.taker)
                await connection.ended

            return serve

        router = ConnectionRouter(
            [
                (ConnectionPattern(sni=["a.test"], alpn=[b"one"]), to("a with one")),
                (ConnectionPattern(sni=["a.test"]), to("a")),
            ]
        )
        self.begin(serve_tls(router, CERTIFICATES, 5.0, self.stats)(self.connection))

    def test_by_name_and_protocol(self) -> None:
        for protocols, leads_to in (((b"one",), "a with one"), ((b"two",), "a"), ((), "a")):
            self.setUp()
            client = self.shake("a.test", *protocols)
            self.wire.run()
            client.write(b"question")
            self.wire.run()
            self.assertEqual((self.served, self.taker.received), ([leads_to], b"question"))
            self.assertEqual(self.stats.handshakes, {"TLSv1.3": 1})
            self.assertEqual(self.results, [])

    def test_a_name_without_a_route(self) -> None:
        self.shake("b.test")
        self.wire.run()
        self.assertEqual(self.reason(), "no_route")

    def test_a_name_without_a_certificate(self) -> None:
        self.shake("c.test")
        self.wire.run()
        self.assertEqual(self.reason(), "unrecognized_name")
        self.assertEqual(self.stats.handshakes, {})
