"""Heads come through as they were meant, with what a server must know of the client."""

from __future__ import annotations

import json

from tests.loopback.versions.asked import Asked
from tests.loopback.versions.case import VersionCase, ok, saying
from tests.loopback.versions.connection import HOST
from tests.loopback.versions.exchange import Broken, Field

SPOOFED: list[Field] = [
    ("x-forwarded-for", "6.6.6.6"), ("x-real-ip", "6.6.6.6"), ("x-forwarded-proto", "gopher"),
    ("x-forwarded-host", "evil.example"), ("x-forwarded-port", "6"), ("forwarded", "for=6.6.6.6"),
    ("x_forwarded_for", "6.6.6.6"),
]  # fmt: skip


class Heads(VersionCase):
    """What is said of this hop stays here; everything else goes on."""

    def request(self, *fields: Field, method: str = "GET", first: str = "") -> Asked:
        """A request with these fields, as the server has got it."""
        got = self.exchange(ok, method, first, fields=fields)
        self.assertEqual((got.head().status, got.body()), (200, b"ok"))
        (asked,) = self.asked
        return asked

    # --- the request --------------------------------------------------------------------------

    def test_method_and_target(self) -> None:
        self.answering(ok)
        connection = self.connect()
        for method in ("GET", "DELETE", "OPTIONS", "PATCH", "REPORT"):
            for end in ("?", "?a=b&c=%2F;d", "/a%20b/%C3%A9", "//x/./y"):
                self.assertEqual(connection.ask(method, self.path() + end).body(), b"ok")
                self.assertEqual((self.asked[-1].method, self.asked[-1].target), (method, self.path() + end))

    def test_fields_keep_their_order_and_number(self) -> None:
        fields = [
            ("x-b", "1"),
            ("accept", "*/*"),
            ("x-a", ""),
            ("x-b", "two words, three"),
            ("x-e", "\xe9\xff"),
        ]
        asked = self.request(*fields)
        self.assertEqual([field for field in asked.fields if field in fields], fields)

    def test_the_host(self) -> None:
        self.answering(ok)
        connection = self.connect()
        for host in (HOST, "b.example:81", "[::1]:80", "127.0.0.1"):
            self.assertEqual(connection.ask("GET", self.path(), host=host).head().status, 200)
            self.assertEqual(self.asked[-1].all("host"), [host])
            self.assertEqual(self.asked[-1].all("x-forwarded-host"), [host])

    def test_a_host_that_the_connection_is_not_for(self) -> None:
        """The certificate that was shown is for neither of the first two; in the clear there is none."""
        self.answering(ok)
        connection = self.connect()
        secure = self.way.scheme == "https"
        for host in ("c.example", "x.a.example", "A.EXAMPLE:1", "a.example."):
            got = connection.ask("GET", self.path(), host=host)
            wrong = secure and not host.lower().startswith("a.")
            self.assertEqual(got.head().status, 421 if wrong else 200, host)
            self.assertEqual(b"misdirected" in got.body(), wrong)
        self.assertEqual(len(self.asked), 2 if secure else 4)
        lines = self.lines(self.path(), 4)
        self.assertEqual([line.get("reason") for line in lines[:2]], ["misdirected" if secure else None] * 2)
        self.assertEqual({line["route"] for line in lines[:2]}, {"" if secure else "all"})

    def test_the_crumbs_of_a_cookie_are_one_field(self) -> None:
        asked = self.request(("cookie", "a=1"), ("accept", "x/y"), ("cookie", "b=2; c=3"), ("cookie", "d=4"))
        self.assertEqual(asked.all("cookie"), ["a=1; b=2; c=3; d=4"])

    def test_what_a_client_says_of_itself_is_not_believed(self) -> None:
        asked = self.request(*SPOOFED, first="/forwarded")
        for word in ("6.6.6.6", "evil", "gopher"):
            self.assertNotIn(word, asked.text)
        port = str(self.gateway.ports[self.way.word])
        said = {name: asked.all(name) for name, _ in SPOOFED if "-" in name}
        self.assertEqual(
            said,
            {
                "x-forwarded-for": ["127.0.0.1"],
                "x-real-ip": ["127.0.0.1"],
                "x-forwarded-proto": [self.way.scheme],
                "x-forwarded-host": [HOST],
                "x-forwarded-port": [port],
            },
        )
        self.assertEqual(asked.all("forwarded"), [f"for=127.0.0.1;host={HOST};proto={self.way.scheme}"])

    def test_what_concerns_one_hop_stays_there(self) -> None:
        asked = self.request(("te", "trailers"), ("proxy-authorization", "Basic eDp5"), ("x-kept", "yes"))
        self.assertEqual(asked.all("x-kept"), ["yes"])
        for name in ("proxy-authorization", "keep-alive", "upgrade", "http2-settings", "transfer-encoding"):
            self.assertEqual(asked.all(name), [], name)
        for pseudo in (":method", ":path", ":authority", ":scheme"):
            self.assertNotIn(pseudo, asked.text)

    def test_what_the_gateways_own_echo_has_seen(self) -> None:
        got = self.connect().ask("PUT", "/echo/x?y", [("x-a", "1")], b"z")
        seen = json.loads(got.body())
        self.assertEqual((seen["method"], seen["body"]), ("PUT", "z"))
        self.assertIn(["x-a", "1"], [[name.lower(), value] for name, value in seen["headers"]])

    # --- the answer ---------------------------------------------------------------------------

    def test_answers_keep_their_fields(self) -> None:
        fields = [
            ("set-cookie", "a=1"),
            ("x-a", ""),
            ("set-cookie", "b=2"),
            ("x-e", "\xe9\xff"),
            ("etag", '"x"'),
        ]
        got = self.exchange(saying(200, b"ok", *fields))
        self.assertEqual([field for field in got.head().fields if field in fields], fields)
        self.assertEqual(len(got.head().all("date")), 1)

    def test_what_concerns_the_servers_hop_stays_there(self) -> None:
        hop = [
            ("Connection", "keep-alive, X-Hop"),
            ("Keep-Alive", "timeout=5"),
            ("X-Hop", "1"),
            ("X-End", "2"),
        ]
        got = self.exchange(saying(200, b"ok", *hop))
        self.assertEqual(got.head().get("x-end"), "2")
        for name in ("x-hop", "keep-alive", "connection", "transfer-encoding", "upgrade"):
            self.assertEqual(got.head().all(name), [], name)

    def test_every_status_passes(self) -> None:
        statuses = [201, 202, 206, 301, 400, 401, 404, 410, 418, 429, 451, 500, 503, 599]
        rest = iter(statuses)
        self.answering(lambda asked: asked.answer(next(rest), b"own"))
        connection = self.connect()
        got = [connection.ask("GET", self.path()) for _ in statuses]
        self.assertEqual(sorted(each.head().status for each in got), statuses)
        self.assertEqual({each.body() for each in got}, {b"own"})

    # --- interim responses --------------------------------------------------------------------

    def test_interim_responses_come_before_the_final_one(self) -> None:
        def answer(asked: Asked) -> None:
            asked.inform(103, ("Link", "</a.css>"))
            asked.inform(103, ("Link", "</b.css>"))
            asked.inform(102)
            asked.answer(200, b"ok")

        got = self.exchange(answer)
        self.assertEqual((got.head().status, got.body()), (200, b"ok"))
        seen = [(head.status, head.get("link")) for head in got.interim]
        self.assertEqual(seen, [(103, "</a.css>"), (103, "</b.css>"), (102, None)])
        self.assertEqual(self.line(self.path())["status"], 200)

    def test_an_expectation_is_the_servers_to_answer(self) -> None:
        def answer(asked: Asked) -> None:
            asked.inform(100)
            asked.answer(200, asked.body())

        got = self.exchange(answer, "PUT", fields=[("expect", "100-continue")], length=5, end=False)
        self.assertEqual(got.next_head().status, 100)
        got.send(b"hello")
        got.end()
        self.assertEqual((got.head().status, got.body()), (200, b"hello"))
        self.assertEqual(self.asked[0].all("expect"), ["100-continue"])

    def test_the_gateways_own_echo_says_continue(self) -> None:
        got = self.connect().ask("PUT", "/echo", [("expect", "100-continue")], length=5, end=False)
        self.assertEqual(got.next_head().status, 100)
        got.send(b"hello")
        got.end()
        self.assertIn(b'"body": "hello"', got.body())

    # --- trailers -----------------------------------------------------------------------------

    def test_trailers_travel_both_ways(self) -> None:
        self.echoing()
        got = self.connect().ask("POST", self.path(), [("te", "trailers"), ("trailer", "x-sum")], end=False)
        got.send(b"data")
        got.end([("x-sum", "9"), ("x-more", "a b")])
        self.assertEqual(got.body(), b"data")
        self.assertEqual(got.trailers, [("x-sum", "9"), ("x-more", "a b")])
        self.assertEqual((self.asked[0].all("te"), self.asked[0].all("trailer")), (["trailers"], ["x-sum"]))

    def test_trailers_of_an_empty_body(self) -> None:
        self.echoing()
        got = self.connect().ask("POST", self.path(), [("te", "trailers")], end=False)
        got.end([("x-sum", "0")])
        self.assertEqual((got.body(), got.trailers), (b"", [("x-sum", "0")]))

    # --- too large ----------------------------------------------------------------------------

    def refused_head(self, fields: list[Field], *reasons: str) -> None:
        """Such a head is refused, with 431 or as the version does it, and no server hears of it."""
        backend = self.answering(ok)
        got = self.connect().ask("GET", self.path(), fields)
        try:
            self.assertEqual(got.head().status, 431)
        except Broken as broken:
            self.assertTrue(self.way.one_connection, broken)
        self.assertEqual(backend.connections, 0)
        self.assertEqual(self.connect().ask("GET", self.path() + "/next").body(), b"ok")

    def test_a_head_that_is_too_large(self) -> None:
        self.refused_head([("x-large", "y" * 9000)])

    def test_a_head_of_too_many_fields(self) -> None:
        self.refused_head([(f"x-{number}", "y") for number in range(50)])

    def test_a_head_that_is_just_not_too_large(self) -> None:
        asked = self.request(("x-large", "y" * 7000), *((f"x-{number}", "y") for number in range(30)))
        self.assertEqual(asked.get("x-large"), "y" * 7000)

    def test_a_large_head_of_an_answer(self) -> None:
        got = self.exchange(saying(200, b"ok", ("x-large", "z" * 30_000)))
        self.assertEqual((got.head().get("x-large"), got.body()), ("z" * 30_000, b"ok"))
