"""The admin API of a gateway that runs, asked by curl, by raw bytes with all that is bad, and by `toron`."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.loopback.peers import Gateway, LoopbackTestCase, eventually, run
from tests.loopback.sockets import LOOPBACK
from tests.loopback.web import ask

TOKEN = "0123456789abcdef0123"

CONFIG = f"""
listeners: [{{name: web, protocol: http, address: 127.0.0.1, port: @PORT@}}]
admin: {{port: @ADMIN@, token: {TOKEN}}}
routes: [{{name: rest, respond: {{body: one}}}}]
workers: 1
"""

API = "/api/v1"
BEARER = f"authorization: Bearer {TOKEN}"
YAML = "content-type: application/yaml"
JSON = "content-type: application/json"


class ApiCase(LoopbackTestCase):
    def serve(self, config: str) -> Gateway:
        """Start a gateway; `admin` is its admin port."""
        self.gateway = self.start(Gateway(config))
        self.admin = self.gateway.ports["ADMIN"]
        return self.gateway

    def curl(
        self, target: str, *headers: str, data: str | None = None, method: str | None = None
    ) -> tuple[int, Any]:
        """Status and body."""
        words = [word for header in headers for word in ("-H", header)]
        words += [] if data is None else ["--data-binary", data]
        words += [] if method is None else ["-X", method]
        said = run(
            "curl", "-sS", "--path-as-is", "--max-time", "10", "-w", "\n%{http_code}", *words,
            f"http://127.0.0.1:{self.admin}{target}",
        ).stdout.decode()  # fmt: skip
        body, _, status = said.rpartition("\n")
        return int(status), json.loads(body) if body.startswith("{") else body

    def toron(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """The command line, as a process of its own."""
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environ}
        return subprocess.run(
            [sys.executable, "-m", "toron", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
        )


class BadRequests(ApiCase):
    """One gateway is asked for everything bad, and serves on."""

    def refused(self, status: int, word: str, target: str, *headers: str, **more: Any) -> dict[str, Any]:
        got, body = self.curl(target, *headers, **more)
        self.assertEqual((got, body["word"], body["status"]), (status, word, status), body)
        found: dict[str, Any] = body
        return found

    def say(self, data: bytes, *, end: bool = False) -> bytes:
        """Send bytes as they are, and read until the other side closes, or the first answer is there."""
        with socket.create_connection((LOOPBACK, self.admin), 10) as sock:
            sock.sendall(data)
            if end:
                sock.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: sock.recv(65536), b""))
            return sock.recv(65536)

    def test_all_of_them(self) -> None:
        gateway = self.serve(CONFIG)
        self.who()
        self.hosts()
        self.paths()
        self.bodies()
        self.raw()
        self.held()
        status, found = self.curl(f"{API}/audit", BEARER)
        self.assertEqual(status, 200)
        self.assertEqual(
            {entry["status"] for entry in found["entries"]} & {200}, set(), "nothing was changed"
        )
        self.assertEqual(ask(gateway.port).text, "one")
        self.assertEqual(re.findall("Traceback", gateway.log()), [])
        self.assertNotIn(TOKEN, gateway.log())

    def who(self) -> None:
        self.assertEqual(self.curl(f"{API}/status", BEARER)[0], 200)
        self.refused(401, "token_missing", f"{API}/status")
        self.refused(401, "token_wrong", f"{API}/status", BEARER + "x")
        self.refused(401, "token_wrong", f"{API}/nothing", "authorization: Basic eDp5")
        self.refused(401, "token_missing", f"{API}/reload", JSON, data="{}")
        for path in ("/metrics", "/healthz", "/readyz"):
            self.assertEqual(self.curl(path)[0], 200, "these need no token")

    def hosts(self) -> None:
        """What a browser that was led here would say; and nothing tells it that it may read the answer."""
        self.refused(403, "wrong_host", f"{API}/status", BEARER, "host: evil.example")
        self.assertEqual(self.curl(f"{API}/status", BEARER, "host: localhost:1")[0], 200)
        got = ask(
            self.admin, f"{API}/status", headers={"Authorization": f"Bearer {TOKEN}", "Origin": "http://evil"}
        )
        self.assertEqual([name for name in got.headers if name.startswith("access-control")], [])
        body = self.refused(
            405, "wrong_method", f"{API}/reload", BEARER, "origin: http://evil", method="OPTIONS"
        )
        self.assertEqual(body["known"], ["POST"])

    def paths(self) -> None:
        for path in (
            API,
            "/api/",
            f"{API}/",
            f"{API}//status",
            f"{API}/status/",
            "/api/v2/status",
            f"{API}/../metrics",
        ):
            self.refused(404, "unknown_path", path, BEARER)
        drain = f"{API}/backends/%s/servers/%s/drain"
        self.refused(404, "unknown_backend", drain % ("no%2Fsuch", "a:1"), BEARER, JSON, data="")
        self.refused(404, "unknown_path", drain % ("no/such", "a:1"), BEARER, JSON, data="")
        self.refused(400, "bad_path", drain % ("%ff", "a:1"), BEARER, JSON, data="")
        self.refused(400, "bad_query", f"{API}/connections?limit=x", BEARER)

    def bodies(self) -> None:
        self.refused(415, "wrong_content_type", f"{API}/reload", BEARER, data="{}")
        self.refused(
            415, "wrong_content_type", f"{API}/config", BEARER, "content-type: text/plain", data="{}"
        )
        self.refused(400, "bad_body", f"{API}/reload", BEARER, JSON, data="{")
        self.refused(
            412, "stale", f"{API}/config", BEARER, YAML, 'if-match: "0"', data=self.gateway.config.read_text()
        )
        body = self.refused(422, "rejected", f"{API}/config", BEARER, YAML, data="listners: []\nx: 1")
        self.assertEqual(
            [(each["line"], each["column"]) for each in body["problems"]], [(1, 1), (1, 1), (2, 1)], body
        )
        large = self.gateway.folder / "large"
        with large.open("wb") as file:
            file.truncate((16 << 20) + 1)
        self.refused(413, "too_large", f"{API}/config", BEARER, YAML, data=f"@{large}")
        self.refused(
            413, "too_large", f"{API}/config", BEARER, YAML, "transfer-encoding: chunked", data=f"@{large}"
        )

    def raw(self) -> None:
        head = f"POST {API}/config HTTP/1.1\r\nHost: localhost\r\n{BEARER}\r\n{YAML}\r\n".encode()
        self.assertEqual(self.say(head + b"Content-Length: 50\r\n\r\nlisteners: [", end=True), b"")
        for more in (b"Content-Length: -1\r\n\r\n", b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
                     b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"):  # fmt: skip
            self.assertRegex(self.say(head + more, end=True), rb"\AHTTP/1.1 400 ")
        self.assertRegex(self.say(b"GET /api/v1/status HTTP/1.1\r\n\r\n"), rb"\AHTTP/1.1 401 ")

    def held(self) -> None:
        """Only some bodies are held at a time, and of those without the token none."""
        socks = []
        for _ in range(4):
            sock = socket.create_connection((LOOPBACK, self.admin), 10)
            self.addCleanup(sock.close)
            socks.append(sock)
            head = f"POST {API}/config HTTP/1.1\r\nHost: localhost\r\n{BEARER}\r\n{YAML}\r\n"
            sock.sendall(f"{head}Content-Length: 9\r\n\r\n".encode())
        eventually(
            lambda: self.curl(f"{API}/config", BEARER, YAML, data="x: 1")[0] == 503, what="four are held"
        )
        self.refused(401, "token_missing", f"{API}/config", YAML, data="x: 1")
        socks[0].close()
        eventually(
            lambda: self.curl(f"{API}/config", BEARER, YAML, data="x: 1")[0] == 422, what="one has left"
        )


class Changes(ApiCase):
    """The configuration is read, changed and loaded again, by curl and by `toron`."""

    def test_there_and_back(self) -> None:
        gateway = self.serve(CONFIG)
        connection = http.client.HTTPConnection(LOOPBACK, self.admin, timeout=10)
        self.addCleanup(connection.close)
        connection.request("GET", f"{API}/config", headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        etag, now = answer.getheader("etag"), json.loads(answer.read())
        self.assertEqual(now["admin"]["token"], "<secret>")
        changed = gateway.config.read_text().replace("one", "two")
        status, body = self.curl(f"{API}/config", BEARER, YAML, f"if-match: {etag}", data=changed)
        self.assertEqual((status, body["source"]), (200, "api"), body)
        self.assertEqual(ask(gateway.port).text, "two")
        self.assertEqual(self.curl(f"{API}/config", BEARER, YAML, f"if-match: {etag}", data=changed)[0], 412)
        token = gateway.folder / "token"
        token.write_text(TOKEN + "\n")
        words = ["-c", str(gateway.config), "--token-file", str(token)]
        found = json.loads(self.toron("status", "--json", *words).stdout)
        self.assertEqual((found["configuration"]["source"], found["pid"]), ("api", gateway.pid))
        done = self.toron("reload", *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"applied in \d+\.\d\d s\n")
        self.assertEqual(ask(gateway.port).text, "one", "the file is as it was")
        gateway.config.write_text("listeners: 5\n")
        done = self.toron("reload", "--admin", f"http://127.0.0.1:{self.admin}", TORON_ADMIN_TOKEN=TOKEN)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{gateway.config}:1:12: ", done.stderr)
        self.assertEqual(ask(gateway.port).text, "one")
        wrong = self.toron(
            "status", "--admin", f"http://127.0.0.1:{self.admin}", TORON_ADMIN_TOKEN="wrong" * 4
        )
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("the token is wrong: send it as", wrong.stderr)
        entries = self.curl(f"{API}/audit", BEARER)[1]["entries"]
        self.assertEqual(
            [each["status"] for each in entries if each["what"].startswith("POST")], [422, 200, 412, 200]
        )
        self.assertEqual(entries[-1]["before"], etag)
