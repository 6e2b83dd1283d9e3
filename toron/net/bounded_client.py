"""Connections of Twisted's HTTP client that read no more than so much, and say nothing of it in the log."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure
from twisted.web._newclient import HTTP11ClientProtocol
from twisted.web.client import HTTPConnectionPool, _HTTP11ClientFactory


class BoundedConnections(HTTPConnectionPool):
    """Makes a connection for each request, which is cut after `most` bytes, its head included.

    Twisted bounds the lines of a head, but not how many there are.
    """

    def __init__(self, reactor: Any, most: int) -> None:
        super().__init__(reactor, persistent=False)  # type: ignore[no-untyped-call]
        # A class to Twisted, which only calls it.
        self._factory = partial(_Factory, most)  # type: ignore[assignment]


class _Factory(_HTTP11ClientFactory):
    noisy = False

    def __init__(self, most: int, quiescent: Any, about: Any) -> None:
        super().__init__(quiescent, about)  # type: ignore[no-untyped-call]
        self._most = most

    def buildProtocol(self, addr: IAddress | None) -> HTTP11ClientProtocol:  # overrides
        return _Bounded(self._most, self._quiescentCallback)


class _Bounded(HTTP11ClientProtocol):
    def __init__(self, most: int, quiescent: Any) -> None:
        super().__init__(quiescent)  # type: ignore[no-untyped-call]
        self._most = self._left = most

    def dataReceived(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left >= 0:
            super().dataReceived(data)  # type: ignore[no-untyped-call]
        else:
            transport: Any = self.transport
            self._giveUp(Failure(ValueError(f"more than {self._most} bytes came")))  # type: ignore[no-untyped-call]
            transport.abortConnection()
