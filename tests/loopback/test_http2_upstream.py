"""Servers that are spoken to in HTTP/2: nginx in the clear and over TLS, and servers that break off."""

from __future__ import annotations

import threading
from collections import Counter

from tests.loopback.authority import Authority
from tests.loopback.backends import CountingBackend
from tests.loopback.case import LoopbackTestCase
from tests.loopback.conversation import Conversation
from tests.loopback.gateway import Gateway
from tests.loopback.http_case import ok
from tests.loopback.peers import Nginx
from tests.loopback.process import run
from tests.loopback.sockets import eventually, free_port

CONFIG = """
listeners: [{name: web, protocol: http, address: 127.0.0.1, port: @PORT@}]
routes: [{match: {path: /}, backend: b}]
backends:
  b:
    servers: ["SERVER"]
    MORE
access_log: {path: "@FOLDER@/access.log"}
"""

NGINX = """
keepalive_requests REQUESTS;
server {
    listen 127.0.0.1:@PORT@ LISTEN;
    ssl_certificate CERT;
    ssl_certificate_key KEY;
    location /slow { proxy_pass http://127.0.0.1:SLOW; }
    location /echo { proxy_pass http://127.0.0.1:SLOW; proxy_request_buffering off; }
    location /big { root @FOLDER@/www; }
    location / { return 200 "$server_protocol $connection $http_x_mine $host"; }
}
"""


class UpstreamCase(LoopbackTestCase):
    """A gateway in front of one server."""

    def gateway(self, server: str, more: str = "") -> Gateway:
        return self.start(Gateway(CONFIG.replace("SERVER", server).replace("MORE", more)))

    def nginx(self, listen: str, requests: int = 100_000, slow: int = 1) -> Nginx:
        """One that speaks what `listen` says; `slow` is the port behind /slow and /echo."""
        authority = self.start(Authority())
        self.ca = authority.ca
        pair = authority.issue("one.example", "127.0.0.1")
        snippet = NGINX
        for word, value in (
            ("LISTEN", listen), ("REQUESTS", requests), ("CERT", pair.cert), ("KEY", pair.key),
            ("SLOW", slow),
        ):  # fmt: skip
            snippet = snippet.replace(word, str(value))
        return self.start(Nginx(snippet))

    def get(self, gateway: Gateway, path: str = "/", *words: str) -> str:
        done = run("curl", "-sS", *words, f"http://127.0.0.1:{gateway.port}{path}")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()


