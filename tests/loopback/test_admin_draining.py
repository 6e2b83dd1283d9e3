"""What the admin API does to traffic: servers are drained under load, and who is connected is told."""

from __future__ import annotations

import json
import socket
import subprocess
from typing import Any

from websockets.sync.client import connect

from tests.loopback.conversation import Conversation
from tests.loopback.load import Load
from tests.loopback.peers import CountingBackend, UdpEcho, eventually, find_program, free_port
from tests.loopback.test_admin_api import API, ApiCase
from tests.loopback.test_http_websocket import WebSocketServer, echo
from tests.loopback.web import answer, ask

JSON = {"content-type": "application/json"}

CONFIG = """
listeners:
  - {name: web, protocol: http, address: 127.0.0.1, port: @PORT@}
  - {name: relay, protocol: tcp, address: 127.0.0.1, port: @TCP@, backend: tcp}
  - {name: datagrams, protocol: udp, address: 127.0.0.1, port: @UDP@, backend: udp}
admin: {port: @ADMIN@}
routes:
  - {name: socket, match: {path: /socket}, backend: socket}
  - {name: slow, match: {path: /slow}, backend: slow}
  - {name: web, backend: web}
backends:
  web: {servers: ["http://127.0.0.1:%d", "http://127.0.0.1:%d"], sticky: {}}
  socket: {url: "http://127.0.0.1:%d"}
  slow: {url: "http://127.0.0.1:%d"}
  tcp: {url: "tcp://127.0.0.1:%d"}
  udp: {url: "udp://127.0.0.1:%d"}
workers: %d
drain: {limit: 500ms}
"""


class TrafficCase(ApiCase):
    workers = 1

    def setUp(self) -> None:
        def back(conversation: Conversation) -> None:
            while data := conversation.read():
                conversation.send(data)

        self.first = self.start(CountingBackend(answer("first")))
        self.second = self.start(CountingBackend(answer("second")))
        socket_port = free_port()
        self.start(WebSocketServer(socket_port, echo))
        slow = self.start(CountingBackend(lambda conversation: conversation.read_all()))
        tcp, udp = self.start(CountingBackend(back)), self.start(UdpEcho())
        ports = self.first.port, self.second.port, socket_port, slow.port, tcp.port, udp.port, self.workers
        self.config = CONFIG % ports
        self.serve(self.config)

    def api(self, target: str) -> Any:
        got = ask(self.admin, f"{API}{target}")
        self.assertEqual(got.status, 200, got.text)
        return json.loads(got.body)

    def post(self, target: str, status: int = 200) -> Any:
        got = ask(self.admin, f"{API}{target}", method="POST", headers=JSON, body=b"")
        self.assertEqual(got.status, status, got.text)
        return json.loads(got.body)

    def server(self, backend: CountingBackend) -> str:
        return f"/backends/web/servers/127.0.0.1:{backend.port}"

    def load(self) -> Load:
        return self.start(Load(self.gateway.port))

    def drained_under_load(self) -> None:
        load = self.load()
        eventually(lambda: {"first", "second"} <= set(load.answers), what="both answer")
        got = self.post(f"{self.server(self.first)}/drain")
        self.assertEqual(got["state"], "draining")
        self.assertEqual(load.since(), {"second"})
        self.post(f"{self.server(self.first)}/undrain")
        eventually(lambda: "first" in load.answers[-20:], what="it is asked again")
        load.close()
        self.assertEqual(load.failures, [])

    def everything(self) -> None:
        """One connection of each kind."""
        self.client = connect(f"ws://127.0.0.1:{self.gateway.port}/socket")
        self.addCleanup(self.client.close)
        self.client.send("hello")
        self.client.recv(10)
        for port, kind in (
            (self.gateway.ports["TCP"], socket.SOCK_STREAM),
            (self.gateway.ports["UDP"], socket.SOCK_DGRAM),
        ):
            sock = socket.socket(socket.AF_INET, kind)
            self.addCleanup(sock.close)
            sock.settimeout(10)
            sock.connect(("127.0.0.1", port))
            sock.sendall(b"hello")
            self.assertEqual(sock.recv(100), b"hello")
        slow = socket.create_connection(("127.0.0.1", self.gateway.port), 10)
        self.addCleanup(slow.close)
        slow.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        idle = socket.create_connection(("127.0.0.1", self.gateway.port), 10)
        self.addCleanup(idle.close)
        h2 = subprocess.Popen(
            [
                find_program("curl"),
                "-s",
                "--max-time",
                "20",
                "--http2-prior-knowledge",
                f"http://127.0.0.1:{self.gateway.port}/slow",
            ]
        )
        self.addCleanup(h2.wait)
        self.addCleanup(h2.kill)

    def by_kind(self, **wanted: str) -> dict[str, dict[str, Any]]:
        query = "&".join(f"{name}={value}" for name, value in wanted.items())
        found = self.api(f"/connections?{query}")
        self.assertEqual(found["total"], len(found["connections"]))
        return {each["kind"]: each for each in found["connections"]}

    def whoever_is_connected_is_told(self) -> None:
        self.everything()
        kinds = {"websocket", "relay", "udp", "http/1.1", "h2", "new"}

        def there() -> bool:
            found = self.by_kind()
            # A connection is there before its first request.
            return set(found) == kinds and found["h2"]["requests"] == 1

        eventually(there, what=str(kinds))
        found = self.by_kind()
        self.assertEqual(
            (found["websocket"]["routes"], found["websocket"]["backend"]), (["socket"], "socket")
        )
        self.assertEqual((found["h2"]["routes"], found["h2"]["requests"]), (["slow"], 1))
        self.assertEqual((found["relay"]["backend"], found["relay"]["bytes_in"]), ("tcp", 5))
        self.assertEqual((found["udp"]["backend"], found["udp"]["bytes_out"]), ("udp", 5))
        self.assertEqual(found["http/1.1"]["bytes_in"], len("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"))
        self.assertEqual(set(self.by_kind(listener="web", route="slow")), {"http/1.1", "h2"})
        self.assertEqual(set(self.by_kind(backend="tcp")), {"relay"})
        self.assertEqual(set(self.by_kind(client="127.0.0.2")), set())
        servers = {each["backend"]: each["active"] for each in self.api("/servers")["servers"]}
        self.assertEqual((servers["slow"], servers["tcp"], servers["socket"], servers["udp"]), (2, 1, 1, 1))
        self.client.close()
        eventually(lambda: "websocket" not in self.by_kind(), what="one less")


