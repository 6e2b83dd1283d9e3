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

from toron.admin.pages import Page, Pages, problem
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness

TIMEOUT = 30.0
"""Seconds in which nothing came, after which a connection is closed."""

METHODS = (b"GET", b"HEAD")

log = Logger()


def make_site(metrics: Metrics, readiness: Readiness, reactor: Any, *, loopback: bool) -> Site:
    """The admin site: /metrics, /healthz, /readyz.

    With `loopback` (the port is bound to a loopback address) only requests for a loopback host
    are answered: a browser that is led here by a name an attacker controls says that name.
    """
    return _Site(Pages(metrics, readiness, reactor), loopback, reactor)


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
    """Finds the page for a request; no request of it is in any log."""

    noisy = False

    def __init__(self, pages: Pages, loopback: bool, reactor: Any) -> None:
        # The resource is never asked: `answer` is.
        super().__init__(
            Resource(),  # type: ignore[no-untyped-call]
            requestFactory=_BodilessRequest,
            timeout=TIMEOUT,
            reactor=reactor,
        )
        self._pages = pages
        self._loopback = loopback

    def answer(self, request: Request) -> Page | Deferred[Page]:
        """The page for a request, or what is wrong with it."""
        hosts = request.requestHeaders.getRawHeaders(b"host", [])
        if self._loopback and not all(map(is_loopback, hosts)):
            return problem(403, "the Host header does not name a loopback address")
        page = self._pages.by_path.get(request.path)
        if page is None:
            return problem(404, "no such page", pages=[path.decode() for path in self._pages.by_path])
        if request.method not in METHODS:
            return problem(405, "only GET and HEAD are answered")
        return page()

    def log(self, request: HttpRequest) -> None:
        """Called when a request is answered."""


class _BodilessRequest(Request):
    """A request whose body nobody wants, and whose answer does not tell who wrote the server."""

    def gotLength(self, length: int | None) -> None:  # noqa: N802  # overrides
        """Called with the length of the body: hold nothing, however long it is."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802  # overrides
        """Called with some of the body: let it go."""

    def process(self) -> None:
        """Called with a whole request: find the page, and write it when it is there."""
        self._gone = False
        self.site: _Site = self.channel.site  # type: ignore[attr-defined]
        self.notifyFinish().addErrback(self._leave)
        found: Deferred[Page] = maybeDeferred(self.site.answer, self)
        found.addErrback(_broken).addCallback(self._say)

    def _leave(self, failure: Failure) -> None:
        # The client did not wait for its page, which is its own affair.
        self._gone = True

    def _say(self, page: Page) -> None:
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
        self.write(page.body)  # type: ignore[no-untyped-call]
        self.finish()  # type: ignore[no-untyped-call]


def _broken(failure: Failure) -> Page:
    log.failure("an admin page failed", failure)
    return problem(500, "the page could not be made")
