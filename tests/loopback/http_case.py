"""The test case with one gateway for all its tests, in front of a backend of each test's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from tests.loopback.backends import CountingBackend, Script
from tests.loopback.case import LoopbackTestCase
from tests.loopback.gateway import Gateway
from tests.loopback.process import run
from tests.loopback.sockets import eventually, raw_exchange

_IN_FLIGHT = re.compile(r"^toron_server_in_flight\{.*\} ([0-9.]+)$", re.MULTILINE)

ADMIN = """
admin: {address: 127.0.0.1, port: @ADMIN@}
access_log: {path: "@FOLDER@/access.log"}
"""


class HttpCase(LoopbackTestCase):
    """`CONFIG` serves `@PORT@` from `@BACKEND@`, where `self.backend(...)` listens.

    After each test nothing may be in flight any more.
    """

    CONFIG: ClassVar[str]
    running: ClassVar[dict[type, Gateway]] = {}
    """The gateway of the class whose tests run now; trial has no setUpClass."""

    def setUp(self) -> None:
        kind = type(self)
        if kind not in self.running:
            for other in list(self.running):
                self.running.pop(other).close()
            gateway = Gateway(self.CONFIG + ADMIN)
            self.prepare(gateway.folder)
            gateway.start()
            self.running[kind] = gateway
        self.gateway = self.running[kind]

    def tearDown(self) -> None:
        eventually(lambda: not any(self.in_flight()), what="the end of what is in flight")
        self.assertNotIn("Traceback", self.gateway.log())

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """Puts what the configuration names beside it, once for all tests."""

    @property
    def port(self) -> int:
        """Where the gateway listens."""
        return self.gateway.port

    @property
    def url(self) -> str:
        """The gateway, as curl wants it."""
        return f"http://127.0.0.1:{self.port}"

    def backend(
        self, answer: bytes | Script | None = None, word: str = "BACKEND", **more: Any
    ) -> CountingBackend:
        """Starts this test's backend."""
        return self.start(CountingBackend(answer, port=self.gateway.ports[word], **more))

    def in_flight(self) -> list[float]:
        """The uses of servers that are not over, server by server."""
        port = self.gateway.ports["ADMIN"]
        page = raw_exchange(port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        found = [float(value) for value in _IN_FLIGHT.findall(page.decode())]
        self.assertTrue(found, page)
        return found

    def lines(self, path: str, count: int = 1) -> list[dict[str, Any]]:
        """The access lines of a path, once there are `count` of them; never more."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.gateway.access() if line.get("path") == path]

        eventually(lambda: len(found()) >= count, what=f"{count} access lines for {path}")
        lines = found()
        self.assertEqual(len(lines), count, lines)
        return lines

    def line(self, path: str) -> dict[str, Any]:
        """The one access line of a path."""
        return self.lines(path)[0]

    def curl(self, *words: str, code: int = 0, **more: Any) -> bytes:
        """What curl prints; it has to end with `code`."""
        done = run("curl", "-sS", *words, **more)
        self.assertEqual(done.returncode, code, done.stderr.decode())
        return done.stdout


def once(answer: bytes) -> Callable[[Any], None]:
    """A script that answers one request and closes."""

    def script(conversation: Any) -> None:
        conversation.read_request()
        conversation.send(answer)

    return script


def ok(body: bytes = b"ok", fields: bytes = b"") -> bytes:
    """A whole 200 response."""
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (fields, len(body), body)
