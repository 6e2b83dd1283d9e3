"""Layer 4: the route that takes a connection, those it shadows, and what the others miss."""

from __future__ import annotations

from tests.explain.case import ExplainCase
from toron.explain.record import Record

TEXT = """
    listeners:
      - protocol: sni
        port: 443
        routes:
          - {name: pg, match: {sni: db.test, alpn: postgresql}, backend: a}
          - {name: db, match: {sni: db.test}, backend: b}
          - {match: {sni: "*.test"}, backend: c}
          - {name: lan, match: {client_ip: 10.0.0.0/8}, backend: b}
      - {protocol: tcp, port: 81, backend: b}
      - {protocol: tls, port: 82, certificates: [{self_signed: db.test}], echo: {}}
      - {protocol: sni, port: 83, transport: udp, routes: [{name: q, match: {sni: db.test}, backend: u}]}
    backends:
      a: {url: "tcp://a:1"}
      b: {url: "tcp://b:1"}
      c: {url: "tcp://c:1"}
      u: {url: "udp://u:1"}
    """


class Connections(ExplainCase):
    def steps(self, record: Record) -> tuple[str | None, list[str], list[str]]:
        near = [
            f"{step.name} {missed.what} {missed.asked} {missed.wanted} {self.short(missed.place)}"
            for step in record.near
            if (missed := step.missed) is not None
        ]
        return record.route and record.route.name, [step.name for step in record.shadowed], near

    def test_by_name_and_protocol(self) -> None:
        record = self.ask(TEXT, "tls://db.test", alpn=["postgresql"])
        self.assertEqual(
            self.steps(record),
            ("pg", ["db", "3:*.test"], ["lan client_ip 127.0.0.1 10.0.0.0/8 8:29"]),
        )
        assert record.route is not None and record.backend is not None
        self.assertEqual((self.short(record.route.place), record.backend.name), ("5:9", "a"))

    def test_what_is_missed_least_comes_first(self) -> None:
        record = self.ask(TEXT, "tls://other")
        self.assertEqual(
            self.steps(record),
            (
                None,
                [],
                [
                    "lan client_ip 127.0.0.1 10.0.0.0/8 8:29",
                    "pg sni other db.test 5:28",
                    "db sni other db.test 6:28",
                    "3:*.test sni other *.test 7:18",
                ],
            ),
        )
        self.assertEqual((record.outcome.reason, record.outcome.status), ("no_route", None))

    def test_a_protocol_that_is_missed(self) -> None:
        record = self.ask(TEXT, "tls://db.test")
        self.assertEqual(self.steps(record)[2][1], "pg alpn nothing postgresql 5:42")

    def test_the_listeners_own_backend(self) -> None:
        record = self.ask(TEXT, "tcp://x:81")
        self.assertEqual(
            self.steps(record),
            ("the listener's own backend", [], []),
        )
        assert record.route is not None and record.backend is not None
        self.assertEqual((self.short(record.route.place), record.backend.name), ("9:31", "b"))

    def test_an_echo(self) -> None:
        record = self.ask(TEXT, "tls://db.test:82")
        self.assertEqual(self.steps(record)[0], "the listener's own echo")
        self.assertEqual((record.outcome.kind, record.outcome.detail), ("answer", "what comes is sent back"))

    def test_quic(self) -> None:
        record = self.ask(TEXT, "udp://db.test:83")
        self.assertEqual((self.steps(record)[0], record.outcome.kind), ("q", "server"))
        self.assertEqual(self.ask(TEXT, "udp://x.test:83").outcome.reason, "no_route")
