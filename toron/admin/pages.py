"""The pages of the admin port: each says what it answers, none knows of HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec.json import encode
from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThreadPool

from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Page:
    """An answer: a status, a content type, a body."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    """Fields besides those that every answer has."""


def problem(status: int, text: str, **more: Any) -> Page:
    """An error as JSON."""
    return Page(status, JSON, encode({"status": status, "error": text, **more}) + b"\n")


class Pages:
    """What the admin port has, by path."""

    def __init__(self, metrics: Metrics, readiness: Readiness, reactor: Any) -> None:
        self._metrics = metrics
        self._readiness = readiness
        self._reactor = reactor
        self.by_path: dict[bytes, Callable[[], Page | Deferred[Page]]] = {
            b"/metrics": self.metrics,
            b"/healthz": self.healthz,
            b"/readyz": self.readyz,
        }

    def metrics(self) -> Deferred[Page]:
        """The metrics, written in a thread: with many series that takes longer than a request may."""
        refresh = self._metrics.refresh
        fresh: Deferred[Any] = succeed(None) if refresh is None else refresh()
        return fresh.addCallback(self._written).addCallback(lambda found: Page(200, found[1], found[0]))

    def _written(self, _: Any) -> Deferred[tuple[bytes, str]]:
        pool = self._reactor.getThreadPool()
        return deferToThreadPool(self._reactor, pool, self._metrics.exposition)

    def healthz(self) -> Page:
        """200 while the process lives."""
        return Page(200, TEXT, b"ok\n")

    def readyz(self) -> Page:
        """200, or 503 with the list of reasons why no new traffic should come."""
        reasons = self._readiness.reasons
        if reasons:
            return Page(503, JSON, encode(reasons) + b"\n")
        return Page(200, TEXT, b"ready\n")
