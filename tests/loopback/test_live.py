"""Why a request went where it went is told afterwards, by its id, and agrees with the access log."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from typing import Any

from tests.loopback.peers import (
    CountingBackend,
    Gateway,
    LoopbackTestCase,
    UdpEcho,
    eventually,
    free_port,
    run,
)
from tests.loopback.web import answer

CONFIG = """
listeners:
  - protocol: http
    address: 127.0.0.1
    port: @PORT@
    guards: [{{deny: 127.0.0.9}}]
  - {{protocol: tcp, address: 127.0.0.1, port: @TCP@, backend: nobody}}
  - {{protocol: udp, address: 127.0.0.1, port: @UDP@, idle: 1s, backend: echo}}
admin: {{port: @ADMIN@}}
access_log: access.log
routes:
  - name: api
    match: {{host: www.example.com, path: /api}}
    middlewares:
      - rate-limit: {{rate: 1000/s}}
      - strip-prefix: /api
    backend: api
  - name: beta
    match: {{host: www.example.com, path: /api, headers: {{X-Beta: "1"}}}}
    respond: {{body: beta}}
  - {{name: reports, match: {{path: /api/reports}}, respond: {{body: none yet}}}}
  - name: private
    match: {{path: /private}}
    middlewares: [{{jwt: {{secret: 0123456789abcdef0123456789abcdef, algorithms: [HS256]}}}}]
    respond: {{body: secret}}
  - {{name: gone, match: {{path: /gone}}, backend: gone}}
backends:
  api: {{servers: ["http://127.0.0.1:{dead}", "http://127.0.0.1:{alive}"]}}
  gone: {{url: "http://127.0.0.1:{dead}"}}
  nobody: {{url: "tcp://127.0.0.1:{dead}"}}
  echo: {{url: "udp://127.0.0.1:{udp}"}}
