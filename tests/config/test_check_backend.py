"""Servers and what is set for them."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.config.case import ConfigCase
from toron.config.check_backend import check_url
from toron.config.model import Backend
from toron.config.place import Document, Report
from toron.core.server import Server


class Backends(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_servers_that_are_no_urls(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {servers: ["a:1", "htp://a", "http://", "http://u:p@a", "http://a/x", "http://a?x", "http://a:x", "http://a:0", "http://a:70000", "http://[::1", "http://::1", "http://a b"]}
            """,
            "4:17: 'a:1' is not a server: write one such as http://127.0.0.1:9000",
            "4:24: the scheme 'htp' is not known here: write http, https, h2, h2c, tcp, tls, udp",
            "4:35: 'http://' has no host that is known as one: write a name, an IPv4 address or [IPv6]",
            "4:46: a server's URL has no user or password: take it out and use the headers middleware",
            "4:62: a server's URL has no path: write http://a and rewrite in the route",
            "4:76: a server's URL has no query: write http://a and rewrite in the route",
            "4:90: 'x' is not a port: write a number from 1 to 65535",
            "4:104: '0' is not a port: write a number from 1 to 65535",
            "4:118: '70000' is not a port: write a number from 1 to 65535",
            "4:136: 'http://[::1' has no host that is known as one: write a name, an IPv4 address or [IPv6]",
            "4:151: 'http://::1' has no host that is known as one: write a name, an IPv4 address or [IPv6]",
            "4:165: 'http://a b' has no host that is known as one: write a name, an IPv4 address or [IPv6]",
        )

    def test_a_slash_at_the_end(self) -> None:
        loaded = self.load(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: {url: "http://localhost:9000/", servers: ["http://[::1]:1/", {url: "https://a/"}]}}]
            """
        )
        backend = loaded.config.routes[0].backend
        assert isinstance(backend, Backend)
        urls = [server.url for server in backend.all_servers]
        self.assertEqual(urls, ["http://localhost:9000", "http://[::1]:1", "https://a"])
        self.assertEqual([Server(url).port for url in urls], [9000, 1, 443])

    def test_more_than_a_slash(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {servers: ["http://a//", "http://a/x/", "http:///", "http://a:000080", "http://[1.2.3.4]", "http://[fe80::1%\u00e9]"]}
            """,
            "4:17: a server's URL has no path: write http://a and rewrite in the route",
            "4:31: a server's URL has no path: write http://a and rewrite in the route",
            "4:46: 'http:///' has no host that is known as one: write a name, an IPv4 address or [IPv6]",
            "4:58: '000080' is not a port: write a number from 1 to 65535",
            "4:77: 'http://[1.2.3.4]' has no host that is known as one: write a name, an IPv4 address or [IPv6]",
            "4:97: 'http://[fe80::1%\u00e9]' has no host that is known as one: write a name, an IPv4 address or [IPv6]",
        )

    hosts = st.sampled_from(
        ["a", "A.b", "a.", "a_b", "1.2.3.4", "[::1]", "[1.2.3.4]", "[fe80::1%eth0]", "[a]"]
    )

    @given(st.sampled_from(["http", "https", "tcp", "udp", "x"]), hosts | st.text("ab.:[]%1-_/", max_size=6),
           st.sampled_from(["", ":0", ":80", ":00080", ":000080", ":65536", ":a"]))  # fmt: skip
    def test_what_is_accepted_is_a_server(self, scheme: str, host: str, port: str) -> None:
        url = f"{scheme}://{host}{port}"
        if check_url(("url",), url, Report(Document("a.yaml"))) is not None:
            self.assertEqual(Server(url).scheme, scheme)

    def test_no_servers(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {}
            """,
            "4:3: this backend has no servers: add url: or servers: [...]",
        )

    def test_an_empty_list_of_servers(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {servers: []}
            """,
            "4:3: this backend has no servers: add url: or servers: [...]",
        )

    def test_the_same_twice(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "http://a", servers: ["http://b", "http://a"]}
            """,
            "4:46: warning: this server is already at line 4: take one out, or use weight:",
        )

    def test_no_weight(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {servers: [{url: "http://a", weight: 0}]}
            """,
            "4:7: every weight is 0: give one server a weight above 0",
        )

    def test_mixed(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {servers: ["http://a", "https://b", {url: "tcp://c:1"}]}
            """,
            "2:20: its servers (line 4) are tcp: http, https, h2 or h2c is needed here, correct one of the two",
            "4:48: tcp beside http: the servers of one backend speak the same protocol",
        )

    def test_settings_of_http(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "tcp://a:1", sticky: {}, host: server, forwarded: true, pool: {size: 1}, tls: {}}
            """,
            "2:20: its servers (line 4) are tcp: http, https, h2 or h2c is needed here, correct one of the two",
            "4:25: only a backend of http servers has sticky: take it out",
            "4:37: only a backend of http servers has host: take it out",
            "4:51: only a backend of http servers has forwarded: take it out",
            "4:68: only a backend of http servers has pool: take it out",
            "4:85: warning: no server here is https, h2 or tls: take it out, or write https:// or tls://",
        )

    def test_settings_of_udp(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "udp://a:1", proxy_protocol: v1, retries: {}}
            """,
            "2:20: its servers (line 4) are udp: http, https, h2 or h2c is needed here, correct one of the two",
            "4:25: a udp server gets no PROXY header: take it out",
            "4:45: datagrams are not sent again: take it out",
        )

    def test_a_proxy_header_on_a_connection_of_many(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "h2c://a:1", proxy_protocol: v1}
            """,
            "4:25: a connection to an h2 or h2c server is shared by clients, a PROXY header names one: take it out",
        )

    def test_a_port_that_is_needed(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {servers: ["tcp://a", "tls://a", "udp://a"]}
            """,
            "2:20: its servers (line 4) are tcp: http, https, h2 or h2c is needed here, correct one of the two",
            "4:17: a tcp server needs a port: write tcp://a:1234",
            "4:39: a udp server needs a port: write udp://a:1234",
        )

    def test_tls(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "https://a", tls: {verify: false, server_name: "a b", cert: a.pem, ca: missing.pem}}
            """,
            "4:31: warning: anybody can pose as this server: set ca: instead",
            "4:59: 'a b' is not a host: write a name",
            "4:66: cert needs its key: add key:",
            "4:83: missing.pem cannot be read: No such file or directory: check the path and its mode",
        )

    def test_pins(self) -> None:
        good = "sha256/4UA/jVWfaS2QMY0Lm/gHPpRr3RrsipUyZMaKBTc8wCo="
        text = "listeners: [{protocol: http, port: 80}]\nroutes: [{backend: b}]\nbackends: {b: {url: 'https://a', tls: {pin: %s}}}\n"
        for pin in (
            good,
            good.replace("/", "//", 1),
            good.removeprefix("sha256/"),
            "ab" * 32,
            f"'{'AB:' * 31}AB'",
        ):
            for written in (pin, f"[{pin}, {good}]"):
                pins = self.load(text % written).config.backends["b"].tls.pin
                self.assertTrue(all(len(one) == 64 and set(one) <= set("0123456789abcdef") for one in pins))
        self.assertEqual(pins[0], "ab" * 32)
        slash = "/" + good.removeprefix("sha256/")[1:]
        for pin in (f"sha256/{slash}", f"sha256//{slash}", slash):
            (one,) = self.load(text % pin).config.backends["b"].tls.pin
            self.assertTrue(one.startswith("f"), one)
        self.says(text.replace("pin: %s", "verify: false, pin: %s") % good)
        for pin in ("abc", good[:-2], good.replace("sha256", "sha1"), f"{good}=", "ab" * 31):
            (said,) = self.said(text % pin)
            self.assertTrue(said.startswith("3:45: not a pin: write sha256/ and the base64"), said)

    def test_retries_and_host(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "https://a", retries: {on: [200, 503], methods: [get]}, host: "a b"}
            """,
            "4:40: 200 is not an error: write statuses from 400 to 599",
            "4:61: 'get' is not a method: write it in capitals, such as GET",
            "4:74: 'a b' is not a host: write keep, server or a name",
        )

    def test_times(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "http://a", health: {interval: 1s, timeout: 2s}, passive_health: {base: 10m}}
            """,
            "4:56: the timeout is not shorter than the interval: write timeout: 2s and interval: 5s, say",
            "4:61: base is longer than max: write a longer max or a shorter base",
        )

    def test_no_time(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "http://a", health: {interval: 0, timeout: 0}}
            """,
            "4:43: no time at all: write one such as 5s",
            "4:55: no time at all: write one such as 5s",
        )

    def test_an_interval_shorter_than_the_default_timeout(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "http://a", health: {interval: 2s}}
            """,
        )

    def test_health(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "http://a", health: {path: x, send: a, expect: "(", port: 0}}
            """,
            "4:39: 'x' is not a path: begin with /, in ASCII without spaces",
            "4:42: send is for TCP checks: take it or path: out",
            "4:51: expect is for TCP checks: take it or path: out",
            "4:59: not a regular expression: missing ): (: correct it (the syntax is RE2's)",
            "4:70: 0 is not a port to check: write a number from 1 to 65535",
        )

    def test_what_only_http_checks_have(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "http://a", health: {status: 200, method: HEAD, host: x}}
            """,
            "4:33: status is for HTTP checks: add path:",
            "4:46: method is for HTTP checks: add path:",
            "4:60: host is for HTTP checks: add path:",
        )

    def test_health_body(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "http://a", health: {body: "(?=x)"}}
            """,
            "4:33: body is for HTTP checks: add path:",
            "4:39: lookaheads, lookbehinds and backreferences are not supported: write the expression without",
        )

    def test_health_over_grpc(self) -> None:
        for written in ("true", "{}", "{service: a.B}", "false"):
            self.says(
                f"""
                listeners: [{{protocol: http, port: 8080}}, {{protocol: tcp, port: 81, backend: c}}]
                routes: [{{backend: b}}]
                backends:
                  b: {{servers: ["h2c://a", "h2://b"], health: {{grpc: {written}}}}}
                  c: {{url: "tcp://a:1", health: {{grpc: {written}}}}}
                """,
            )
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "http://a", health: {grpc: true, path: /x, status: 200}}
            """,
            "4:33: the servers are http, and gRPC is spoken to h2c, h2, tcp servers: correct one of the two",
            "4:45: path is not for checks over gRPC: take it or grpc: out",
            "4:55: status is not for checks over gRPC: take it or grpc: out",
        )
        self.says(
            """
            listeners: [{protocol: tcp, port: 8080, backend: b}]
            backends:
              b: {url: "tcp://a:1", health: {grpc: {service: x}, send: a, expect: "("}}
            """,
            "3:54: send is not for checks over gRPC: take it or grpc: out",
            "3:63: expect is not for checks over gRPC: take it or grpc: out",
            "3:71: not a regular expression: missing ): (: correct it (the syntax is RE2's)",
        )
        self.says(
            """
            listeners: [{protocol: tcp, port: 8080, backend: b}]
            backends:
              b: {url: "tcp://a:1", health: {grpc: {serivce: x}}}
            """,
            "3:41: unknown key 'serivce': did you mean 'service'?",
        )

    def test_discovery(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}, {protocol: tcp, port: 1, backend: c}, {protocol: udp, port: 1, backend: d}]
            routes: [{backend: a}, {match: {path: /y}, backend: b}, {match: {path: /x}, backend: d}]
            backends:
              a: {discovery: {book: {page: 3}}, sticky: {}, balance: primary-backup, health: {}}
              b: {discovery: book, servers: ["http://a"]}
              c: {discovery: {book: {scheme: tls}}, sticky: {}, tls: {verify: false}}
              d: {discovery: {book: {scheme: udp}}, retries: {}}
              e: {discovery: {book: {scheme: gopher}}}
              f: {discovery: {boot: {}}}
              g: {discovery: {book: {pages: 3}}}
            """,
            "2:86: its servers (line 7) are udp: http, https, h2 or h2c is needed here, correct one of the two",
            "5:7: a backend has its servers written or discovered: take this or the others out",
            "6:41: only a backend of http servers has sticky: take it out",
            "6:59: warning: anybody can pose as this server: set ca: instead",
            "7:41: datagrams are not sent again: take it out",
            "8:3: warning: the backend 'e' is never used: name it in a route, or take it out",
            "8:34: 'gopher' is not known here: write http, https, h2, h2c, tcp, tls or udp",
            "9:3: warning: the backend 'f' is never used: name it in a route, or take it out",
            "9:19: unknown discovery provider 'boot': did you mean 'book'?",
            "10:3: warning: the backend 'g' is never used: name it in a route, or take it out",
            "10:26: unknown key 'pages': did you mean 'page'?",
        )

    def test_primary_backup(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {url: "http://a", balance: primary-backup}
            """,
            "4:33: primary-backup needs a second server: add one with backup: true",
            "4:33: primary-backup needs to know who is up: add health: or passive_health:",
        )

    def test_primary_backup_in_order(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{backend: b}]
            backends:
              b: {servers: ["http://a", {url: "http://b", backup: true}], health: {}, balance: primary-backup}
            """,
        )
