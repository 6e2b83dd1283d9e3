"""Names are looked up once for all who wait, in time or not at all."""

from __future__ import annotations

import socket
from typing import Any
from unittest import mock

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.core.refusal import UpstreamFailed
from toron.core.wait import Task
from toron.net.resolve import KEEP, Resolver


class Threads:
    """A thread pool whose work waits to be done by hand."""

    def __init__(self) -> None:
        self.work: list[Any] = []

    def callInThreadWithCallback(self, told: Any, function: Any, *arguments: Any, **named: Any) -> None:
        self.work.append((told, function, arguments, named))

    def do(self, answer: Any) -> None:
        """The system's resolver answers, or raises."""
        told, function, arguments, named = self.work.pop(0)
        with mock.patch("socket.getaddrinfo", side_effect=[answer]) as asked:
            if function is not socket.getaddrinfo:
                function = asked
            try:
                result = asked(*arguments, **named)
            except OSError as error:
                from twisted.python.failure import Failure

                told(False, Failure(error))
            else:
                told(True, result)


class Reactor(Clock):
    """A clock with one thread pool."""

    def __init__(self) -> None:
        super().__init__()
        self.threads = Threads()

    def getThreadPool(self) -> Threads:
        return self.threads

    def callFromThread(self, function: Any, *arguments: Any, **named: Any) -> None:
        function(*arguments, **named)


def found(*addresses: str) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]


class Resolving(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.resolver = Resolver(self.reactor)
        self.answers: list[Any] = []

    def ask(self, host: str, seconds: float = 2.0) -> None:
        def ended(result: list[str] | None, error: BaseException | None) -> None:
            self.answers.append(result if error is None else error)

        Task(self.resolver.addresses(host, seconds), ended).start()

    def test_an_address_is_known_at_once(self) -> None:
        resolver = Resolver(self.reactor)
        for host in ("192.0.2.1", "2001:db8::1", "fe80::1%lo"):
            self.assertEqual((resolver.literal(host), resolver.literal(host)), (host, host))
        for host in ("a.example", "localhost", "192.0.2"):
            self.assertEqual((resolver.literal(host), resolver.literal(host)), (None, None))

    def test_an_address_is_its_own_answer(self) -> None:
        self.ask("127.0.0.1")
        self.ask("::1")
        self.assertEqual((self.answers, self.reactor.threads.work), ([["127.0.0.1"], ["::1"]], []))

    def test_once_for_all_and_for_a_while(self) -> None:
        self.ask("a.example")
        self.ask("a.example")
        self.assertEqual(len(self.reactor.threads.work), 1)
        self.reactor.threads.do(found("192.0.2.1", "192.0.2.2", "192.0.2.1"))
        self.assertEqual(self.answers, [["192.0.2.1", "192.0.2.2"]] * 2)
        self.reactor.advance(KEEP - 0.1)
        self.ask("a.example")
        self.assertEqual(len(self.answers), 3, "remembered")
        self.reactor.advance(0.2)
        self.ask("a.example")
        self.assertEqual((len(self.answers), len(self.reactor.threads.work)), (3, 1), "asked again")

    def test_a_name_that_is_none(self) -> None:
        self.ask("a.example")
        self.reactor.threads.do(socket.gaierror(-2, "Name or service not known"))
        (error,) = self.answers
        self.assertIsInstance(error, UpstreamFailed)
        self.assertEqual(
            (error.reason.word, error.detail, error.untouched),
            ("upstream_name_unresolved", "a.example: Name or service not known", True),
        )
        self.ask("a.example")
        self.assertEqual(len(self.reactor.threads.work), 1, "a failure is not remembered")

    def test_no_answer_in_time(self) -> None:
        self.ask("a.example", 1.0)
        self.ask("a.example", 3.0)
        self.reactor.advance(1.0)
        (error,) = self.answers
        self.assertEqual(error.detail, "a.example: no answer within 1 s")
        self.reactor.threads.do(found("192.0.2.1"))
        self.assertEqual(self.answers[1:], [["192.0.2.1"]], "the other one had more time")
        self.assertEqual(self.reactor.getDelayedCalls(), [])
