"""HTTP/3 as others speak it: curl and Caddy ask; names, moves, floods, and what is said over TCP of it."""

from __future__ import annotations

import os
import random
import socket
import threading
from typing import Any

from curl_cffi import CurlError, CurlHttpVersion, CurlOpt, requests

from tests.loopback.authority import Authority
from tests.loopback.caddy import Caddy
from tests.loopback.nat import Nat
from tests.loopback.peers import Gateway, LoopbackTestCase, eventually
from tests.loopback.sockets import LOOPBACK

CONFIG = """
listeners:
  - &quic
    name: quic
    protocol: http3
    address: 127.0.0.1
    port: @PORT@
    certificates: &certificates
      - {{cert: "{one.cert}", key: "{one.key}"}}
      - {{cert: "{two.cert}", key: "{two.key}"}}
    {more}
  - {{name: secure, protocol: https, address: 127.0.0.1, port: @PORT@, certificates: *certificates}}
  - {{name: plain, protocol: http, address: 127.0.0.1, port: @PLAIN@}}
  - {{name: inner, protocol: http, address: 127.0.0.1, port: @INNER@}}
routes:
  - {{match: {{path: /}}, listeners: [quic, secure, plain], middlewares: [alt-svc], backend: inner}}
  - {{match: {{path: /}}, listeners: inner, respond: {{body: "hello"}}}}
  - {{match: {{path: /echo}}, listeners: inner, echo: {{}}}}
  - {{match: {{path: /large}}, listeners: inner, respond: {{body: "{large}"}}}}
backends:
  inner: {{url: "http://127.0.0.1:@INNER@"}}
access_log: {{path: "@FOLDER@/access.log"}}
drain: {{limit: 2s}}
"""

FRONT = """
http://127.0.0.1:@PORT@ {{
	bind 127.0.0.1
	reverse_proxy https://127.0.0.1:{port} {{
		transport http {{
			versions 3
			tls_server_name a.example
			tls_trust_pool file {ca}
		}}
	}}
}}
"""

LARGE = "0123456789abcdef" * (1 << 16)


class Http3Case(LoopbackTestCase):
    """A gateway with two certificates, and curl."""

    def setUp(self) -> None:
        self.authority = self.start(Authority())

    def begin(self, more: str = "", top: str = "") -> Gateway:
        one, two = self.authority.issue("a.example"), self.authority.issue("*.b.example")
        return self.start(Gateway(CONFIG.format(one=one, two=two, more=more, large=LARGE) + top))

    def curl(
        self,
        path: str,
        port: int,
        name: str = "a.example",
        version: Any = CurlHttpVersion.V3ONLY,
        **more: Any,
    ) -> requests.Response:
        """What curl gets; it looks at the certificate."""
        return requests.request(
            more.pop("method", "GET"),
            f"https://{name}:{port}{path}",
            http_version=version,
            verify=str(self.authority.ca),
            curl_options={CurlOpt.RESOLVE: [f"{name}:{port}:127.0.0.1"]},
            timeout=more.pop("timeout", 10.0),
            **more,
        )


