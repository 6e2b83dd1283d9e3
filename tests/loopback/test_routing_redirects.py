"""Prefixes are taken off and put back, and redirects lead only where the configuration says."""

from __future__ import annotations

from tests.loopback.http_case import HttpCase
from tests.loopback.peers import Conversation, run
from tests.loopback.web import answer, ask

CONFIG = r"""
listeners:
  - {name: web, protocol: http, address: 127.0.0.1, port: @PORT@}
  - {name: plain, protocol: http, address: 127.0.0.1, port: @PLAIN@}
routes:
  - match: {path: /sub}
    listeners: [web]
    middlewares: [{strip-prefix: /sub}]
    backend: {url: "http://127.0.0.1:@BACKEND@"}
  - {match: {path: '^/old/(.*)$'}, listeners: [web], redirect: {to: /new/$1, status: 301}}
  - {match: {path: /.well-known/acme-challenge}, listeners: [plain], respond: {body: token}}
  - {match: {host: app.example.com}, listeners: [plain], redirect: {scheme: https, port: 8443}}
  - {match: {host: app.example.org}, listeners: [plain], redirect: {scheme: https, status: 301}}
"""


class Redirects(HttpCase):
    """A backend that redirects itself, behind a prefix."""

    CONFIG = CONFIG

    def setUp(self) -> None:
        super().setUp()
        self.server = self.backend(self.talk)

    def talk(self, conversation: Conversation) -> None:
        while True:
            head, _ = conversation.read_request()
            path = head.split()[1].decode()
            cookie = "Set-Cookie: a=b; Path=/x; HttpOnly"
            match path:
                case "/x":
                    conversation.send(answer("", 302, "Location: /y?q=/x", cookie, "Refresh: 5; url=/z"))
                case "/absolute":
                    own = f"Location: http://127.0.0.1:{self.server.port}/y"
                    conversation.send(answer("", 302, own))
                case "/away":
                    conversation.send(answer("", 302, "Location: http://elsewhere.example/y"))
                case _:
                    conversation.send(answer(path + "\n" + head.decode()))

    def location(self, path: str) -> str:
        got = ask(self.gateway.port, path)
        self.assertEqual(got.status, 302)
        return got.headers["location"]

    def test_a_prefix_is_taken_off(self) -> None:
        for path, seen in (
            ("/sub", "/"), ("/sub/", "/"), ("/sub/a/b", "/a/b"), ("/sub?q", "/?q"), ("/sub/sub", "/sub"),
        ):  # fmt: skip
            self.assertEqual(ask(self.gateway.port, path).text.split("\n")[0], seen)

    def test_the_backend_is_told_of_it(self) -> None:
        self.assertIn("X-Forwarded-Prefix: /sub\r\n", ask(self.gateway.port, "/sub/a").text)

    def test_its_redirects_and_cookies_lead_back(self) -> None:
        got = ask(self.gateway.port, "/sub/x")
        self.assertEqual((got.status, got.headers["location"]), (302, "/sub/y?q=/x"))
        self.assertEqual(got.headers["set-cookie"], "a=b; Path=/sub/x; HttpOnly")
        self.assertEqual(got.headers["refresh"], "5; url=/sub/z")
        self.assertEqual(self.location("/sub/absolute"), "/sub/y")
        self.assertEqual(self.location("/sub/away"), "http://elsewhere.example/y")

    def test_captures(self) -> None:
        for path, there in (
            ("/old/a/b", "/new/a/b"), ("/old/a?q=1", "/new/a?q=1"), ("/old/", "/new/"),
            ("/old//evil.example/", "/new/evil.example/"), ("/old/%0d%0aSet-Cookie:x", None),
        ):  # fmt: skip
            got = ask(self.gateway.port, path)
            if there is None:
                self.assertEqual(got.status, 400)
            else:
                self.assertEqual((got.status, got.headers["location"]), (301, there))

    def test_http_to_https(self) -> None:
        url = f"http://app.example.com:{self.gateway.ports['PLAIN']}/path?q=1"
        got = run("curl", "-sSI", "--connect-to", "::127.0.0.1:", url).stdout.decode()
        self.assertRegex(got, r"^HTTP/1.1 308 ")
        self.assertRegex(got, r"(?mi)^location: https://app\.example\.com:8443/path\?q=1\r$")

    def test_at_the_usual_port_no_port_is_written(self) -> None:
        got = ask(self.gateway.ports["PLAIN"], "/p", headers={"Host": "APP.example.org:8080"})
        self.assertEqual((got.status, got.headers["location"]), (301, "https://app.example.org/p"))

    def test_no_open_redirect(self) -> None:
        got = ask(self.gateway.ports["PLAIN"], "/p", headers={"Host": "evil.example"})
        self.assertEqual((got.status, "location" in got.headers), (404, False))

    def test_an_exempt_path(self) -> None:
        path = "/.well-known/acme-challenge/x"
        for host in ("app.example.com", "app.example.org"):
            got = ask(self.gateway.ports["PLAIN"], path, headers={"Host": host})
            self.assertEqual(got.status, 308 if host.endswith("com") else 301, "the host is more specific")
        self.assertEqual(ask(self.gateway.ports["PLAIN"], path).text, "token")
