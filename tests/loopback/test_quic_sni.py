"""QUIC passed on as it is: the ClientHello chooses the server, and a client that moves keeps it."""

from __future__ import annotations

import socket
import threading
from typing import Any

from curl_cffi import CurlError, CurlHttpVersion, CurlOpt, requests

from tests.loopback.authority import Authority
from tests.loopback.caddy import Caddy
from tests.loopback.nat import Nat
from tests.loopback.peers import Gateway, LoopbackTestCase, eventually, run
from tests.loopback.quic_peers import VERSIONS, QuicClient, QuicServer
from tests.wire.quic_packets import crypto, head, hello, initial

CONFIG = """
listeners:
  - name: front
    protocol: sni
    transport: udp
    address: 127.0.0.1
    port: @PORT@
    timeouts: {{handshake: 1s}}
    {more}
    routes:
      - {{match: {{sni: a.example, alpn: [h3]}}, backend: one}}
      - {{match: {{sni: [a.example, "*.b.example"]}}, backend: two}}
backends:
  one: {{url: "udp://127.0.0.1:{one}"}}
  two: {{url: "udp://127.0.0.1:{two}"}}
access_log: {{path: "@FOLDER@/access.log"}}
admin: {{address: 127.0.0.1, port: @ADMIN@}}
drain: {{limit: 500ms}}
"""

TCP = """
  - {{name: tcp, protocol: sni, address: 127.0.0.1, port: @PORT@, routes: [
      {{match: {{sni: a.example, alpn: [h2]}}, backend: {{url: "tcp://127.0.0.1:{}"}}}}]}}
backends:
"""
"""The same port over TCP, for those who ask there first."""

SITES = """
https://a.example:@ONE@ {{
	bind 127.0.0.1
	tls {one.cert} {one.key}
	root * @FOLDER@
	file_server
}}
https://x.b.example:@TWO@ {{
	bind 127.0.0.1
	tls {two.cert} {two.key}
	respond "the second one"
}}
"""

LARGE = 20_000_000


class QuicCase(LoopbackTestCase):
    """With an authority for the certificates of servers."""

    def setUp(self) -> None:
        self.authority = self.start(Authority())

    def metric(self, gateway: Gateway, name: str) -> int:
        """A number of the listener's, 0 where it is not there."""
        lines = run("curl", "-s", f"http://127.0.0.1:{gateway.ports['ADMIN']}/metrics").stdout.decode()
        found = [line for line in lines.splitlines() if line.startswith(name)]
        return int(float(found[0].split()[-1])) if found else 0


