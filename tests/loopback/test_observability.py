"""What happened can be read afterwards: access lines, metrics, health pages."""

from __future__ import annotations

import contextlib
import json
import re
import socket

from tests.loopback.peers import (
    Conversation,
    CountingBackend,
    Gateway,
    LoopbackTestCase,
    UdpEcho,
    eventually,
    free_port,
    raw_exchange,
    run,
)
from tests.loopback.sockets import LOOPBACK
from tests.loopback.web import answer, ask, metric, metrics

CONFIG = """
listeners:
  - {{name: web, protocol: http, address: 127.0.0.1, port: @PORT@}}
  - name: secure
    protocol: https
    address: 127.0.0.1
    port: @TLS@
    certificates: [{{self_signed: [localhost]}}]
  - {{name: stream, protocol: tcp, address: 127.0.0.1, port: @TCP@, backend: tcp}}
  - {{name: datagram, protocol: udp, address: 127.0.0.1, port: @UDP@, backend: udp, idle: 200ms}}
  - name: guarded
    protocol: tcp
    address: 127.0.0.1
    port: @GUARDED@
    backend: tcp
    guards: [{{deny: [127.0.0.0/8]}}]
routes:
  - {{name: all, backend: web}}
  - {{name: dead, match: {{path: /dead}}, backend: dead}}
backends:
  web: {{url: "http://127.0.0.1:{web}"}}
  tcp: {{servers: ["tcp://127.0.0.1:{tcp}"]}}
  udp: {{servers: ["udp://127.0.0.1:{udp}"]}}
  dead: {{url: "http://127.0.0.1:{dead}"}}
admin: {{port: @ADMIN@}}
access_log: "@FOLDER@/access.log"
"""

HTTP = {
    "time": str, "kind": str, "id": str, "listener": str, "client": str, "peer": str, "scheme": str,
    "host": str, "method": str, "path": str, "version": str, "status": int, "route": str,
    "backend": str, "server": str, "bytes_in": int, "bytes_out": int,
    "duration_ms": float, "upstream_ms": float,
}  # fmt: skip
"""The fields of every line of a request that a server answered."""


