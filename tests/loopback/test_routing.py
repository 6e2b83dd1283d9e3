"""curl gets to where the routes say, by host, path, and everything else that a request shows."""

from __future__ import annotations

from tests.loopback.http_case import HttpCase
from tests.loopback.peers import raw_exchange, run
from tests.loopback.web import ask

CONFIG = r"""
listeners:
  - {name: web, protocol: http, address: 127.0.0.1, port: @PORT@}
  - name: secure
    protocol: https
    address: 127.0.0.1
    port: @TLS@
    certificates: [{self_signed: [a.example.com, other.example.com]}]
routes:
  - {name: a, match: {host: a.example.com}, respond: {body: a}}
  - {name: below, match: {host: "*.example.com"}, listeners: [web], respond: {body: below}}
  - {name: numbered, match: {host: '^n[0-9]+\.example\.com$'}, listeners: [web], respond: {body: numbered}}
  - {name: ipv6, match: {host: "::1"}, listeners: [web], respond: {body: six}}
  - {match: {host: paths, path: /maps}, listeners: [web], respond: {body: maps}}
  - {match: {host: paths, path: /maps/world}, listeners: [web], respond: {body: world}}
  - {match: {host: paths, path: /admin}, listeners: [web], respond: {body: admin}}
  - {match: {host: paths, path: /below/*}, listeners: [web], respond: {body: below}}
  - match: {host: paths, path: '^/api/auth/(.*)$'}
    listeners: [web]
    middlewares: [{rewrite: /v2/auth/$1}]
    echo: {}
  - {match: {host: paths, path: '^/any.*x$'}, listeners: [web], respond: {body: any}}
  - {match: {host: paths, path: /late}, priority: 200, listeners: [web], respond: {body: late}}
  - {match: {host: paths, path: '^/late'}, priority: 300, listeners: [web], respond: {body: later}}
  - {match: {host: paths, path: /first/of/all}, priority: 2, listeners: [web], respond: {body: second}}
  - match: {host: paths, path: /first, methods: [GET]}
    priority: 1
    listeners: [web]
    respond: {body: first}
  - {match: {host: paths}, priority: 900, listeners: [web], respond: {body: rest}}
  - {match: {host: if, methods: [POST, PUT]}, listeners: [web], respond: {body: method}}
  - {match: {host: if, headers: {X-Beta: "1"}}, listeners: [web], respond: {body: beta}}
  - {match: {host: if, headers: {X-Old: "^v[12]$", X-New: false}}, listeners: [web], respond: {body: old}}
  - {match: {host: if, query: {page: "2"}}, listeners: [web], respond: {body: page}}
  - {match: {host: if, cookies: {who: me}}, listeners: [web], respond: {body: cookie}}
  - {match: {host: if, client_ip: 127.0.0.64/26}, listeners: [web], respond: {body: near}}
  - match: [{host: if, path: /one, not: {headers: {X-Not: true}}}, {host: if, path: /two}]
    listeners: [web]
    respond: {body: either}
  - {match: {host: if}, listeners: [web], respond: {body: else}}
"""


