"""Answers without an end are cut, wherever in them that is."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, ResponseFailed, readBody

from toron.core.wait import as_deferred
from toron.net.bounded_client import BoundedConnections

REACTOR: Any = reactor
MOST = 2000


class Says(Protocol):
    """Says what its factory has, without being asked."""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(self.factory.said)  # type: ignore[union-attr]
        transport.loseConnection()


class Bounded(TestCase):
    async def ask(self, said: bytes) -> bytes:
        factory: Any = Factory.forProtocol(Says)
        factory.noisy, factory.said = False, said
        port = REACTOR.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        agent: Any = Agent(REACTOR, pool=BoundedConnections(REACTOR, MOST))
        response = await agent.request(b"GET", f"http://127.0.0.1:{port.getHost().port}/".encode())
        body: bytes = await readBody(response)
        return body

    async def test_up_to_the_bound(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1959\r\n\r\n"
        body = b"x" * (MOST - len(head))
        self.assertEqual(await self.ask(head + body), body)

    async def test_more_than_that(self) -> None:
        head = b"HTTP/1.1 200 OK\r\n"
        for said in (
            head + b"X-More: y\r\n" * 1000,
            b"HTTP/1.1 100 Continue\r\nX-More: y\r\n\r\n" * 1000,
            head + b"\r\n" + b"x" * MOST,
        ):
            failed = await self.assertFailure(as_deferred(self.ask(said)), ResponseFailed)
            self.assertEqual(failed.reasons[0].getErrorMessage(), "more than 2000 bytes came")