class OneProcess(TrafficCase):
    def test_connections_and_draining(self) -> None:
        self.whoever_is_connected_is_told()
        self.drained_under_load()
        sticky = ask(self.gateway.port)
        cookie = sticky.headers["set-cookie"].partition(";")[0]
        bound = self.first if sticky.text == "first" else self.second
        self.post(f"{self.server(bound)}/drain")
        self.gateway.config.write_text(self.gateway.fill(self.config.replace("name: slow", "name: slower")))
        self.post("/reload")
        states = {each["name"]: each["state"] for each in self.api("/servers?backend=web")["servers"]}
        self.assertEqual(states[f"127.0.0.1:{bound.port}"], "draining", "a reload changes nothing")
        self.assertEqual({ask(self.gateway.port).text for _ in range(4)}, {"first", "second"} - {sticky.text})
        texts = {ask(self.gateway.port, headers={"Cookie": cookie}).text for _ in range(4)}
        self.assertEqual(texts, {sticky.text}, "who is bound to it may still come")
        other = self.first if bound is self.second else self.second
        self.post(f"{self.server(other)}/drain")
        self.assertEqual(ask(self.gateway.port).status, 503, "nobody takes anybody new")
        traffic = {each["name"]: each for each in self.api("/traffic")["servers"]}
        self.assertGreater(traffic[f"127.0.0.1:{self.first.port}"]["requests"], 0)


class Workers(TrafficCase):
    workers = 2

    def test_all_of_them_are_told_and_asked(self) -> None:
        self.drained_under_load()
        self.whoever_is_connected_is_told()
        status = self.api("/status")
        self.assertEqual(
            [(each["number"], each["ready"]) for each in status["workers"]], [(1, True), (2, True)]
        )
        self.assertEqual(status["listeners"][0]["port"], self.gateway.port)
        self.assertIn('"workers":2', ask(self.admin, f"{API}/config").text)
        self.post(f"{self.server(self.first)}/drain")
        self.assertEqual(self.post("/reload")["result"], "applied")
        self.assertEqual({ask(self.gateway.port).text for _ in range(8)}, {"second"}, "in no worker")
        self.assertLessEqual({each["worker"] for each in self.by_kind().values()}, {1, 2})
