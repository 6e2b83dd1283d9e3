"""UDP sessions and QUIC connections stay where they are when a new process takes over, until they end."""

from __future__ import annotations

import os
import signal
import socket
import time

from curl_cffi import CurlHttpVersion, CurlOpt, requests

from tests.loopback.authority import Authority
from tests.loopback.peers import UdpEcho, eventually
from tests.loopback.test_reload import Load
from tests.loopback.test_upgrade import Upgrading, gone

CONFIG = """
listeners:
  - {{name: udp, protocol: udp, address: 127.0.0.1, port: @UDP@, idle: {idle}, backend: {{url: "udp://127.0.0.1:{server}"}}}}
  - {{name: echo, protocol: udp, address: 127.0.0.1, port: @ECHO@, echo: {{}}}}
  - name: quic
    protocol: http3
    port: @PORT@
    certificates: [{{cert: "{cert}", key: "{key}"}}]
routes: [{{match: {{path: /echo}}, echo: {{}}}}, {{respond: {{body: hello}}}}]
upgrade: {{linger: 8s}}
"""


class Datagrams(Upgrading):
    def begin(self, idle: str) -> UdpEcho:
        self.authority = self.start(Authority())
        pair = self.authority.issue("a.example")
        server = self.start(UdpEcho())
        self.serve(CONFIG.format(idle=idle, server=server.port, cert=pair.cert, key=pair.key))
        return server

    def client(self, name: str) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(made.close)
        made.settimeout(5)
        made.connect(("127.0.0.1", self.gateway.ports[name]))
        return made

    def talk(self) -> tuple[socket.socket, Load]:
        """A client whose session does not become idle."""
        client = self.client("UDP")
        return client, self.start(Load(lambda: self.back(client, b"hello"), list))

    def back(self, client: socket.socket, data: bytes) -> None:
        client.send(data)
        self.assertEqual(client.recv(100), data)

    def test_udp_sessions_stay(self) -> None:
        server = self.begin("1s")
        one, talking = self.talk()
        eventually(lambda: talking.count)
        first = self.upgrade()
        count = talking.count
        eventually(lambda: talking.count > count + 5 or talking.failed)
        self.assertEqual(len(server.clients), 1, "its session is in the old process")
        two, more = self.talk()
        self.back(self.client("ECHO"), b"nobody is there in the old one")
        second = self.upgrade()
        self.back(self.client("UDP"), b"in the newest process")
        self.assertEqual((len(server.clients), gone(first), gone(second)), (3, False, False))
        talking.close()
        more.close()
        self.assertEqual(talking.failed + more.failed, [])
        os.kill(second, signal.SIGKILL)
        eventually(lambda: gone(second))
        self.back(self.client("UDP"), b"though the one in the middle is gone")
        eventually(lambda: gone(first), 10)
        for client in (one, two):
            self.back(client, b"in another session")

    def test_http3(self) -> None:
        self.begin("30s")
        port = self.gateway.port
        session = requests.Session(curl_options={CurlOpt.RESOLVE: [f"a.example:{port}:127.0.0.1"]})
        self.addCleanup(session.close)

        def once() -> None:
            got = session.request(
                "POST", f"https://a.example:{port}/echo", data=b"x" * 20_000,
                http_version=CurlHttpVersion.V3ONLY, verify=str(self.authority.ca), timeout=10,
            )  # fmt: skip
            if (got.status_code, len(got.json()["body"])) != (200, 20_000):
                raise AssertionError(str(got.status_code))

        load = self.start(Load(once, list))
        eventually(lambda: load.count > 5 or load.failed)
        old = self.upgrade()
        end = time.monotonic() + 20
        while not (gone(old) or load.failed) and time.monotonic() < end:
            time.sleep(0.05)
        count = load.count
        eventually(lambda: load.count > count + 5 or load.failed)
        load.close()
        self.assertEqual((load.failed, gone(old)), ([], True))
