"""What may be asked about, and what is said of the rest."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.explain.question import Question, header, question


class Urls(SynchronousTestCase):
    def parts(self, url: str) -> tuple[str, str, int | None, bool, str, str]:
        asked = question(url)
        return asked.scheme, asked.host, asked.port, asked.port_written, asked.target, asked.authority

    def test_http(self) -> None:
        self.assertEqual(self.parts("http://a.test"), ("http", "a.test", 80, False, "/", "a.test"))
        self.assertEqual(
            self.parts("https://A.test:8443/b/c?d=1"),
            ("https", "A.test", 8443, True, "/b/c?d=1", "A.test:8443"),
        )
        self.assertEqual(self.parts("http://a.test?q"), ("http", "a.test", 80, False, "/?q", "a.test"))
        self.assertEqual(self.parts("https://a.test:443/")[3:], (True, "/", "a.test"))
        self.assertEqual(self.parts("http://[::1]:81/")[1:], ("::1", 81, True, "/", "[::1]:81"))

    def test_layer_4(self) -> None:
        for url, scheme, host, port in (
            ("tcp://a:1", "tcp", "a", 1),
            ("tcp://:1/", "tcp", "", 1),
            ("tls://db.test", "tls", "db.test", 443),
            ("udp://[2001:db8::1]:53", "udp", "2001:db8::1", 53),
        ):
            asked = question(url)
            self.assertEqual((asked.scheme, asked.host, asked.port), (scheme, host, port))
            self.assertFalse(asked.is_http)

    def test_the_name_that_tls_asks_for(self) -> None:
        for url, name in (
            ("https://A.Test./", "a.test"),
            ("tls://127.0.0.1:1", ""),
            ("https://[::1]/", ""),
            ("http://a.test/", ""),
            ("tcp://a.test:1", ""),
            ("udp://a.test:1", "a.test"),
        ):
            self.assertEqual(question(url).sni, name, url)

    def test_what_tls_offers(self) -> None:
        self.assertEqual(question("https://a.test").alpn, ("h2", "http/1.1"))
        self.assertEqual(question("tls://a.test:1").alpn, ())
        self.assertEqual(question("tls://a.test:1", alpn=["x"]).alpn, ("x",))

    def test_the_client_is_written_in_one_way(self) -> None:
        self.assertEqual(question("http://a", client="::ffff:192.0.2.1").client, "192.0.2.1")


class Wrong(SynchronousTestCase):
    def said(self, *asked: Any, **more: Any) -> str:
        return str(self.assertRaises(ValueError, question, *asked, **more))

    def test_urls(self) -> None:
        for url, said in (
            ("ftp://a", "'ftp://a' is not asked about: write a URL with http://, https://, tcp://, tls://"),
            ("a.test/b", "'a.test/b' is not asked about"),
            ("http://a b/", "is not asked about"),
            ("http://user@a/", "is not asked about"),
            ("http://a/#x", "is not asked about"),
            ("http://a\r\nX: y/", "is not asked about"),
            ("http://a/\r\nX:y", "is not asked about"),
            ("http:///x", "'http:///x' names no host: write http://HOST/"),
            ("tcp://a", "'tcp://a' needs a port: write tcp://a:PORT"),
            ("http://a:65536/", "needs a port"),
            ("tls://a:1/x", "'tls://a:1/x' has a path: write tls://a:1"),
        ):
            self.assertIn(said, self.said(url))

    def test_the_rest(self) -> None:
        self.assertIn("tcp:// has no method or headers", self.said("tcp://a:1", "POST"))
        self.assertIn("udp:// has no method or headers", self.said("udp://a:1", headers=[("A", "b")]))
        self.assertEqual(
            self.said("http://a", client="example"),
            "'example' is not an address: write one such as 192.0.2.7",
        )
        self.assertEqual(self.said("http://a", "GE T"), "'GE T' is not a method: write one such as GET")


class Headers(SynchronousTestCase):
    def test_fields(self) -> None:
        self.assertEqual(header("X-A: b: c "), ("X-A", "b: c"))
        self.assertEqual(header("X-A:"), ("X-A", ""))

    def test_none(self) -> None:
        for line in ("X-A", ": b", "X A: b"):
            said = str(self.assertRaises(ValueError, header, line))
            self.assertEqual(said, f"{line!r} is not a header: write 'Name: value'")

    def test_a_question_can_be_remembered(self) -> None:
        self.assertEqual(len({question("http://a"), question("http://a")}), 1)
        self.assertIsInstance(question("http://a"), Question)