class Http3(QuicCase):
    """A real client, curl, in front of a real server, Caddy."""

    def begin(self) -> Gateway:
        one, two = self.authority.issue("a.example"), self.authority.issue("x.b.example")
        caddy = Caddy(SITES.format(one=one, two=two))
        (caddy.folder / "large").write_bytes(bytes(LARGE))
        (caddy.folder / "small").write_bytes(b"the first one")
        self.start(caddy)
        self.port = caddy.ports["ONE"]
        config = CONFIG.format(one=caddy.ports["ONE"], two=caddy.ports["TWO"], more="")
        return self.start(Gateway(config.replace("backends:", TCP.format(self.port), 1)))

    def get(
        self, name: str, path: str, port: int, version: Any = CurlHttpVersion.V3ONLY, timeout: float = 10.0
    ) -> requests.Response:
        """What curl gets, of a server whose certificate is for the name."""
        return requests.get(
            f"https://{name}:{port}/{path}",
            http_version=version,
            verify=str(self.authority.ca),
            curl_options={CurlOpt.RESOLVE: [f"{name}:{port}:127.0.0.1"]},
            timeout=timeout,
        )

    def test_two_names(self) -> None:
        gateway = self.begin()
        first = self.get("a.example", "small", gateway.port)
        second = self.get("x.b.example", "", gateway.port)
        self.assertEqual((first.content, second.content), (b"the first one", b"the second one"))
        self.assertEqual({first.http_version, second.http_version}, {CurlHttpVersion.V3})
        over_tcp = self.get("a.example", "small", gateway.port, CurlHttpVersion.V2_0)
        self.assertEqual((over_tcp.content, over_tcp.http_version), (b"the first one", CurlHttpVersion.V2_0))
        self.assertRaises(CurlError, self.get, "c.example", "", gateway.port, timeout=0.5)
        started = [line for line in gateway.access(5) if line.get("event") == "start"]
        self.assertEqual(
            [(line["listener"], line["kind"], line["sni"], line["backend"]) for line in started],
            [("front", "sni", "a.example", "one"), ("front", "sni", "x.b.example", "two"),
             ("tcp", "sni", "a.example", f"127.0.0.1:{self.port}")],
        )  # fmt: skip

    def test_a_nat_that_forgets_in_mid_download(self) -> None:
        gateway = self.begin()
        nat = self.start(Nat(gateway.port))
        got: list[requests.Response] = []
        getting = threading.Thread(target=lambda: got.append(self.get("a.example", "large", nat.port)))
        getting.start()
        eventually(lambda: nat.moved > LARGE // 10, what="the beginning of the download")
        nat.rebind()
        getting.join(15)
        self.assertEqual([len(response.content) for response in got], [LARGE])
        self.assertEqual(len(nat.ports), 2)
        peers = [line["peer"] for line in gateway.access() if line.get("event") == "start"]
        self.assertEqual(peers, [f"127.0.0.1:{port}" for port in nat.ports])


class Streams(QuicCase):
    """Clients and servers over qh3, which can be told what to do."""

    def begin(self, more: str = "", **options: Any) -> Gateway:
        pair = self.authority.issue("a.example", "*.b.example")
        self.one = self.start(QuicServer(b"one", pair, **options))
        self.two = self.start(QuicServer(b"two", pair))
        return self.start(Gateway(CONFIG.format(one=self.one.port, two=self.two.port, more=more)))

    def client(self, gateway: Gateway, name: str, **options: Any) -> QuicClient:
        made = QuicClient(gateway.port, name, self.authority, **options)
        self.addCleanup(made.sock.close)
        return made

    def test_names_and_protocols(self) -> None:
        gateway = self.begin()
        for name, alpn, server in (
            ("a.example", ["h3"], b"one"),
            ("A.EXAMPLE", ["other", "h3"], b"one"),
            ("a.example", ["other"], b"two"),
            ("x.b.example", ["h3"], b"two"),
        ):
            client = self.client(gateway, name, alpn=alpn)
            self.assertEqual(client.ask(), server, client.ended)
            client.close()

    def test_version_2(self) -> None:
        gateway = self.begin()
        client = self.client(gateway, "x.b.example", version=VERSIONS[1])
        self.assertEqual(client.ask(), b"two")

    def test_a_name_that_has_no_route(self) -> None:
        gateway = self.begin()
        client = self.client(gateway, "c.example")
        self.assertEqual(client.ask(seconds=0.5), b"")
        line = gateway.ended(1)[0]
        self.assertEqual((line["sni"], line["alpn"], line["reason"]), ("c.example", "h3", "no_route"))
        self.assertEqual(self.metric(gateway, "toron_udp_datagrams_sent_total"), 0)

    def test_a_hello_over_several_datagrams(self) -> None:
        """A post-quantum key share makes it that long; here they overtake each other too."""
        gateway = self.begin()
        client = self.client(gateway, "a.example")
        client.flush(lambda datagrams: datagrams[::-1])
        self.assertGreater(len(client.sent), 1)
        self.assertEqual(client.ask(), b"one")

    def test_the_line_of_the_end(self) -> None:
        gateway = self.begin("idle: 300ms")
        client = self.client(gateway, "a.example")
        client.ask(100_000)
        client.close()
        line = gateway.ended(1)[0]
        self.assertEqual((line["kind"], line["sni"], line["backend"]), ("sni", "a.example", "one"))
        self.assertEqual(line["bytes_in"], sum(map(len, client.sent)))
        self.assertEqual(line["packets_in"], len(client.sent))
        self.assertGreater(line["bytes_out"], 100_000)
        self.assertNotIn("reason", line)

    def move(self, gateway: Gateway) -> None:
        """Another port in mid-download, then with an id that the server gave in secret, then another."""
        client = self.client(gateway, "a.example")
        client.request(3_000_000)
        self.assertTrue(client.until(lambda: len(client.received) > 300_000), client.ended)
        client.rebind()
        self.assertEqual(client.answer(), b"one", client.ended)
        self.assertEqual(len(client.received), 3_000_003)
        client.change_id()
        self.assertEqual(client.ask(), b"one", client.ended)
        client.rebind()
        self.assertEqual(client.ask(), b"one", client.ended)
        client.close()

    def test_another_port(self) -> None:
        self.move(self.begin())

    def test_another_port_after_a_retry(self) -> None:
        self.move(self.begin(retry=True))

    def test_ids_of_four_bytes(self) -> None:
        self.move(self.begin(id_length=4))

    def test_it_goes_on_while_toron_drains(self) -> None:
        gateway = self.begin()
        client = self.client(gateway, "a.example")
        client.request(1_000_000)
        self.assertTrue(client.until(lambda: len(client.received) > 100_000))
        gateway.kill(gateway.stop_signal)
        self.assertEqual(client.answer(), b"one", client.ended)
        self.assertEqual(gateway.wait(), 0)


class Floods(QuicCase):
    """Datagrams that cost their sender little."""

    def test_memory_is_bounded(self) -> None:
        pair = self.authority.issue("a.example")
        server = self.start(QuicServer(b"one", pair))
        gateway = self.start(Gateway(CONFIG.format(one=server.port, two=server.port, more="")))
        warm = QuicClient(gateway.port, "a.example", self.authority)
        self.addCleanup(warm.sock.close)
        self.assertEqual(warm.ask(), b"one")
        before = gateway.rss()
        flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(flood.close)
        half = crypto(hello(extra=9000)[:9000], 5)
        for number in range(3000):
            dcid = number.to_bytes(8, "big")
            # Nothing of a connection, nothing readable, and the middle of a hello.
            for datagram in (b"\x40" * 40, head(dcid) + bytes(1200), initial(half, dcid=dcid)):
                flood.sendto(datagram, ("127.0.0.1", gateway.port))
            if number % 50 == 49:
                self.assertEqual(warm.ask(), b"one", "it is still served")
        self.assertLess(gateway.rss() - before, 40 << 20)
        self.assertLessEqual(self.metric(gateway, "toron_udp_sessions"), 1024 + 1)
        displaced = 'toron_refused_total{listener="front",reason="client_hello_displaced"}'
        self.assertGreater(self.metric(gateway, displaced), 1000)
        fresh = QuicClient(gateway.port, "a.example", self.authority)
        self.addCleanup(fresh.sock.close)
        self.assertEqual(fresh.ask(), b"one")
        flood.setblocking(False)
        self.assertRaises(BlockingIOError, flood.recv, 2000)
