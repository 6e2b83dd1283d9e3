"""Active checks take a server out and put it back, and say so in the log and the metrics."""

from __future__ import annotations

import time

from tests.loopback.peers import Conversation, CountingBackend, Gateway, LoopbackTestCase, Redis, eventually
from tests.loopback.web import answer, ask, metric

CONFIG = """
listeners: [{{protocol: {protocol}, address: 127.0.0.1, port: @PORT@, {at_listener}}}]
{routes}
backends:
  web:
    servers: [{servers}]
    health: {{{health}}}
admin: {{port: @ADMIN@}}
"""


class Patient(CountingBackend):
    """A backend whose answer to a check can be changed while it runs."""

    def __init__(self) -> None:
        super().__init__(self.talk)
        self.health = answer("fine")
        self.checks: list[float] = []
        self.heads: list[bytes] = []

    def talk(self, conversation: Conversation) -> None:
        while True:
            head, _ = conversation.read_request()
            if b" /health " in head:
                self.checks.append(time.monotonic())
                self.heads.append(head)
                if not self.health:
                    conversation.wait(2)
                conversation.send(self.health)
            else:
                conversation.send(answer("served"))


class Checks(LoopbackTestCase):
    """What the configuration asks for is what happens."""

    def serve(self, health: str, *servers: str, protocol: str = "http") -> Gateway:
        config = CONFIG.format(
            protocol=protocol, at_listener="backend: web" if protocol == "tcp" else "",
            routes="routes: [{backend: web}]" if protocol == "http" else "",
            servers=", ".join(servers), health=health,
        )  # fmt: skip
        return self.start(Gateway(config))

    def up(self, gateway: Gateway, server: str) -> float:
        return metric(gateway.ports["ADMIN"], "toron_server_up", backend="web", server=server)

    def changes(self, gateway: Gateway) -> list[str]:
        """What the log says of the server."""
        lines = [line for line in gateway.log().splitlines() if "] server web/" in line]
        return [line.partition("] server web/")[2] for line in lines]

    def becomes(self, gateway: Gateway, *changes: str) -> None:
        eventually(lambda: len(self.changes(gateway)) >= len(changes))
        self.assertEqual(self.changes(gateway), list(changes))

    def test_http_out_after_three_and_in_after_two(self) -> None:
        backend = self.start(Patient())
        name = f"127.0.0.1:{backend.port}"
        health = "path: /health, interval: 100ms, timeout: 50ms, rise: 2, fall: 3, host: checked.example"
        gateway = self.serve(health, f"http://{name}")
        eventually(lambda: len(backend.checks) >= 2)
        self.assertEqual(ask(gateway.port).status, 200)
        self.assertEqual(self.up(gateway, name), 1)
        count = len(backend.checks)
        backend.health = answer("ill", 500)
        self.becomes(gateway, f"{name} is down: status 500, not 200-399")
        self.assertIn(len(backend.checks) - count, (3, 4))  # one may have been under way
        self.assertEqual(ask(gateway.port).status, 503)
        self.assertEqual(self.up(gateway, name), 0)
        count = len(backend.checks)
        backend.health = answer("fine")
        self.becomes(gateway, f"{name} is down: status 500, not 200-399", f"{name} is up: checks pass")
        self.assertIn(len(backend.checks) - count, (2, 3))
        self.assertEqual(ask(gateway.port).status, 200)
        self.assertEqual(self.up(gateway, name), 1)
        self.assertIn(b"\r\nHost: checked.example\r\n", backend.heads[0])
        passed = metric(
            gateway.ports["ADMIN"], "toron_probes_total", backend="web", server=name, result="passed"
        )
        self.assertGreaterEqual(passed, 4)

    def test_each_check_has_its_own_connection(self) -> None:
        backend = self.start(Patient())
        self.serve("path: /health, interval: 50ms", f"http://127.0.0.1:{backend.port}")
        eventually(lambda: len(backend.checks) >= 4)
        self.assertGreaterEqual(backend.connections, 4)

    def test_checks_do_not_march_in_step(self) -> None:
        backend = self.start(Patient())
        self.serve("path: /health, interval: 100ms", f"http://127.0.0.1:{backend.port}")
        eventually(lambda: len(backend.checks) >= 12)
        waits = [after - before for before, after in zip(backend.checks, backend.checks[1:], strict=False)]
        self.assertGreater(max(waits) - min(waits), 0.003, waits)
        self.assertGreater(min(waits), 0.085, waits)

    def test_status_and_body(self) -> None:
        backend = self.start(Patient())
        name = f"127.0.0.1:{backend.port}"
        backend.health = answer("state: GREEN", 204)
        wrong = "path: /health, interval: 50ms, fall: 1, status: 200-299, body: 'state: (green|yellow)'"
        gateway = self.serve(wrong, f"http://{name}")
        backend.health = answer("state: GREEN")
        self.becomes(gateway, f"{name} is down: the body does not match state: (green|yellow)")
        backend.health = answer(b"\xff\x00 state: green")
        eventually(lambda: self.up(gateway, name) == 1)

    def test_a_server_that_hangs(self) -> None:
        backend = self.start(Patient())
        backend.health = b""
        name = f"127.0.0.1:{backend.port}"
        gateway = self.serve("path: /health, interval: 200ms, timeout: 100ms, fall: 1", f"http://{name}")
        self.becomes(gateway, f"{name} is down: no answer in 0.1 s")

    def test_a_server_that_talks_nonsense(self) -> None:
        backend = self.start(CountingBackend(b"220 mail ready\r\n"))
        name = f"127.0.0.1:{backend.port}"
        gateway = self.serve("path: /health, interval: 100ms, fall: 1", f"http://{name}")
        eventually(lambda: self.changes(gateway))
        self.assertIn(f"{name} is down: upstream_bad_response", self.changes(gateway)[0])

    def test_not_before_it_was_checked(self) -> None:
        backend = self.start(Patient())
        name = f"127.0.0.1:{backend.port}"
        gateway = self.serve("path: /health, interval: 300ms, rise: 2, initial: down", f"http://{name}")
        self.assertEqual(ask(gateway.port).status, 503)
        self.becomes(gateway, f"{name} is down: not checked yet", f"{name} is up: checks pass")
        self.assertEqual(ask(gateway.port).text, "served")

    def test_tcp(self) -> None:
        backend = self.start(CountingBackend(lambda conversation: conversation.send(b"hello")))
        name = f"127.0.0.1:{backend.port}"
        gateway = self.serve("interval: 100ms, rise: 2, fall: 3", f"tcp://{name}", protocol="tcp")
        eventually(lambda: backend.connections >= 2)
        backend.close()
        eventually(lambda: self.changes(gateway))
        self.assertIn(f"{name} is down: upstream_connect_refused", self.changes(gateway)[0])
        self.assertEqual(self.up(gateway, name), 0)
        self.start(CountingBackend(port=backend.port))
        eventually(lambda: self.up(gateway, name) == 1)

    def test_redis_says_pong(self) -> None:
        redis = self.start(Redis())
        name = f"127.0.0.1:{redis.port}"
        health = r'interval: 100ms, fall: 1, rise: 1, send: "PING\r\n", expect: "^\\+PONG\r\n"'
        gateway = self.serve(health, f"tcp://{name}", protocol="tcp")
        passed = {"backend": "web", "server": name, "result": "passed"}
        eventually(lambda: metric(gateway.ports["ADMIN"], "toron_probes_total", **passed) >= 2)
        self.assertEqual(self.changes(gateway), [])
        self.assertEqual(redis.cli("CONFIG", "SET", "requirepass", "secret"), "OK")
        eventually(lambda: self.up(gateway, name) == 0)
        self.assertIn(f"{name} is down: said '-NOAUTH", self.changes(gateway)[0])

    def test_another_port_of_the_machine(self) -> None:
        serving, checked = self.start(CountingBackend(answer("served"))), self.start(Patient())
        health = f"path: /health, interval: 100ms, port: {checked.port}"
        gateway = self.serve(health, f"http://127.0.0.1:{serving.port}")
        eventually(lambda: len(checked.checks) >= 2)
        self.assertEqual(serving.connections, 0)
        self.assertEqual(ask(gateway.port).text, "served")