class Routing(HttpCase):
    """One gateway with a route for each kind of match."""

    CONFIG = CONFIG

    def in_flight(self) -> list[float]:
        return []  # there are no servers

    def to(self, host: str, path: str = "/", *options: str) -> str:
        """What curl gets for a host and path, and the status where it is not 200."""
        options = ("-H", f"Host: {host}", *options)
        got = run(
            "curl", "-sS", "-w", " %{http_code}", *options, f"http://127.0.0.1:{self.gateway.port}{path}"
        )
        self.assertEqual(got.returncode, 0, got.stderr)
        return got.stdout.decode("latin-1").removesuffix(" 200")

    def test_hosts(self) -> None:
        for host, body in (
            ("a.example.com", "a"), ("A.EXAMPLE.com.:80", "a"), ("a.example.com:1234", "a"),
            ("b.example.com", "below"), ("n12.example.com", "below"), ("[::1]:8080", "six"), ("[::1]", "six"),
        ):  # fmt: skip
            self.assertEqual(self.to(host), body, host)
        for host in ("example.com", "x.y.example.com", "n12.example.org", "127.0.0.1"):
            self.assertIn("404", self.to(host), host)

    def test_unknown_host_in_the_clear(self) -> None:
        got = ask(self.gateway.port, headers={"Host": "nobody"})
        self.assertEqual((got.status, b"no_route" in got.body), (404, True))

    def test_unknown_host_over_tls(self) -> None:
        url, to = f"https://a.example.com:{self.gateway.ports['TLS']}/", "127.0.0.1"
        resolve = ["--connect-to", f"::{to}:"]
        self.assertEqual(run("curl", "-sSk", *resolve, url).stdout, b"a")
        got = run("curl", "-sSk", *resolve, "-H", "Host: other.example.com", "-w", "%{http_code}", url)
        self.assertTrue(got.stdout.endswith(b"421"), got)

    def test_prefixes_end_at_a_segment(self) -> None:
        for path, body in (
            ("/maps", "maps"), ("/maps/", "maps"), ("/maps/x", "maps"), ("/mapsx", "rest"),
            ("/maps/world", "world"), ("/maps/world/1", "world"), ("/maps/worldly", "maps"),
            ("/MAPS", "rest"), ("/%6daps", "maps"),
            ("/below", "rest"), ("/below/", "below"),
            ("/below/x", "below"), ("/maps?x=/admin", "maps"),
            ("//maps", "maps"),
        ):  # fmt: skip
            self.assertEqual(self.to("paths", path, "--path-as-is"), body, path)

    def test_nobody_climbs_into_another_route(self) -> None:
        for path in (
            "/maps/../admin",
            "/maps/%2e%2e/admin",
            "/maps/..%2fadmin",
            "/maps/..;/admin",
            "/x/..//admin",
        ):
            self.assertNotIn("admin", self.to("paths", path, "--path-as-is"), path)
        for path in ("/../admin", "/maps/%00", "/maps/%zz", "/maps/%", "/%2fadmin", "/maps%2Fworld"):
            self.assertRegex(self.to("paths", path, "--path-as-is"), " 400$", path)

    def test_regular_expressions_and_captures(self) -> None:
        self.assertIn('"path": "/v2/auth/a/b?c=d"', self.to("paths", "/api/auth/a/b?c=d"))
        self.assertEqual(self.to("paths", "/api/authx"), "rest")

    def test_any_byte_is_any_byte(self) -> None:
        request = b"GET /any\xff%%fe\xf0x HTTP/1.1\r\nHost: paths\r\nConnection: close\r\n\r\n".replace(
            b"%%", b"%"
        )
        self.assertRegex(raw_exchange(self.gateway.port, request), rb"\r\n\r\nany$|^HTTP/1.1 400")
        self.assertEqual(self.to("paths", "/any%ff%fex"), "any")

    def test_explicit_priority(self) -> None:
        self.assertEqual(self.to("paths", "/late"), "late")
        self.assertEqual(self.to("paths", "/later"), "later")
        self.assertEqual(self.to("paths", "/first/of/all"), "first")

    def test_everything_else(self) -> None:
        for options, body in (
            (["-d", "x"], "method"), (["-X", "PUT"], "method"),
            (["-H", "X-Beta: 1"], "beta"), (["-H", "X-Beta: 2"], "else"),
            (["-H", "X-Beta;"], "else"), (["-H", "x-beta: 0", "-H", "X-BETA: 1"], "beta"),
            (["-H", "X-Old: v2"], "old"), (["-H", "X-Old: v3"], "else"),
            (["-H", "X-Old: v2", "-H", "X-New;"], "else"),
            (["-b", "who=me"], "cookie"), (["-b", "a=b; who=me"], "cookie"), (["-b", "who=you"], "else"),
            (["--interface", "127.0.0.65"], "near"), (["--interface", "127.0.0.63"], "else"),
        ):  # fmt: skip
            self.assertEqual(self.to("if", "/", *options), body, options)

    def test_queries_and_several_matches(self) -> None:
        for path, body in (
            ("/?page=2", "page"), ("/?x&page=2&y", "page"), ("/?page=3", "else"), ("/?p%61ge=%32", "page"),
            ("/one", "either"), ("/two", "either"), ("/three", "else"),
        ):  # fmt: skip
            self.assertEqual(self.to("if", path), body, path)
        self.assertEqual(self.to("if", "/one", "-H", "X-Not: x"), "else")
        self.assertEqual(self.to("if", "/two", "-H", "X-Not: x"), "either")
