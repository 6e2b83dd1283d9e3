"""An SNI listener looks at the ClientHello, and leaves it to the server it leads to."""

from __future__ import annotations

from typing import Any

from tests.net.tls_accepted import TlsAccepted
from toron.core.connection_routing import ConnectionPattern, ConnectionRouter
from toron.listeners.sni import serve_sni
from toron.net.connection import Connection
from toron.wire.events import Malformed


class Routing(TlsAccepted):
    """Routes by name and protocol."""

    def setUp(self) -> None:
        super().setUp()
        self.served: list[str] = []

        def to(name: str) -> Any:
            async def serve(connection: Connection) -> None:
                self.served.append(name)

            return serve

        router = ConnectionRouter(
            [
                (ConnectionPattern(sni=["a.test"], alpn=[b"h2"]), to("a with h2")),
                (ConnectionPattern(sni=["a.test"]), to("a")),
                (ConnectionPattern(sni=[""]), to("nobody")),
            ]
        )
        self.begin(serve_sni(router, 5.0)(self.connection))

    def test_by_name_and_protocol(self) -> None:
        for name, protocols, leads_to in (
            ("a.test", (b"h2", b"http/1.1"), "a with h2"),
            ("a.test", (b"http/1.1",), "a"),
            ("A.TEST", (), "a"),
            ("", (), "nobody"),
        ):
            self.setUp()
            self.shake(name, *protocols)
            said = bytes(self.wire.near.buffer)
            self.wire.run(1)
            self.assertEqual((self.results, self.served), ([None], [leads_to]))
            self.assertEqual(self.connection.held, said)
            self.assertTrue(self.wire.far.paused)

    def test_nothing_matches(self) -> None:
        self.shake("b.test")
        self.wire.run()
        self.assertEqual(self.reason(), "no_route")
        self.assertEqual(self.client.received, b"", "it is dropped without a word")

    def test_no_hello(self) -> None:
        self.wire.near.write(b"GET / HTTP/1.1\r\n\r\n")
        self.wire.run()
        self.assertIsInstance(self.results[0], Malformed)

    def test_late(self) -> None:
        self.clock.advance(5.1)
        self.assertEqual(self.reason(), "handshake_timeout")
