"""Everything over https by one line: http requests are redirected, and browsers told to remember it."""

from __future__ import annotations

import re
from typing import ClassVar

from tests.loopback.authority import Authority
from tests.loopback.peers import Gateway, run
from tests.loopback.shared import SharedTestCase

CONFIG = """
listeners:
  - name: secure
    protocol: https
    address: 127.0.0.1
    port: @SECURE@
    certificates: [{one}]
    redirect_http: true
  - name: second
    protocol: https
    address: 127.0.0.1
    port: @SECOND@
    certificates: [{two}]
    redirect_http: {{port: 8443}}
  - {{name: plain, protocol: http, address: 127.0.0.1, port: @PORT@}}
  - {{name: own, protocol: http, address: 127.0.0.1, port: @OWN@, redirect_http: {{port: 443, status: 302}}}}
middlewares:
  long: {{type: hsts, max_age: 730d, include_subdomains: true, preload: true}}
routes:
  - {{match: {{path: /}}, listeners: secure, respond: {{body: all}}, middlewares: [hsts]}}
  - {{match: {{host: named.example}}, listeners: secure, respond: {{}}}}
  - {{match: {{path: /long}}, respond: {{}}, middlewares: [long]}}
  - {{match: {{host: two.example}}, listeners: second, respond: {{}}}}
  - name: health
    match: {{path: /healthz}}
    listeners: [plain, secure]
    respond: {{body: well}}
    middlewares: [hsts]
access_log: {{path: "@FOLDER@/access.log"}}
drain: {{limit: 500ms}}
"""


class RedirectHttp(SharedTestCase):
    """Two https listeners that http ones redirect to."""

    authority: ClassVar[Authority]

    @classmethod
    def prepare(cls) -> None:
        cls.authority = cls.keep(Authority())
        one = cls.authority.issue("one.example", "*.wild.example", "127.0.0.1", "::1")
        cls.gateway = cls.keep(
            Gateway(CONFIG.format(one=one.yaml, two=cls.authority.issue("two.example").yaml))
        )

    def ask(
        self, path: str, host: str, *options: str, port: str = "PORT", scheme: str = "http"
    ) -> tuple[str, str, str]:
        """The status, the Location and Strict-Transport-Security."""
        to = f"127.0.0.1:{self.gateway.ports[port]}"
        done = run(
            "curl", "-sSik", "--path-as-is", "--connect-to", f"::{to}", *options, f"{scheme}://{host}{path}"
        )
        head = done.stdout.decode()
        fields = dict(re.findall(r"(?m)^([\w-]+): ?(.*?)\r$", head))
        fields = {name.lower(): value for name, value in fields.items()}
        return head.split(" ", 2)[1], fields.get("location", ""), fields.get("strict-transport-security", "")

    def test_the_same_over_https(self) -> None:
        port = self.gateway.ports["SECURE"]
        for path in ("/", "/a/b?c=d&e", "/a%20b//c?", "/%C3%A9?%2F"):
            status, location, hsts = self.ask(path, "one.example")
            self.assertEqual((status, location), ("301", f"https://one.example:{port}{path}"))
            self.assertEqual(hsts, "", "nobody believes that in the clear")
        self.assertEqual(self.ask("/", "ONE.example.:80")[1], f"https://one.example:{port}/")
        self.assertEqual(self.ask("/", "[::1]:80")[1], f"https://[::1]:{port}/")
        line = self.lines(6)[-1]
        self.assertEqual((line["route"], line["status"]), ("redirect_http", 301))

    def test_methods_are_kept(self) -> None:
        for options, status in (
            (("-I",), "301"),
            (("-d", "x=y"), "308"),
            (("-X", "DELETE"), "308"),
            (("--http2-prior-knowledge",), "301"),
            (("--http2-prior-knowledge", "-X", "DELETE"), "308"),
        ):
            self.assertEqual(self.ask("/x", "one.example", *options)[0], status, options)
            self.assertEqual(self.ask("/x", "one.example", *options, port="OWN")[0], "302", options)

    def test_the_port_that_clients_see(self) -> None:
        self.assertEqual(self.ask("/x?y", "one.example", port="OWN")[1], "https://one.example/x?y")
        self.assertEqual(self.ask("/", "two.example")[1], "https://two.example:8443/")

    def test_only_to_hosts_that_are_served(self) -> None:
        port = self.gateway.ports["SECURE"]
        for host in ("x.wild.example", "named.example", "127.0.0.1"):
            self.assertEqual(self.ask("/", host)[1], f"https://{host}:{port}/")
        for host in ("evil.example", "one.example.evil.example", "x.y.wild.example"):
            self.assertEqual(self.ask("/", host)[:2], ("404", ""), host)
        location = self.ask("//evil.example/x", "one.example")[1]
        self.assertEqual(location, f"https://one.example:{port}//evil.example/x")
        lines = self.lines(7)
        self.assertEqual({line["reason"] for line in lines[3:6]}, {"no_route"})

    def test_no_host_at_all(self) -> None:
        self.assertEqual(self.ask("/", "one.example", "--http1.0", "-H", "Host:")[0], "404")

    def test_a_route_that_names_the_listener(self) -> None:
        self.assertEqual(self.ask("/healthz", "one.example")[0], "200")
        self.assertEqual(self.ask("/healthz", "anything.example")[0], "200")
        self.assertEqual(self.ask("/long", "one.example")[0], "301")
        self.assertEqual(self.lines(3)[0]["route"], "health")

    def test_browsers_remember_it(self) -> None:
        for path, hsts in (
            ("/", "max-age=31536000"),
            ("/long", "max-age=63072000; includeSubDomains; preload"),
            ("/healthz", "max-age=31536000"),
        ):
            for version in ("--http1.1", "--http2"):
                got = self.ask(path, "one.example", version, port="SECURE", scheme="https")
                self.assertEqual((got[0], got[2]), ("200", hsts))
        self.assertEqual(self.ask("/healthz", "one.example")[2], "")
