"""One attempt to connect: it stands at once, later, too late or never, and leaves no socket behind."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any, ClassVar

from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure

from tests.net.turning import TurningCase
from toron.core.refusal import UpstreamFailed
from toron.core.wait import Cancelled, Task
from toron.net import connecting
from toron.net.connecting import Attempt, why


def descriptors() -> int:
    """How many are open."""
    return len(os.listdir("/proc/self/fd"))


class Slow(socket.socket):
    """Says what it is told to, one after the other, when it is asked to connect."""

    codes: ClassVar[list[int]] = []

    def connect_ex(self, address: Any) -> int:
        return self.codes.pop(0)


class Attempts(TurningCase):
    """Of a reactor that is turned by hand."""

    def setUp(self) -> None:
        super().setUp()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listening.close)
        self.port: int = self.listening.getsockname()[1]
        self.results: list[Any] = []

    def slow(self, *codes: int) -> None:
        """What the system says to each question, in place of the truth."""
        self.patch(Slow, "codes", list(codes))
        self.patch(connecting.socket, "socket", Slow)

    def wait(self, attempt: Attempt, seconds: float = 5.0) -> Task[None]:
        """Wait for it."""
        task = Task(attempt.wait(seconds), lambda _, error: self.results.append(error))
        task.start()
        return task

    def word(self) -> str:
        """Why it failed."""
        (failed,) = self.results
        assert isinstance(failed, UpstreamFailed) and failed.untouched, failed
        return failed.reason.word

    def test_a_server_on_this_machine_stands_at_once(self) -> None:
        attempt = Attempt(self.reactor, "127.0.0.1", self.port)
        self.assertTrue(attempt.stands)
        self.wait(attempt)
        self.assertEqual(self.results, [None])
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        opened = attempt.socket
        self.assertEqual(opened.gettimeout(), 0.0)
        self.assertTrue(opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        self.assertTrue(opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        transport = attempt.transport(self)
        self.addCleanup(opened.close)
        self.assertEqual((transport.getPeer().host, transport.getPeer().port), ("127.0.0.1", self.port))
        self.assertNotIn(transport, self.reactor.getReaders())

    def test_ipv6(self) -> None:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:
            attempt = Attempt(self.reactor, "::1", listening.getsockname()[1])
            self.addCleanup(attempt.socket.close)
            self.assertTrue(attempt.stands)
            self.assertEqual(attempt.transport(self).getPeer().host, "::1")

    def test_a_zone_that_there_is_not(self) -> None:
        before = descriptors()
        failed = self.assertRaises(UpstreamFailed, Attempt, self.reactor, "fe80::1%nowhere", 80)
        self.assertEqual(failed.reason.word, "upstream_connect_failed")
        self.assertEqual(descriptors(), before)

    def test_a_port_where_nobody_listens(self) -> None:
        self.listening.close()
        before = descriptors()
        failed = self.assertRaises(UpstreamFailed, Attempt, self.reactor, "127.0.0.1", self.port)
        self.assertEqual((failed.reason.word, failed.untouched), ("upstream_connect_refused", True))
        self.assertEqual(descriptors(), before)

    def test_it_stands_later(self) -> None:
        self.slow(errno.EINPROGRESS, errno.EALREADY, errno.EALREADY, 0)
        attempt = Attempt(self.reactor, "127.0.0.1", self.port)
        self.addCleanup(attempt.socket.close)
        self.assertFalse(attempt.stands)
        self.wait(attempt)
        attempt.doWrite()
        self.assertEqual(self.results, [], "woken for nothing")
        self.assertIn(attempt, self.reactor.getWriters())
        attempt.doWrite()
        self.assertEqual(self.results, [None])
        self.assertTrue(attempt.stands)
        self.assertNotIn(attempt, self.reactor.getWriters())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_nobody_on_another_machine_is_asked_twice(self) -> None:
        self.slow(errno.EINPROGRESS)
        attempt = Attempt(self.reactor, "192.0.2.1", self.port)
        self.assertEqual((attempt.stands, Slow.codes), (False, []))
        attempt.socket.close()

    def test_refused_later(self) -> None:
        self.slow(errno.EINPROGRESS, errno.EALREADY, errno.ECONNREFUSED)
        before = descriptors()
        attempt = Attempt(self.reactor, "127.0.0.1", self.port)
        self.wait(attempt)
        attempt.doWrite()
        self.assertEqual(self.word(), "upstream_connect_refused")
        self.gone(attempt, before)

    def test_broken_while_nobody_could_write(self) -> None:
        self.slow(errno.EINPROGRESS, errno.EALREADY)
        before = descriptors()
        attempt = Attempt(self.reactor, "127.0.0.1", self.port)
        self.wait(attempt)
        attempt.connectionLost(Failure(CONNECTION_LOST))
        self.assertEqual(self.word(), "upstream_connect_failed")
        self.gone(attempt, before)

    def test_a_refusal_that_the_reactor_hears_of(self) -> None:
        """As it comes from another machine: after the first question."""
        self.listening.close()
        truth = socket.socket.connect_ex

        class Asked(socket.socket):
            times = 0

            def connect_ex(self, address: Any) -> int:
                Asked.times += 1
                return errno.EALREADY if Asked.times == 2 else truth(self, address)

        self.patch(connecting.socket, "socket", Asked)
        attempt = Attempt(self.reactor, "127.0.0.1", self.port)
        self.assertFalse(attempt.stands)
        self.wait(attempt)
        self.turn_until(lambda: self.results)
        self.assertEqual(self.word(), "upstream_connect_refused")

    def test_too_late(self) -> None:
        self.slow(errno.EINPROGRESS, errno.EALREADY)
        before = descriptors()
        attempt = Attempt(self.reactor, "127.0.0.1", self.port)
        self.wait(attempt, 0.0)
        self.turn()
        self.assertEqual(self.word(), "upstream_connect_timeout")
        self.gone(attempt, before)

    def test_given_up(self) -> None:
        self.slow(errno.EINPROGRESS, errno.EALREADY)
        before = descriptors()
        attempt = Attempt(self.reactor, "127.0.0.1", self.port)
        self.wait(attempt).cancel()
        self.assertIsInstance(self.results[0], Cancelled)
        self.gone(attempt, before)

    def gone(self, attempt: Attempt, before: int) -> None:
        """Nothing is left of it."""
        self.assertNotIn(attempt, self.reactor.getWriters())
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(descriptors(), before)

    def test_no_descriptor_is_left(self) -> None:
        def none(*_: Any) -> None:
            raise OSError(errno.EMFILE, "too many")

        self.patch(connecting.socket, "socket", none)
        failed = self.assertRaises(UpstreamFailed, Attempt, self.reactor, "127.0.0.1", self.port)
        self.assertEqual((failed.reason.word, failed.ours), ("upstream_connect_failed", True))

    def test_reasons(self) -> None:
        for code, word, ours in (
            (errno.ECONNREFUSED, "upstream_connect_refused", False),
            (errno.ETIMEDOUT, "upstream_connect_timeout", False),
            (errno.EHOSTUNREACH, "upstream_connect_failed", False),
            (errno.EADDRNOTAVAIL, "upstream_connect_failed", True),
        ):
            failed = why(code)
            self.assertEqual((failed.reason.word, failed.ours, failed.untouched), (word, ours, True))
        self.assertEqual(why(errno.EHOSTUNREACH).detail, "No route to host")

    def test_what_it_is_called(self) -> None:
        attempt = Attempt(self.reactor, "127.0.0.1", self.port)
        self.assertEqual(attempt.logPrefix(), "connecting to 127.0.0.1")
        attempt.socket.close()
