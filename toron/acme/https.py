"""Asks a directory over HTTPS: bounded in time and size, and sure of whom it asks."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from OpenSSL import SSL, crypto
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    ResponseDone,
    ResponseFailed,
)
from twisted.web.http import PotentialDataLoss

import toron
from toron.acme.failure import AcmeFailed
from toron.core.wait import as_deferred
from toron.net.bounded_client import BoundedConnections
from toron.net.tls import explain

SECONDS = 30.0
"""For one request, from the name's look-up to the end of the answer."""

LARGEST = 1 << 20
"""Bytes of an answer, at most."""

_HEAD = 64 << 10
"""Bytes of what is around it."""

_CONNECT = 10.0
_JOSE = "application/jose+json"
_END = b"-----END CERTIFICATE-----"


@dataclass(slots=True)
class Reply:
    """An answer; the names of its fields are in lower case."""

    status: int
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def document(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def wait(self, now: float) -> float | None:
        """What Retry-After asks for (RFC 9110 section 10.2.3) in seconds; `now` is in Unix seconds."""
        value = self.fields.get("retry-after", "").strip()
        if value.isascii() and value.isdecimal():
            return float(value[:9])
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - now)
        except (ValueError, TypeError):
            return None


Ask = Callable[[str, str, bytes | None], Awaitable[Reply]]
"""Method, URL and a body that is signed; raises AcmeFailed where no answer comes."""


class _Whole(Protocol):
    """Reads the body of one answer, which is not too long."""

    def __init__(self, url: str) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: self._give_up())
        self._url = url
        self._pieces: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        self._pieces.append(data)
        if self._size > LARGEST and not self.done.called:
            self.done.errback(AcmeFailed(f"the answer of {self._url} is longer than {LARGEST} bytes"))
            self._give_up()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(b"".join(self._pieces))
        else:
            self.done.errback(reason)

    def _give_up(self) -> None:
        # The public way waits for the other side to agree, which may be what it does not do.
        transport: Any = self.transport
        below: Any = getattr(transport, "_producer", None)
        if hasattr(below, "abortConnection"):
            below.abortConnection()
        else:
            transport.loseConnection()


class Https:
    """An `Ask`. `ca` has PEM certificates to trust instead of the system's; ValueError for none in it."""

    def __init__(self, reactor: Any, ca: bytes, seconds: float = SECONDS) -> None:
        root = None
        if ca:
            blocks = [block + _END for block in ca.split(_END)[:-1]]
            try:
                root = trustRootFromCertificates([Certificate.loadPEM(block) for block in blocks])
            except crypto.Error:
                raise ValueError("the certificates of ca can not be read") from None
            if not blocks:
                raise ValueError("ca has no certificate in it")
        self._reactor = reactor
        self._seconds = seconds
        # A directory is asked so rarely that a connection is not worth keeping.
        pool = BoundedConnections(reactor, LARGEST + _HEAD)
        self._client = HTTPClient(Agent(reactor, BrowserLikePolicyForHTTPS(root), _CONNECT, pool=pool))

    async def __call__(self, method: str, url: str, body: bytes | None = None) -> Reply:
        """Ask, and read the whole answer."""
        asking = as_deferred(self._exchange(method, url, body))
        try:
            return await asking.addTimeout(self._seconds, self._reactor)
        except Late:
            raise AcmeFailed(f"{url} did not answer within {self._seconds:g} s") from None
        except AcmeFailed:
            raise
        except Exception as error:
            raise AcmeFailed(f"{url} can not be asked: {_why(error)}") from None

    async def _exchange(self, method: str, url: str, body: bytes | None) -> Reply:
        headers: dict[bytes | str, bytes | str] = {"User-Agent": f"toron/{toron.__version__}"}
        if body is not None:
            headers["Content-Type"] = _JOSE
        response = await self._client.request(
            method, url, headers=headers, data=body, allow_redirects=False, reactor=self._reactor,
            unbuffered=True,
        )  # fmt: skip
        whole = _Whole(url)
        response.deliverBody(whole)
        body_of_reply = await whole.done
        fields = {
            name.decode("latin-1").lower(): values[-1].decode("latin-1")
            for name, values in response.headers.getAllRawHeaders()
        }
        return Reply(response.code, fields, body_of_reply)


def _why(error: BaseException) -> str:
    """What was the matter, from inside of what Twisted says it with."""
    reasons = getattr(error, "reasons", None)
    if reasons and (isinstance(error, ResponseFailed) or isinstance(reasons, list)):
        return _why(reasons[0].value)
    if isinstance(error, SSL.Error):
        return explain(error)
    return str(error) or type(error).__name__