class Observability(LoopbackTestCase):
    """One listener of each kind."""

    def setUp(self) -> None:
        self.web = self.start(CountingBackend(answer("hello")))
        self.tcp = self.start(CountingBackend(self.echo))
        self.udp = self.start(UdpEcho())
        self.dead = free_port()
        ports = {"web": self.web.port, "tcp": self.tcp.port, "udp": self.udp.port, "dead": self.dead}
        self.gateway = self.start(Gateway(CONFIG.format(**ports)))

    def echo(self, conversation: Conversation) -> None:
        while data := conversation.read():
            conversation.send(data)

    def sample(self, name: str, **labels: str) -> float:
        return metric(self.gateway.ports["ADMIN"], name, **labels)

    def test_a_request(self) -> None:
        run(
            "curl",
            "-sS",
            "-A",
            "me/1.0",
            "-e",
            "http://from/",
            "-d",
            "12345",
            f"http://127.0.0.1:{self.gateway.port}/a?b=c",
        )
        (line,) = self.gateway.access(1)
        for name, kind in HTTP.items():
            self.assertIsInstance(line.get(name), (kind, int) if kind is float else kind, name)
        wanted = {
            "kind": "http", "listener": "web", "client": LOOPBACK, "scheme": "http", "method": "POST",
            "path": "/a?b=c", "host": "127.0.0.1", "version": "1.1", "status": 200, "route": "all",
            "backend": "web", "bytes_in": 5, "bytes_out": 5, "server": f"127.0.0.1:{self.web.port}",
            "user_agent": "me/1.0", "referer": "http://from/",
        }  # fmt: skip
        self.assertEqual({name: line[name] for name in wanted}, wanted)
        self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertGreaterEqual(line["duration_ms"], line["upstream_ms"])

    def test_over_tls(self) -> None:
        run("curl", "-sSk", f"https://localhost:{self.gateway.ports['TLS']}/")
        (line,) = self.gateway.access(1)
        tls = line["tls"]
        self.assertEqual(
            (line["scheme"], tls["version"], tls["sni"], tls["alpn"]),
            ("https", "TLSv1.3", "localhost", "h2"),
        )
        self.assertTrue(tls["cipher"])
        self.assertEqual(self.sample("toron_tls_handshakes_total", listener="secure", version="TLSv1.3"), 1)

    def test_secrets_in_the_query(self) -> None:
        ask(
            self.gateway.port,
            "/a?token=hunter2&x=1&Access_Token=hunter2",
            headers={"Referer": "http://x/?token=hunter2"},
        )
        (line,) = self.gateway.access(1)
        self.assertEqual(line["path"], "/a?token=<redacted>&x=1&Access_Token=<redacted>")
        self.assertNotIn("hunter2", json.dumps(line))
        self.assertIn(b"token=hunter2", self.web.conversations[0].received, "the server needs it")

    def test_bytes_that_are_no_text(self) -> None:
        raw_exchange(self.gateway.port, b'GET /"\xff\n" HTTP/1.1\r\nHost: x\r\n\r\n')
        raw_exchange(
            self.gateway.port,
            b'GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: \xff\xc3\xa9"\r\nConnection: close\r\n\r\n',
        )
        lines = self.gateway.access(2)
        self.assertEqual(lines[0]["status"], 400)
        self.assertEqual(lines[1]["user_agent"], '\\xffé"')

    def test_refusals_have_reasons(self) -> None:
        raw_exchange(self.gateway.port, b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(ask(self.gateway.port, "/dead").status, 502)
        lines = self.gateway.access(2)
        self.assertEqual([(line["status"], line["reason"]) for line in lines],
                         [(400, "bad_host"), (502, "upstream_connect_refused")])  # fmt: skip
        for word in ("bad_host", "upstream_connect_refused"):
            self.assertEqual(self.sample("toron_refused_total", listener="web", reason=word), 1)
        self.assertEqual(
            self.sample("toron_upstream_failures_total", backend="dead", server=f"127.0.0.1:{self.dead}",
                        reason="upstream_connect_refused"), 1)  # fmt: skip

    def test_a_client_that_went_away(self) -> None:
        slow = self.start(CountingBackend(lambda conversation: conversation.wait(5), port=self.dead))
        with socket.create_connection((LOOPBACK, self.gateway.port)) as sock:
            sock.sendall(b"GET /dead HTTP/1.1\r\nHost: x\r\n\r\n")
            eventually(lambda: slow.open)
        (line,) = self.gateway.access(1)
        self.assertEqual((line["status"], line["reason"]), (499, "client_gone"))

    def test_a_connection_has_two_lines(self) -> None:
        self.assertEqual(raw_exchange(self.gateway.ports["TCP"], b"12345", half_close=True), b"12345")
        start, end = self.gateway.access(2)
        self.assertEqual((start["event"], start["kind"], start["listener"]), ("start", "tcp", "stream"))
        wanted = {"kind": "tcp", "client": LOOPBACK, "backend": "tcp", "server": f"127.0.0.1:{self.tcp.port}",
                  "bytes_in": 5, "bytes_out": 5}  # fmt: skip
        self.assertEqual({name: end[name] for name in wanted}, wanted)
        self.assertEqual(start["peer"], end["peer"])
        self.assertNotIn("reason", end)

    def test_a_udp_session(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            for data in (b"one", b"three"):
                sock.sendto(data, (LOOPBACK, self.gateway.ports["UDP"]))
                self.assertEqual(sock.recv(10), data)
            start, line = self.gateway.access(2)
        self.assertEqual((start["event"], start["server"]), ("start", line["server"]))
        wanted = {
            "kind": "udp",
            "listener": "datagram",
            "packets_in": 2,
            "packets_out": 2,
            "bytes_in": 8,
            "bytes_out": 8,
        }
        self.assertEqual({name: line[name] for name in wanted}, wanted)

    def test_a_guard_that_said_no(self) -> None:
        with contextlib.suppress(ConnectionResetError):  # it may come before connect() has returned
            self.assertEqual(raw_exchange(self.gateway.ports["GUARDED"], b""), b"")
        (line,) = self.gateway.access(1)
        self.assertEqual((line["listener"], line["reason"]), ("guarded", "address_denied"))
        self.assertEqual(self.sample("toron_refused_total", listener="guarded", reason="address_denied"), 1)

    def test_promtool_likes_the_metrics(self) -> None:
        ask(self.gateway.port)
        ask(self.gateway.port, "/dead")
        raw_exchange(self.gateway.ports["TCP"], b"x", half_close=True)
        text = ask(self.gateway.ports["ADMIN"], "/metrics").body
        checked = run("promtool", "check", "metrics", stdin=text)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, b"", b""))
        found = metrics(self.gateway.ports["ADMIN"])
        self.assertEqual(self.sample("toron_http_requests_total", listener="web", route="all", code="200"), 1)
        self.assertEqual(self.sample("toron_http_request_duration_seconds_count", route="all"), 1)
        names = {name for name, _ in found}
        for name in (
            "toron_build_info", "toron_ready", "toron_event_loop_lag_seconds", "toron_server_up",
            "toron_certificate_not_after_timestamp_seconds", "toron_retries_total",
            "process_resident_memory_bytes",
        ):  # fmt: skip
            self.assertIn(name, names)

    def test_no_client_makes_a_series(self) -> None:
        before = set(metrics(self.gateway.ports["ADMIN"]))
        for number in range(20):
            ask(
                self.gateway.port,
                f"/{number}",
                headers={"Host": f"h{number}", "X-Forwarded-For": f"10.0.0.{number}"},
            )
        self.assertLess(len(set(metrics(self.gateway.ports["ADMIN"])) - before), 25)

    def test_health_pages(self) -> None:
        for path in ("/healthz", "/readyz"):
            self.assertEqual(ask(self.gateway.ports["ADMIN"], path).status, 200, path)
        self.assertEqual(self.sample("toron_ready"), 1)

    def test_the_own_log_has_one_line_for_each_event(self) -> None:
        log = self.gateway.log()
        self.assertIn(f"[toron.net.gateway#info] toron is ready: web on {self.gateway.port}, ", log)
        self.assertNotRegex(log, r"(?i)traceback|unhandled")
        self.assertTrue(all(re.match(r"\d{4}-|.*: warning: ", line) for line in log.splitlines()), log)
