"""Servers: what their URLs may be, and what they are called."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.server import Server


class Servers(SynchronousTestCase):
    def test_urls(self) -> None:
        for url, scheme, host, port, name in (
            ("http://127.0.0.1:9000", "http", "127.0.0.1", 9000, "127.0.0.1:9000"),
            ("http://a.test", "http", "a.test", 80, "a.test:80"),
            ("https://a.test", "https", "a.test", 443, "a.test:443"),
            ("tls://a.test", "tls", "a.test", 443, "a.test:443"),
            ("tcp://a.test:1", "tcp", "a.test", 1, "a.test:1"),
            ("udp://a.test:65535", "udp", "a.test", 65535, "a.test:65535"),
            ("HTTP://A.Test:8080", "http", "a.test", 8080, "a.test:8080"),
            ("http://[::1]:80", "http", "::1", 80, "[::1]:80"),
            ("https://[2001:DB8::A]", "https", "2001:db8::a", 443, "[2001:db8::a]:443"),
            ("tcp://[fe80::1%eth0]:5", "tcp", "fe80::1%eth0", 5, "[fe80::1%eth0]:5"),
            ("http://my_service-1:9000", "http", "my_service-1", 9000, "my_service-1:9000"),
            ("http://a.test.:080", "http", "a.test.", 80, "a.test.:80"),
        ):
            with self.subTest(url):
                server = Server(url)
                self.assertEqual((server.scheme, server.host, server.port), (scheme, host, port))
                self.assertEqual(server.name, name)
                self.assertEqual(repr(server), f"<Server {name}>")

    def test_what_is_none(self) -> None:
        for url in (
            "",
            "a.test",
            "a.test:80",
            "//a.test",
            "http:a.test",
            "http:/a.test",
            "http://",
            "http://:80",
            "ftp://a.test",
            "http2://a.test",
            "://a.test",
            "http://a.test:",
            "http://a.test:0",
            "http://a.test:65536",
            "http://a.test:99999",
            "http://a.test:123456",
            "http://a.test:-1",
            "http://a.test:+80",
            "http://a.test:8x",
            "http://a.test:٨٠",
            "http://a.test:80:80",
            "tcp://a.test",
            "udp://[::1]",
            "http://::1",
            "http://::1:80",
            "http://[::1",
            "http://[::1]80",
            "http://[]",
            "http://[::g]:80",
            "http://[1.2.3.4]:80",
            "http://[a.test]:80",
            "http://[:::]:80",
            "http://a.test/",
            "http://a.test/path",
            "http://a.test?x",
            "http://a.test#x",
            "http://user@a.test",
            "http://user:pass@a.test:80",
            "http://a test",
            " http://a.test",
            "http://a.test\n",
            "http://a.te\nst",
            "http://a.test\x00",
        ):
            with self.subTest(url):
                self.assertRaises(ValueError, Server, url)

    @given(st.text(max_size=20))
    def test_nothing_but_a_value_error_comes_of_a_bad_one(self, text: str) -> None:
        for url in (text, f"http://{text}", f"http://{text}:80", f"http://[{text}]:80", f"http://a:{text}"):
            try:
                server = Server(url)
            except ValueError:
                continue
            again = Server(f"{server.scheme}://{server.name}")
            self.assertEqual((again.host, again.port), (server.host, server.port))

    def test_the_beginning(self) -> None:
        server = Server("http://a.test")
        self.assertEqual((server.weight, server.backup, server.healthy), (1, False, True))
        self.assertEqual((server.eject_until, server.suspect_until, server.failures), (0.0, 0.0, 0))
        self.assertEqual((server.ejections, server.in_flight, server.work), (0, 0, 0.0))
        server = Server("http://a.test", 3, True)
        self.assertEqual((server.weight, server.backup), (3, True))

    def test_two_of_one_name_are_two(self) -> None:
        self.assertNotEqual(Server("http://a.test"), Server("http://a.test"))
