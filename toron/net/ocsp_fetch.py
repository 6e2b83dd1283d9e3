"""Asks OCSP responders over HTTP, with a bound for the time and for the size of what they say."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone, ResponseFailed
from twisted.web.error import SchemeNotSupported
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

from toron.core.wait import as_deferred
from toron.net.bounded_client import BoundedConnections
from toron.net.ocsp_stapling import FetchFailed

SECONDS = 10.0
"""For all of it."""
MOST = 64 << 10
"""Bytes of a response; usual are 500 to 2500."""
_HEAD = 32 << 10
"""Bytes of what is around it."""


@implementer(IBodyProducer)
class _Question:
    """The body of a request, all at once."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> Deferred[None]:  # noqa: N802  # overrides
        consumer.write(self._body)
        return succeed(None)

    def stopProducing(self) -> None:
        """It is over already."""

    def pauseProducing(self) -> None:
        """It is over already."""

    def resumeProducing(self) -> None:
        """It is over already."""


@implementer(IAgentEndpointFactory)
class _Places:
    """Where responders are; what they answer is signed, so that nothing has to be encrypted."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def endpointForURI(self, uri: Any) -> HostnameEndpoint:  # noqa: N802  # overrides
        if uri.scheme != b"http":
            raise SchemeNotSupported(f"a responder is asked by http, not {uri.scheme.decode()}")
        return HostnameEndpoint(self._reactor, uri.host, uri.port, timeout=SECONDS)


class _Answer(Protocol):
    """Takes at most MOST bytes; `whole` gets them."""

    def __init__(self) -> None:
        self._held = b""
        self.whole: Deferred[bytes] = Deferred(lambda _: self._cut())

    def dataReceived(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > MOST and not self.whole.called:
            self.whole.errback(FetchFailed(f"the response is larger than {MOST >> 10} KiB"))
            self._cut()

    def connectionLost(self, reason: Failure = Failure(ResponseDone())) -> None:
        if self.whole.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.whole.callback(self._held)
        else:
            self.whole.errback(FetchFailed("the response ended before it was whole"))

    def _cut(self) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()


_HEADERS = {
    "Content-Type": ["application/ocsp-request"],
    "Accept": ["application/ocsp-response"],
    "User-Agent": ["toron"],
}


async def fetch(reactor: Any, url: str, request: bytes) -> bytes:
    """What the responder at `url` says to a request (RFC 6960 appendix A); raises FetchFailed."""
    asked: Deferred[bytes] = as_deferred(_ask(reactor, url, request))
    asked.addTimeout(SECONDS, reactor)
    try:
        return await asked
    except (ConnectError, OSError, ResponseFailed, SchemeNotSupported, TimeoutError, ValueError) as error:
        raise FetchFailed(_why(error)) from None


async def _ask(reactor: Any, url: str, request: bytes) -> bytes:
    connections = BoundedConnections(reactor, MOST + _HEAD)
    agent: Any = Agent.usingEndpointFactory(reactor, _Places(reactor), connections)
    response = await agent.request(b"POST", url.encode("ascii"), Headers(_HEADERS), _Question(request))
    taking = _Answer()
    response.deliverBody(taking)
    body: bytes = await taking.whole
    if response.code != 200:
        raise FetchFailed(f"the responder answers with status {response.code}")
    return body


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no response within {SECONDS:g} s"
    if isinstance(error, ResponseFailed) and error.reasons:
        return str(error.reasons[0].getErrorMessage())
    return " ".join((str(error) or type(error).__name__).split())