class Clear(UpstreamCase):
    """Servers that know only HTTP/2 in the clear."""

    def test_it_is_spoken(self) -> None:
        nginx = self.nginx("http2")
        gateway = self.gateway(f"h2c://127.0.0.1:{nginx.port}")
        said = [self.get(gateway, "/", "-H", "X-Mine: 1", "-H", "Host: a.example").split() for _ in range(3)]
        self.assertEqual(
            [(words[0], words[2], words[3]) for words in said], [("HTTP/2.0", "1", "a.example")] * 3
        )
        self.assertEqual(len({words[1] for words in said}), 1, "one connection")

    def test_many_requests_at_a_time_share_one_connection(self) -> None:
        together = threading.Barrier(50, timeout=20)

        def script(conversation: Conversation) -> None:
            conversation.read_request()
            together.wait()
            conversation.send(ok(b"slow", b"Connection: close\r\n"))

        slow = self.start(CountingBackend(script))
        nginx = self.nginx("http2", slow=slow.port)
        gateway = self.gateway(f"h2c://127.0.0.1:{nginx.port}")
        self.get(gateway)
        url = f"http://127.0.0.1:{gateway.port}/slow"
        done = run("h2load", "-n", "50", "-c", "50", "--h1", url, timeout=60)
        self.assertIn(b"50 succeeded", done.stdout[-900:])
        log = (nginx.folder / "nginx-access.log").read_text()
        self.assertEqual(log.count("HTTP/2.0"), 51, log[:200])
        connection = self.get(gateway).split()[1]
        self.assertEqual(connection, self.get(gateway).split()[1])

    def test_a_server_that_ends_its_connections(self) -> None:
        nginx = self.nginx("http2", requests=7)
        gateway = self.gateway(f"h2c://127.0.0.1:{nginx.port}")
        url = f"http://127.0.0.1:{gateway.port}/"
        done = run("h2load", "-n", "300", "-c", "6", "--h1", url, timeout=60)
        self.assertIn(b"300 succeeded", done.stdout[-900:])
        served = Counter(self.get(gateway).split()[1] for _ in range(20))
        self.assertGreater(len(served), 2, "one after another")
        self.assertEqual({line["status"] for line in gateway.access(320)}, {200})

    def test_a_large_body_each_way(self) -> None:
        seen: list[int] = []

        def script(conversation: Conversation) -> None:
            seen.append(len(conversation.read_request()[1]))
            conversation.send(ok(b"thanks", b"Connection: close\r\n"))

        slow = self.start(CountingBackend(script))
        nginx = self.nginx("http2", slow=slow.port)
        (nginx.folder / "www" / "big").write_bytes(bytes(5_000_000))
        (nginx.folder / "upload").write_bytes(bytes(900_000))
        gateway = self.gateway(f"h2c://127.0.0.1:{nginx.port}")
        size = self.get(gateway, "/big", "-o", "/dev/null", "-w", "%{size_download}")
        self.assertEqual(size, "5000000")
        upload = f"@{nginx.folder}/upload"
        self.assertEqual(self.get(gateway, "/echo", "--data-binary", upload), "thanks")
        self.assertEqual(seen, [900_000])

    def test_a_server_that_is_not_there(self) -> None:
        gateway = self.gateway(f"h2c://127.0.0.1:{free_port()}")
        self.get(gateway)
        self.assertEqual(gateway.access(1)[0]["reason"], "upstream_connect_refused")

    def test_a_server_of_http_1(self) -> None:
        backend = self.start(CountingBackend(ok()))
        gateway = self.gateway(f"h2c://127.0.0.1:{backend.port}")
        self.get(gateway)
        line = gateway.access(1)[0]
        self.assertEqual(line["status"], 502, line)
        self.assertIn(line["reason"], ("upstream_bad_response", "upstream_closed", "upstream_reset"))

    def test_a_server_that_says_nothing(self) -> None:
        def silent(conversation: Conversation) -> None:
            conversation.read_all()

        backend = self.start(CountingBackend(silent))
        gateway = self.gateway(f"h2c://127.0.0.1:{backend.port}", "timeouts: {response: 500ms}")
        self.get(gateway)
        self.assertEqual(gateway.access(1)[0]["reason"], "upstream_response_timeout")

    def test_a_websocket_is_asked_for_in_http_1(self) -> None:
        asked: list[bytes] = []

        def script(conversation: Conversation) -> None:
            asked.append(conversation.read_until(b"\r\n\r\n"))
            conversation.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        backend = self.start(CountingBackend(script))
        gateway = self.gateway(f"h2c://127.0.0.1:{backend.port}")
        upgrade = ("-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13")
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        self.assertIn(" 400 ", self.get(gateway, "/chat", "-i", "-H", key, *upgrade))
        self.assertTrue(asked[0].startswith(b"GET /chat HTTP/1.1\r\n"), asked)


class Encrypted(UpstreamCase):
    """Servers over TLS, which choose by ALPN."""

    def test_one_that_speaks_it(self) -> None:
        nginx = self.nginx("ssl http2")
        gateway = self.gateway(f"h2://127.0.0.1:{nginx.port}", f"tls: {{ca: '{self.ca}'}}")
        said = [self.get(gateway).split() for _ in range(3)]
        self.assertEqual({words[0] for words in said}, {"HTTP/2.0"})
        self.assertEqual(len({words[1] for words in said}), 1)

    def test_one_that_does_not(self) -> None:
        nginx = self.nginx("ssl")
        gateway = self.gateway(f"h2://127.0.0.1:{nginx.port}", f"tls: {{ca: '{self.ca}'}}")
        said = [self.get(gateway).split() for _ in range(3)]
        self.assertEqual({words[0] for words in said}, {"HTTP/1.1"})
        self.assertEqual(len({words[1] for words in said}), 1)

    def test_one_that_is_not_trusted(self) -> None:
        nginx = self.nginx("ssl http2")
        gateway = self.gateway(f"h2://127.0.0.1:{nginx.port}")
        self.get(gateway)
        self.assertEqual(gateway.access(1)[0]["reason"], "upstream_certificate_invalid")

    def test_https_stays_http_1(self) -> None:
        nginx = self.nginx("ssl http2")
        gateway = self.gateway(f"https://127.0.0.1:{nginx.port}", f"tls: {{ca: '{self.ca}'}}")
        self.assertEqual(self.get(gateway).split()[0], "HTTP/1.1")

    def test_it_is_restarted(self) -> None:
        nginx = self.nginx("ssl http2")
        gateway = self.gateway(f"h2://127.0.0.1:{nginx.port}", f"tls: {{ca: '{self.ca}'}}")
        first = self.get(gateway)
        nginx.close()
        eventually(lambda: not self.get(gateway).startswith("HTTP/2.0"), what="the end of the server")
        self.assertTrue(first.startswith("HTTP/2.0"))
