"""The access log says the same of a request, whichever version carried it: all but the version."""

from __future__ import annotations

from typing import Any

from tests.loopback.conversation import Ended
from tests.loopback.versions.asked import Asked
from tests.loopback.versions.case import VersionCase, ok
from tests.loopback.versions.connection import HOST
from tests.loopback.versions.exchange import Broken

OF_ITS_OWN = ("time", "id", "peer", "duration_ms", "upstream_ms", "tls")
"""What no two lines have in common, or is looked at by itself."""


class Records(VersionCase):
    """Whole lines, but for what differs from one request to the next."""

    def expected(self, path: str, **more: Any) -> dict[str, Any]:
        """A line of a GET that a server answered."""
        line = {
            "kind": "http", "listener": self.way.listener, "client": "127.0.0.1", "scheme": self.way.scheme,
            "host": HOST, "method": "GET", "path": path, "version": self.way.version, "status": 200,
            "route": "all", "backend": "b", "server": f"127.0.0.1:{self.gateway.ports['BACKEND']}",
            "bytes_in": 0, "bytes_out": 2, **more,
        }  # fmt: skip
        return {name: value for name, value in line.items() if value is not None}

    def check(self, line: dict[str, Any], expected: dict[str, Any]) -> None:
        self.assertEqual({name: line[name] for name in line if name not in OF_ITS_OWN}, expected)
        self.assertGreater(line["duration_ms"], 0)
        tls = line.get("tls", {})
        self.assertEqual(
            (tls.get("sni", ""), tls.get("alpn", "")), (HOST if self.way.alpn else "", self.way.alpn)
        )

    def test_a_request(self) -> None:
        path = self.path() + "?a=b&token=secret"
        got = self.exchange(ok, fields=[("user-agent", "test/1"), ("referer", "http://x/")])
        self.assertEqual(got.body(), b"ok")
        self.check(
            self.line(self.path()), self.expected(self.path(), user_agent="test/1", referer="http://x/")
        )
        self.connect().ask("GET", path).body()
        self.check(
            self.line(path.replace("secret", "<redacted>")),
            self.expected(path.replace("secret", "<redacted>")),
        )

    def test_bytes_are_those_of_the_body(self) -> None:
        self.echoing()
        got = self.connect().ask("PUT", self.path(), [("te", "trailers")], end=False)
        for _ in range(10):
            got.send(b"x" * 100)
        got.end([("x-sum", "1")])
        self.assertEqual(len(got.body()), 1000)
        self.check(
            self.line(self.path()), self.expected(self.path(), method="PUT", bytes_in=1000, bytes_out=1000)
        )

    def test_what_the_gateway_answers_itself(self) -> None:
        target = self.path("/text")
        self.connect().ask("GET", target).body()
        expected = self.expected(target, route="text", backend=None, server=None, bytes_out=9)
        self.check(self.line(target), expected)

    def test_a_refusal(self) -> None:
        target = self.path("/dead")
        got = self.connect().ask("GET", target)
        size = len(got.body())
        line = self.line(target)
        server = f"127.0.0.1:{self.gateway.ports['DEAD']}"
        expected = self.expected(
            target, route="dead", backend="dead", server=server, status=502, bytes_out=size,
            reason="upstream_connect_refused",
        )  # fmt: skip
        self.check(line, expected)

    def test_an_answer_that_was_cut_short(self) -> None:
        def answer(asked: Asked) -> None:
            asked.begin(length=10)
            asked.say(b"half")
            raise Ended

        self.assertRaises(Broken, self.exchange(answer).body)
        line = self.line(self.path())
        self.check(line, self.expected(self.path(), bytes_out=4, reason="upstream_closed"))

    def test_every_request_has_an_id_of_its_own(self) -> None:
        self.answering(ok)
        connection = self.connect()
        for exchange in [connection.ask("GET", self.path()) for _ in range(5)]:
            exchange.body()
        lines = self.lines(self.path(), 5)
        self.assertEqual(len({line["id"] for line in lines}), 5)
        self.assertEqual(len({line["peer"] for line in lines}), connection.opened)
