"""Which listener takes what, what its guards say, and whose certificate is shown."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.explain.case import ExplainCase
from toron.explain.entrance import caller, taken
from toron.explain.question import question
from toron.explain.record import Record
from toron.guards import allow, deny

DOORS = """
    listeners:
      - {protocol: http, port: 80, address: 127.0.0.1}
      - {name: other, protocol: http, port: 80, address: 192.0.2.1}
      - {protocol: tcp, port: 8080, echo: {}}
      - {protocol: https, port: 8443, certificates: [{self_signed: a.test}]}
      - {protocol: sni, port: 9443, backend: {url: "tcp://a:1"}}
      - {protocol: sni, port: 9443, transport: udp, backend: {url: "udp://a:1"}}
      - {protocol: udp, port: 53, echo: {}}
    routes: [{respond: {}}]
    """

GUARDED = """
    listeners:
      - protocol: tcp
        port: 1
        guards: [{allow: [10.0.0.0/8]}, {deny: [10.9.0.0/16]}]
        echo: {}
    """

TLS = """
    listeners:
      - protocol: https
        port: 443
        certificates:
          - self_signed: a.test
          - self_signed: ["*.b.test", b.test]
    routes: [{respond: {}}]
    """


class Listeners(ExplainCase):
    def name(self, url: str, listener: str | None = None) -> str:
        found = taken(self.loaded(DOORS), question(url, listener=listener))
        return found if isinstance(found, str) else found[1].name

    def test_by_scheme_and_port(self) -> None:
        for url, name in (
            ("http://a:80/", "http-80"),
            ("http://a/", "http-80"),
            ("http://a:8080/", "tcp-8080"),
            ("tcp://a:8080", "tcp-8080"),
            ("tls://a:8080", "tcp-8080"),
            ("https://a:8443/", "https-8443"),
            ("tls://a:8443", "https-8443"),
            ("https://a:9443/", "sni-9443"),
            ("udp://a:9443", "sni-udp-9443"),
            ("udp://a:53", "udp-53"),
        ):
            self.assertEqual(self.name(url), name, url)

    def test_none(self) -> None:
        self.assertEqual(self.name("tcp://a:9"), "no listener takes tcp on port 9")
        self.assertEqual(
            self.name("http://a:8443"), "no listener takes http on port 8443; https-8443 speaks https"
        )

    def test_ambiguous(self) -> None:
        record = self.ask(DOORS, "http://a/")
        assert record.listener is not None
        self.assertEqual(record.listener.others, ["other"])
        self.assertEqual(record.listener.note, "other listeners would do: name one with --listener")
        self.assertEqual(self.short(record.listener.place), "2:5")

    def test_one_that_is_named(self) -> None:
        self.assertEqual(self.name("http://a/", "other"), "other")
        self.assertEqual(self.name("https://a:1/", "https-8443"), "https-8443")
        error = self.assertRaises(ValueError, self.name, "http://a/", "absent")
        self.assertIn("there is no listener 'absent': there are http-80, other, tcp-8080", str(error))

    def test_a_mapped_port(self) -> None:
        record = self.ask(DOORS, "https://a.test/")
        assert record.listener is not None
        self.assertEqual((record.listener.name, record.listener.others), ("https-8443", []))
        self.assertIn("nothing listens on port 443", record.listener.note)
        self.assertEqual(self.name("tls://a"), "no listener takes tls on port 443")

    def test_http3(self) -> None:
        text = """
            listeners:
              - {protocol: https, port: 443, certificates: [{self_signed: a.test}]}
              - {protocol: http3, port: 443, certificates: [{self_signed: a.test}]}
              - {protocol: http3, port: 444, certificates: [{self_signed: b.test}]}
            routes: [{name: r, match: {scheme: https}, respond: {}}]
            """
        for url, alpn, name, reason in (
            ("https://a.test/", [], "https-443", None),
            ("https://a.test/", ["h3"], "http3-443", None),
            ("https://a.test:444/", ["h3"], "http3-444", "unrecognized_name"),
        ):
            record = self.ask(text, url, alpn=alpn)
            assert record.listener is not None
            self.assertEqual((record.listener.name, record.listener.others), (name, []))
            self.assertEqual(record.outcome.reason, reason)
        self.assertEqual(
            self.ask(text, "https://b.test:444/").outcome.detail,
            "no listener takes https on port 444; http3-444 speaks http3",
        )

    def test_a_proxy_header_is_believed(self) -> None:
        text = "listeners: [{protocol: tcp, port: 1, echo: {}, proxy_protocol: {trusted: 192.0.2.1}}]"
        record = self.ask(text, "tcp://a:1", client="10.1.1.1")
        assert record.listener is not None
        self.assertEqual(record.listener.note, "the client is taken to be who the PROXY header names")

    def test_a_caller(self) -> None:
        spec = self.loaded(TLS).config.listeners[0]
        made = caller(question("https://a.test", client="10.1.1.1"), spec)
        assert made.tls is not None
        self.assertEqual((made.tls.sni, made.tls.alpn), ("a.test", "h2"))
        self.assertEqual((made.peer_ip, made.peer_port, made.local_port), ("10.1.1.1", 0, 443))


class Guards(ExplainCase):
    def verdicts(self, record: Record) -> list[tuple[str, str, str | None, str]]:
        return [(step.name, step.verdict, step.reason, self.short(step.place)) for step in record.guards]

    def test_all_pass(self) -> None:
        record = self.ask(GUARDED, "tcp://a:1", client="10.1.1.1")
        self.assertEqual(
            self.verdicts(record), [("allow", "passes", None, "4:14"), ("deny", "passes", None, "4:37")]
        )
        self.assertEqual(record.outcome.kind, "answer")

    def test_the_first_that_refuses_is_the_last(self) -> None:
        record = self.ask(GUARDED, "tcp://a:1")
        self.assertEqual(self.verdicts(record), [("allow", "refuses", "address_not_allowed", "4:14")])
        self.assertEqual((record.outcome.kind, record.outcome.reason), ("refused", "address_not_allowed"))
        self.assertEqual(self.ask(GUARDED, "tcp://a:1", client="10.9.0.1").outcome.reason, "address_denied")

    def test_one_that_waits(self) -> None:
        async def waits(connection: object, serve: object) -> None:
            await Deferred()

        self.patch(allow, "make", lambda *_: waits)
        record = self.ask(GUARDED, "tcp://a:1")
        self.assertEqual([step.verdict for step in record.guards], ["unknown", "passes"])
        self.assertIn("only a running gateway", record.guards[0].note)
        self.assertEqual((record.outcome.kind, record.outcome.certain), ("answer", False))

    def test_one_that_says_nothing_at_all(self) -> None:
        async def silent(connection: object, serve: object) -> None:
            return None

        self.patch(deny, "make", lambda *_: silent)
        record = self.ask(GUARDED, "tcp://a:1", client="10.1.1.1")
        self.assertEqual(self.verdicts(record)[1], ("deny", "refuses", None, "4:37"))
        self.assertEqual(record.outcome.kind, "refused")


class Certificates(ExplainCase):
    def shown(self, url: str) -> tuple[list[str], str, str]:
        step = self.ask(TLS, url).certificate
        assert step is not None
        return step.names, step.asked, self.short(step.place)

    def test_by_name(self) -> None:
        self.assertEqual(self.shown("https://a.test/"), (["a.test"], "a.test", "5:9"))
        self.assertEqual(self.shown("https://x.b.test/"), (["*.b.test", "b.test"], "x.b.test", "6:9"))
        self.assertEqual(self.shown("https://192.0.2.1/"), (["a.test"], "", "5:9"))

    def test_a_name_that_none_has(self) -> None:
        outcome = self.ask(TLS, "https://c.test/").outcome
        self.assertEqual(
            (outcome.kind, outcome.reason, outcome.status), ("refused", "unrecognized_name", None)
        )

    def test_without_tls(self) -> None:
        self.assertIsNone(self.ask(DOORS, "http://a/").certificate)
