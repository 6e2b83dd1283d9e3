"""A protocol speaks through a socket that somebody else has connected."""

from __future__ import annotations

import socket

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import TestCase

from toron.net.joining import join


class Answering(Protocol):
    """Answers once, and waits for the end."""

    def __init__(self) -> None:
        self.ended: Deferred[bytes] = Deferred()
        self.heard = b""

    def connectionMade(self) -> None:
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: object = None) -> None:
        self.ended.callback(self.heard)


class Joins(TestCase):
    timeout = 20

    async def test_both_ways(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        protocol = Answering()
        with ours:
            ours.setblocking(False)
            join(reactor, ours, protocol)
        # The copy goes on.
        with theirs:
            theirs.settimeout(10)
            theirs.sendall(b"hi")
            protocol.transport.doWrite()
            self.assertEqual(theirs.recv(100), b"hello")
        self.assertEqual(await protocol.ended, b"hi")
