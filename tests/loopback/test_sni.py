"""TLS passed on as it is: the ClientHello chooses the server, whose own certificate the client sees."""

from __future__ import annotations

import re
import socket
import ssl
import threading

from tests.loopback.authority import Authority
from tests.loopback.peers import Gateway, Nginx, run
from tests.loopback.shared import SharedTestCase

CONFIG = """
listeners:
  - name: front
    protocol: sni
    address: 127.0.0.1
    port: @PORT@
    timeouts: {{handshake: 600ms}}
    routes:
      - {{match: {{sni: a.test, alpn: [h2]}}, backend: second}}
      - {{match: {{sni: a.test}}, backend: first}}
      - {{match: {{sni: "*.b.test"}}, backend: second}}
      - {{match: {{sni: "^c[0-9]+[.]test$"}}, backend: first}}
      - {{match: {{sni: ""}}, backend: second}}
backends:
  first: {{url: "tcp://127.0.0.1:{first}"}}
  second: {{url: "tcp://127.0.0.1:{second}"}}
access_log: {{path: "@FOLDER@/access.log"}}
drain: {{limit: 500ms}}
"""


def pour(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes from one socket to the other until the first one ends."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()


class PassThrough(SharedTestCase):
    """Two servers with a certificate each behind one port."""

    @classmethod
    def prepare(cls) -> None:
        nginx = Nginx(
            """
    server { listen 127.0.0.1:@FIRST@ ssl; return 200 first;
             ssl_certificate @FOLDER@/one.pem; ssl_certificate_key @FOLDER@/one.key; }
    server { listen 127.0.0.1:@SECOND@ ssl http2; return 200 second;
             ssl_certificate @FOLDER@/two.pem; ssl_certificate_key @FOLDER@/two.key; }
"""
        )
        authority = Authority(nginx.folder)
        for stem in ("one", "two"):
            pair = authority.issue(f"{stem}.server.test")
            pair.cert.rename(nginx.folder / f"{stem}.pem")
            pair.key.rename(nginx.folder / f"{stem}.key")
        cls.keep(nginx)
        ports = nginx.ports
        cls.gateway = cls.keep(Gateway(CONFIG.format(first=ports["FIRST"], second=ports["SECOND"])))

    def shown(self, *options: str) -> str:
        """Whose certificate openssl is shown."""
        done = run("openssl", "s_client", "-connect", f"127.0.0.1:{self.gateway.port}", *options)
        found = re.search(rb"subject=CN ?= ?(\w+)\.server\.test", done.stdout)
        return found[1].decode() if found else ""

    def test_names(self) -> None:
        self.assertEqual(self.shown("-servername", "a.test"), "one")
        self.assertEqual(self.shown("-servername", "A.TEST"), "one")
        self.assertEqual(self.shown("-servername", "x.b.test"), "two")
        self.assertEqual(self.shown("-servername", "c42.test"), "one")
        self.assertEqual(self.shown("-noservername"), "two")
        self.assertEqual(self.shown("-servername", "b.test"), "", "a wildcard is for one label more")
        self.assertEqual(self.shown("-servername", "x.y.b.test"), "", "a wildcard is for one label")
        self.assertEqual(self.shown("-servername", "c.test"), "")
        refused = [line for line in self.lines(13) if line.get("reason")]
        self.assertEqual({line["reason"] for line in refused}, {"no_route"})
        self.assertEqual([line["sni"] for line in refused], ["b.test", "x.y.b.test", "c.test"])

    def test_protocols(self) -> None:
        self.assertEqual(self.shown("-servername", "a.test", "-alpn", "h2,http/1.1"), "two")
        self.assertEqual(self.shown("-servername", "a.test", "-alpn", "http/1.1"), "one")
        self.assertEqual(self.shown("-servername", "x.b.test", "-alpn", "h2"), "two")
        end = next(line for line in self.lines(6) if "event" not in line)
        self.assertEqual((end["sni"], end["alpn"], end["kind"]), ("a.test", "h2,http/1.1", "sni"))

    def test_a_whole_exchange(self) -> None:
        url = f"https://a.test:{self.gateway.port}/"
        done = run("curl", "-sk", "--http1.1", "--resolve", f"a.test:{self.gateway.port}:127.0.0.1", url)
        self.assertEqual(done.stdout, b"first")

    def test_a_hello_byte_by_byte(self) -> None:
        """Relayed through a socket that sends one byte at a time, the handshake still succeeds."""
        door = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(door.close)

        def drip() -> None:
            with (
                door.accept()[0] as client,
                socket.create_connection(("127.0.0.1", self.gateway.port)) as server,
            ):
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                back = threading.Thread(target=pour, args=(server, client))
                back.start()
                for byte in client.recv(65536):
                    server.send(bytes([byte]))
                pour(client, server)
                back.join()

        dripping = threading.Thread(target=drip)
        dripping.start()
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with (
            socket.create_connection(door.getsockname(), timeout=5) as sock,
            context.wrap_socket(sock, server_hostname="a.test") as client,
        ):
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            self.assertIn(b"first", client.recv(65536))
        dripping.join(5)
