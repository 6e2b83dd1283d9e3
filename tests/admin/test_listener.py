"""The admin port is bound early, serves while the gateway lives, and names itself when it cannot."""

from __future__ import annotations

import socket
import time
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.loopback.sockets import LOOPBACK, answers
from tests.loopback.web import ask
from toron.admin.listener import AdminListener
from toron.admin.running import Running
from toron.config.model import Admin, Config, Listener
from toron.net.sockets import CannotListen
from toron.observe.access_log import NullAccessLog
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness

reactor: Any = installed


class FakeServing:
    """A composition, as far as it is asked."""

    config = Config(listeners=(Listener(protocol="tcp", port=1, echo={}),), admin=Admin())


class AdminListeners(TestCase):
    """On loopback, asked from a thread."""

    def listener(self, port: int = 0, address: str = LOOPBACK) -> AdminListener:
        self.readiness = Readiness("draining")
        metrics = Metrics(self.readiness, reactor.seconds, "1", NullAccessLog())
        served: Any = FakeServing()
        gateway = Running(reactor, time.time, "1", metrics, self.readiness, served)
        return AdminListener(reactor, address, port, gateway)

    async def test_bound_then_served_then_gone(self) -> None:
        admin = self.listener()
        admin.bind()
        self.assertGreater(admin.port, 0)
        admin.startService()
        got = await deferToThread(ask, admin.port, "/readyz")
        self.assertEqual((got.status, got.text), (503, '["draining"]\n'))
        await admin.stopService()  # type: ignore[misc]
        self.assertFalse(answers(admin.port))
        self.assertIsNone(admin.stopService())

    async def test_a_pause(self) -> None:
        admin = self.listener()
        admin.pause()
        admin.resume()
        admin.startService()
        admin.pause()
        with socket.create_connection((LOOPBACK, admin.port), 5) as sock:
            sock.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            sock.settimeout(0.1)
            self.assertRaises(TimeoutError, sock.recv, 1)
            admin.resume()
            sock.settimeout(5)
            self.assertIn(b" 200 ", await deferToThread(sock.recv, 100))
        await admin.stopService()  # type: ignore[misc]

    async def test_without_being_bound_before(self) -> None:
        admin = self.listener()
        admin.startService()
        got = await deferToThread(ask, admin.port, "/healthz")
        self.assertEqual(got.status, 200)
        await admin.stopService()  # type: ignore[misc]

    async def test_the_api_is_there_too(self) -> None:
        admin = self.listener()
        admin.startService()
        got = await deferToThread(ask, admin.port, "/api/v1/certificates")
        self.assertEqual((got.status, got.text), (200, '{"certificates":[]}\n'))
        await admin.stopService()  # type: ignore[misc]

    async def test_ipv6_is_loopback_too(self) -> None:
        admin = self.listener(address="::1")
        admin.startService()

        def refused() -> bytes:
            with socket.create_connection(("::1", admin.port), 5) as sock:
                sock.sendall(b"GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n")
                return sock.recv(100)

        self.assertIn(b" 403 ", await deferToThread(refused))
        await admin.stopService()  # type: ignore[misc]

    def test_a_port_in_use(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as taken:
            port = taken.getsockname()[1]
            error = self.assertRaises(CannotListen, self.listener(port).bind)
        self.assertIn(f"listener 'admin' can not listen on TCP 127.0.0.1:{port}", str(error))