"""


class LiveCase(LoopbackTestCase):
    """One gateway, its servers, and its admin port."""

    more = ""

    def setUp(self) -> None:
        backend = self.start(CountingBackend(answer("hello")))
        echo = self.start(UdpEcho())
        self.gateway = Gateway(self.more + CONFIG.format(dead=free_port(), alive=backend.port, udp=echo.port))
        self.start(self.gateway)

    def curl(self, path: str, *words: str) -> None:
        url = f"http://127.0.0.1:{self.gateway.port}{path}"
        run("curl", "-s", "-o", "/dev/null", "-H", "Host: www.example.com", *words, url)

    def ask(self, path: str) -> Any:
        port = self.gateway.ports["ADMIN"]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.addCleanup(connection.close)
        connection.request("GET", f"/api/v1/{path}")
        return json.loads(connection.getresponse().read())

    def last(self, **wanted: Any) -> dict[str, Any]:
        """The record of the line of the access log that is as wanted, with which it has to agree."""

        def found() -> list[dict[str, Any]]:
            lines = self.gateway.access()
            return [line for line in lines if all(line.get(key) == wanted[key] for key in wanted)]

        eventually(lambda: bool(found()), what=f"a line with {wanted}")
        line = found()[-1]
        record: dict[str, Any] = self.ask(f"requests/{line['id']}")
        self.assertEqual(record["ended"]["line"], line)
        self.agrees(record, line)
        return record

    def agrees(self, record: dict[str, Any], line: dict[str, Any]) -> None:
        """What the record tells is what the line says."""
        outcome = record["outcome"]
        self.assertEqual(record["listener"]["name"], line["listener"])
        self.assertEqual((outcome["status"], outcome["reason"]), (line.get("status"), line.get("reason")))
        self.assertEqual(record["asked"]["client"], line["client"])
        if line["kind"] == "http":
            self.assertEqual("" if record["route"] is None else record["route"]["name"], line["route"])
            self.assertEqual(record["asked"]["method"], line["method"])
        ended = [step["name"] for step in record["middlewares"] if step["verdict"] != "passes"]
        self.assertEqual(ended, [line["middleware"]] if "middleware" in line else [])
        backend = record["backend"]
        self.assertEqual("" if backend is None else backend["name"], line.get("backend", ""))
        if backend is not None and backend["tries"]:
            self.assertEqual(backend["tries"][-1]["server"], line["server"])
            self.assertEqual(len(backend["tries"]), line.get("retries", 0) + 1)
            if "upstream_ms" in line:
                self.assertEqual(backend["tries"][-1]["ended_ms"], line["upstream_ms"])


class Requests(LiveCase):
    def test_the_way_of_each(self) -> None:
        self.curl("/api/reports?token=abc", "-H", "Authorization: Bearer abc", "-H", "Cookie: a=abc")
        record = self.last(route="api")
        self.assertEqual([step["name"] for step in record["shadowed"]], ["reports"])
        self.assertEqual(record["shadowed"][0]["place"], f"{self.gateway.config}:21:5")
        self.assertEqual([step["missed"]["what"] for step in record["near"]], ["headers X-Beta"])
        self.assertEqual(record["guards"][0]["verdict"], "passes")
        changed = {step["name"]: (step["request"], len(step["response"])) for step in record["middlewares"]}
        self.assertEqual(
            changed, {"rate-limit": ([], 3), "strip-prefix": (["path: /api/reports -> /reports"], 0)}
        )
        first, second = record["backend"]["tries"]
        self.assertEqual((first["outcome"], first["reason"]), ("failed", "upstream_connect_refused"))
        self.assertEqual((second["outcome"], second["status"]), ("answered", 200))
        self.assertEqual(second["others"][0]["why"], "was tried already")
        self.assertLessEqual(first["began_ms"], first["ended_ms"])
        self.assertLessEqual(first["ended_ms"], second["began_ms"])
        self.assertNotIn("abc", json.dumps(record))
        self.curl("/api/again")
        (only,) = self.last(path="/api/again")["backend"]["tries"]
        self.assertEqual(only["others"][0]["why"], "it could not be reached lately, and is asked last")

        self.refused()
        self.command()

    def refused(self) -> None:
        self.curl("/nothing")
        near = [(step["name"], step["missed"]["what"]) for step in self.last(path="/nothing")["near"]]
        self.assertIn(("api", "path"), near)
        self.curl("/private", "-H", "Authorization: Bearer nonsense")
        record = self.last(route="private")
        (jwt,) = record["middlewares"]
        self.assertEqual((jwt["verdict"], jwt["reason"], jwt["status"]), ("refuses", "token_invalid", 401))
        self.assertNotIn("nonsense", json.dumps(record))
        self.curl("/gone")
        (tried,) = self.last(route="gone")["backend"]["tries"]
        self.assertEqual((tried["outcome"], tried["reason"]), ("failed", "upstream_connect_refused"))

    def test_layer_4(self) -> None:
        ports = self.gateway.ports
        self.connect(self.gateway.port, "127.0.0.9")
        record = self.last(reason="address_denied")
        self.assertEqual(record["guards"][0]["verdict"], "refuses")
        self.connect(ports["TCP"], "127.0.0.1")
        (tried,) = self.last(kind="tcp")["backend"]["tries"]
        self.assertEqual((tried["outcome"], tried["reason"]), ("failed", "upstream_connect_refused"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.sendto(b"hello", ("127.0.0.1", self.gateway.ports["UDP"]))
            self.assertEqual(sock.recv(100), b"hello")
        (tried,) = self.last(kind="udp", bytes_in=5)["backend"]["tries"]
        self.assertEqual(tried["why"], "the only one that can be asked")

    def connect(self, port: int, source: str) -> None:
        """A connection that is refused."""
        with (
            contextlib.suppress(ConnectionResetError),
            socket.create_connection(("127.0.0.1", port), 5, (source, 0)) as sock,
        ):
            self.assertEqual(sock.recv(1), b"")

    def command(self) -> None:
        id = self.last(route="api")["ended"]["line"]["id"]
        done = self.toron("explain", "--live", id)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"├─ route api  [{self.gateway.config}:12:5]", done.stdout)
        self.assertIn("└─ a server answered with status 200", done.stdout)
        done = self.toron("explain", "--last", "--status", "4xx", "--json")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(json.loads(done.stdout)["outcome"]["reason"], "token_invalid")
        for words, said in (
            (("--live", "no-such"), "no request or connection 'no-such' is remembered"),
            (("--last", "--route", "beta"), "nothing that is as asked for is remembered"),
        ):
            done = self.toron("explain", *words)
            self.assertEqual(done.returncode, 2)
            self.assertIn(said, done.stderr)

    def toron(self, *words: str) -> subprocess.CompletedProcess[str]:
        admin = f"http://127.0.0.1:{self.gateway.ports['ADMIN']}"
        return subprocess.run(
            [sys.executable, "-m", "toron", *words, "--admin", admin],
            env={**os.environ, **self.gateway.environment, "PYTHONIOENCODING": "utf-8"},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def test_after_a_reload(self) -> None:
        self.curl("/api/x")
        before = self.last(route="api")
        self.gateway.config.write_text("# new\n" + self.gateway.config.read_text())
        self.gateway.kill(signal.SIGHUP)
        eventually(lambda: "the configuration was changed" in self.gateway.log(), what="a reload")
        id = before["ended"]["line"]["id"]

        def settled() -> bool:
            return "another configuration" in str(self.ask(f"requests/{id}")["ended"]["note"])

        eventually(settled, what="the record of another configuration")
        after = self.ask(f"requests/{id}")
        self.assertEqual(after["route"], before["route"])
        self.assertEqual(after["backend"], before["backend"])
        self.assertEqual((after["near"], after["shadowed"]), ([], []))
        self.curl("/api/y")
        self.assertEqual(self.last(path="/api/y")["route"]["place"], f"{self.gateway.config}:13:5")


class Workers(LiveCase):
    more = "workers: 2\n"

    def test_the_one_that_had_it_is_found(self) -> None:
        for number in range(4):
            self.curl(f"/api/{number}")
        for number in range(4):
            self.assertEqual(self.last(path=f"/api/{number}")["route"]["name"], "api")
        found = self.ask("requests?route=api&most=3")["requests"]
        self.assertEqual(len(found), 3)