class Curl(Http3Case):
    def test_each_name_has_its_certificate(self) -> None:
        gateway = self.begin()
        for name in ("a.example", "x.b.example"):
            got = self.curl("/", gateway.port, name)
            self.assertEqual(
                (got.status_code, got.content, got.http_version), (200, b"hello", CurlHttpVersion.V3)
            )
        self.assertRaises(CurlError, self.curl, "/", gateway.port, "c.example", timeout=2.0)
        lines = [line for line in gateway.access(5) if line["listener"] == "quic"]
        served = [line["tls"]["sni"] for line in lines if line["kind"] == "http"]
        self.assertEqual(served, ["a.example", "x.b.example"])
        tls = lines[0]["tls"]
        self.assertEqual((lines[0]["version"], tls["version"], tls["alpn"]), ("3", "TLSv1.3", "h3"))
        refused = [(line["kind"], line["reason"], line["detail"]) for line in lines if line["kind"] != "http"]
        self.assertIn(("connection", "unrecognized_name", "c.example"), refused)

    def test_bodies_both_ways(self) -> None:
        gateway = self.begin()
        got = self.curl("/large", gateway.port)
        self.assertEqual(got.text, LARGE)
        got = self.curl("/echo", gateway.port, method="POST", data=b"x" * 900_000)
        self.assertEqual((got.status_code, len(got.json()["body"])), (200, 900_000))

    def test_clients_that_have_to_prove_their_address(self) -> None:
        gateway = self.begin("retry: always")
        for _ in range(3):
            self.assertEqual(self.curl("/", gateway.port).content, b"hello")

    def test_who_is_denied(self) -> None:
        gateway = self.begin("guards: [{deny: 127.0.0.0/8}]")
        self.assertRaises(CurlError, self.curl, "/", gateway.port, timeout=2.0)
        self.assertEqual(gateway.access(1)[0]["reason"], "address_denied")

    def test_several_workers(self) -> None:
        gateway = self.begin(top="workers: 2\n")
        for _ in range(6):
            self.assertEqual(self.curl("/", gateway.port).content, b"hello")

    def test_what_is_said_of_it_over_tcp(self) -> None:
        gateway = self.begin()
        expected = f'h3=":{gateway.port}"; ma=86400'
        for version in (CurlHttpVersion.V1_1, CurlHttpVersion.V2_0, CurlHttpVersion.V3ONLY):
            got = self.curl("/", gateway.port, version=version)
            self.assertEqual(got.headers.get("alt-svc"), expected)
        plain = requests.get(f"http://127.0.0.1:{gateway.ports['PLAIN']}/", timeout=5)
        self.assertEqual((plain.status_code, plain.headers.get("alt-svc")), (200, None))

    def test_a_nat_that_forgets_in_the_middle(self) -> None:
        gateway = self.begin()
        nat = self.start(Nat(gateway.port))
        got: list[requests.Response] = []
        session = requests.Session()
        self.addCleanup(session.close)

        def several() -> None:
            got.extend(self.curl("/large", nat.port) for _ in range(3))

        getting = threading.Thread(target=several)
        getting.start()
        eventually(lambda: nat.moved > len(LARGE) // 2, what="the beginning of the download")
        nat.rebind()
        getting.join(20)
        self.assertEqual([len(response.content) for response in got], [len(LARGE)] * 3)
        self.assertGreater(len(nat.ports), 1)

    def test_it_stops_gently(self) -> None:
        gateway = self.begin()
        self.assertEqual(self.curl("/", gateway.port).content, b"hello")
        self.assertEqual(gateway.stop(2), 0)
        self.assertNotRegex(gateway.log(), "(?i)traceback|unhandled|critical")


class Floods(Http3Case):
    def test_nonsense_costs_little(self) -> None:
        gateway = self.begin()
        self.curl("/", gateway.port)
        before = gateway.rss()
        chance = random.Random(3)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect((LOOPBACK, gateway.port))
            for turn in range(4000):
                first = chance.choice(
                    (b"", b"\x40", b"\xc0\0\0\0\1\x08", b"\xc0\xff\0\0\x1d\x08", b"\xe0\0\0\0\1")
                )
                sender.send(first + os.urandom(chance.choice((0, 8, 40, 1200, 1400))))
                if turn % 1000 == 999:
                    self.assertEqual(self.curl("/", gateway.port).content, b"hello")
        self.assertLess(gateway.rss() - before, 24 << 20)
        self.assertNotRegex(gateway.log(), "(?i)traceback|unhandled|critical")


class Hosts(Http3Case):
    def test_a_host_that_the_certificate_is_not_for(self) -> None:
        """One of the second certificate is for another that it is for, too; not for one of the first."""
        gateway = self.begin()
        for version in (CurlHttpVersion.V3ONLY, CurlHttpVersion.V2_0, CurlHttpVersion.V1_1):
            for name, host, status in (
                ("a.example", "A.example:1", 200),
                ("a.example", "x.b.example", 421),
                ("x.b.example", "y.b.example", 200),
                ("x.b.example", "a.example", 421),
            ):
                got = self.curl("/", gateway.port, name, version, headers={"Host": host})
                self.assertEqual(got.status_code, status, (version, name, host))
                self.assertEqual("alt-svc" in got.headers, status == 200)


class InFront(Http3Case):
    def test_caddy_asks_over_http3(self) -> None:
        # Caddy asks for the host that it was asked for, whatever the name is that it sends.
        gateway = self.begin("tls: {misdirected: pass}")
        caddy = self.start(Caddy(FRONT.format(port=gateway.port, ca=self.authority.ca)))
        for number in range(5):
            got = requests.get(f"http://127.0.0.1:{caddy.port}/echo?{number}", timeout=10)
            self.assertEqual((got.status_code, got.json()["path"]), (200, f"/echo?{number}"))
        got = requests.post(f"http://127.0.0.1:{caddy.port}/echo", data=b"y" * 500_000, timeout=10)
        self.assertEqual(len(got.json()["body"]), 500_000)
        versions = {line["version"] for line in gateway.access(6) if line.get("listener") == "quic"}
        self.assertEqual(versions, {"3"})
