"""The admin port's HTTP side, on twisted.web."""

from __future__ import annotations

import re
from io import BytesIO
from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request as HttpRequest
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from toron.admin.api import BODY_LIMIT, Api, Asked
from toron.admin.pages import Page, Pages, problem
from toron.admin.problem import Refused
from toron.core.wait import as_deferred
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness

TIMEOUT = 30.0
"""Seconds in which nothing came, after which a connection is closed."""

METHODS = (b"GET", b"HEAD")

BODIES = 4
"""Bodies that are held at a time, at most."""

API = b"/api/"

log = Logger()


def make_site(
    metrics: Metrics, readiness: Readiness, reactor: Any, *, loopback: bool, api: Api | None = None
) -> Site:
    """The admin site: /metrics, /healthz, /readyz, and the API below /api.

    With `loopback` (the port is bound to a loopback address) only requests for a loopback host
    are answered: a browser that is led here by a name an attacker controls says that name.
    """
    return _Site(Pages(metrics, readiness, reactor), loopback, reactor, api)


def is_loopback(host: bytes) -> bool:
    """Whether a Host header (RFC 9110 section 7.2) names this machine, with any port."""
    name = re.sub(rb":\d*\Z", b"", host).decode("latin-1").lower().removesuffix(".")
    if name == "localhost":
        return True
    bracketed = name.startswith("[") and name.endswith("]")
    try:
        address = ip_address(name[1:-1] if bracketed else name)
    except ValueError:
        return False
    return address.is_loopback and bracketed == (address.version == 6)


class _Site(Site):
    """Finds the page for a request; no request of it is in any log but the audit log."""

    noisy = False

    def __init__(self, pages: Pages, loopback: bool, reactor: Any, api: Api | None) -> None:
        # The resource is never asked: `answer` is.
        super().__init__(
            Resource(),  # type: ignore[no-untyped-call]
            requestFactory=_BoundedRequest,
            timeout=TIMEOUT,
            reactor=reactor,
        )
        self._pages = pages
        self._loopback = loopback
        self._api = api
        self.bodies = 0
        """How many are held now."""

    def wants_body(self, request: Request) -> bool:
        """Whether the body of a request, whose head is here, may be worth holding."""
        if self._api is None or self.bodies >= BODIES:
            return False
        return self._api.access.welcome(request.getHeader("authorization") or "")

    def answer(self, request: _BoundedRequest) -> Page | Deferred[Page]:
        """The page for a request, or what is wrong with it."""
        hosts = request.requestHeaders.getRawHeaders(b"host", [])
        of_api = self._api is not None and request.path.startswith(API)
        if self._loopback and not all(map(is_loopback, hosts)):
            text = "the Host header does not name a loopback address"
            if of_api:
                return Refused(403, "wrong_host", text, "ask for localhost or 127.0.0.1").page
            return problem(403, text)
        if of_api:
            assert self._api is not None
            return as_deferred(self._api.answer(_asked(request)))
        page = self._pages.by_path.get(request.path)
        if page is None:
            return problem(404, "no such page", pages=[path.decode() for path in self._pages.by_path])
        if request.method not in METHODS:
            return problem(405, "only GET and HEAD are answered")
        return page()

    def log(self, request: HttpRequest) -> None:
        """Called when a request is answered."""


class _BoundedRequest(Request):
    """A request whose body is held where somebody may want it; its answer is not marked as Twisted's."""

    site: _Site
    # Of one that ends before its head is whole.
    holds = too_large = False
    seen = 0
    """Bytes of the body that have come."""

    def gotLength(self, length: int | None) -> None:  # noqa: N802  # overrides
        """Called with the length of the body, when the head is here."""
        self.content = BytesIO()
        self.site = self.channel.site  # type: ignore[attr-defined]
        self.too_large = length is not None and length > BODY_LIMIT
        self.holds = length != 0 and not self.too_large and self.site.wants_body(self)
        if self.holds:
            self.site.bodies += 1

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802  # overrides
        """Called with some of the body."""
        self.seen += len(data)
        if self.seen > 2 * BODY_LIMIT:
            # It would not be told how it fared before all of that had come.
            self.channel.transport.abortConnection()  # type: ignore[union-attr]
        elif self.seen > BODY_LIMIT:
            self.too_large = True
            self.let_go()
        elif self.holds:
            self.content.write(data)  # type: ignore[union-attr]

    def let_go(self) -> None:
        """Hold the body no longer."""
        if self.holds:
            self.holds = False
            self.site.bodies -= 1
        self.content = BytesIO()

    def connectionLost(self, reason: Failure) -> None:
        """Called when the client is gone, maybe in the middle of a body."""
        self.let_go()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def process(self) -> None:
        """Called with a whole request: find the page, and write it when it is there."""
        self._gone = False
        self.notifyFinish().addErrback(self._leave)
        found: Deferred[Page] = maybeDeferred(self._find)
        found.addErrback(_broken).addCallback(self._say)

    def _find(self) -> Any:
        return self.site.answer(self)

    def _leave(self, failure: Failure) -> None:
        # The client did not wait for its page, which is its own affair.
        self._gone = True

    def _say(self, page: Page) -> None:
        self.let_go()
        if self._gone:
            return
        self.setResponseCode(page.status)
        headers = self.responseHeaders
        headers.setRawHeaders("server", ["toron"])
        headers.setRawHeaders("content-type", [page.content_type])
        headers.setRawHeaders("content-length", [str(len(page.body))])
        headers.setRawHeaders("cache-control", ["no-store"])
        headers.setRawHeaders("x-content-type-options", ["nosniff"])
        if page.status == 405:
            headers.setRawHeaders("allow", [b", ".join(METHODS)])
        for name, value in page.headers:
            headers.setRawHeaders(name, [value])
        self.write(page.body)  # type: ignore[no-untyped-call]
        self.finish()  # type: ignore[no-untyped-call]


def _asked(request: _BoundedRequest) -> Asked:
    fields = request.requestHeaders.getAllRawHeaders()
    client: Any = request.getClientAddress()  # type: ignore[no-untyped-call]
    bracketed = f"[{client.host}]" if ":" in client.host else client.host
    path, _, query = request.uri.partition(b"?")
    return Asked(
        method=request.method.decode("latin-1"),
        path=path.decode("latin-1"),
        query=query.decode("latin-1"),
        headers={name.decode("latin-1").lower(): values[0].decode("latin-1") for name, values in fields},
        ip=client.host,
        client=f"{bracketed}:{client.port}",
        body=request.content.getvalue() if request.holds else b"",  # type: ignore[union-attr]
        too_large=request.too_large,
        let_go=request.seen > 0 and not request.holds,
    )


def _broken(failure: Failure) -> Page:
    log.failure("an admin page failed", failure)
    return problem(500, "the page could not be made")
