"""What goes wrong at the admin API, as problem documents (RFC 9457) that say what to do."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from msgspec import Struct
from msgspec.json import encode

from toron.admin.pages import Page

PROBLEM = "application/problem+json"


class Mistake(Struct):
    """One thing to put right in a configuration, with its place."""

    file: str
    line: int
    column: int
    severity: str
    """`error` or `warning`."""
    message: str


class ProblemDetails(Struct, omit_defaults=True):
    """Why a request was not done (RFC 9457)."""

    title: str
    status: int
    detail: str
    """What is wrong with this request."""
    next: str
    """What to do about it."""
    word: str
    """The same for all problems of this kind, and never another word for it."""
    problems: list[Mistake] = []
    """What is wrong with a configuration."""
    known: list[str] = []
    """What could have been asked for instead."""


class Refused(Exception):
    """Raised where a request can not be done; `headers` are added to the answer."""

    def __init__(
        self,
        status: int,
        word: str,
        detail: str,
        next: str,
        *,
        problems: Sequence[Mistake] = (),
        known: Sequence[str] = (),
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.details = ProblemDetails(
            HTTPStatus(status).phrase, status, detail, next, word, list(problems), list(known)
        )
        self.headers = tuple(headers)

    @property
    def page(self) -> Page:
        """The answer."""
        return Page(self.details.status, PROBLEM, encode(self.details) + b"\n", self.headers)


def unknown(what: str, name: str, known: Sequence[Any], where: str = "") -> Refused:
    """There is no such thing; of those that there are some are named."""
    then = "take one of the names under known" if known else "there is none: add one to the configuration"
    return Refused(
        404, f"unknown_{what.partition(' ')[0]}", f"there is no {what} {name!r}{where}", then,
        known=[str(each) for each in known[:50]],
    )  # fmt: skip


def stale(known: str, now: str) -> Refused:
    """The configuration is not the one that the client means."""
    return Refused(
        412, "stale", f"the configuration is not {known[:100]} any more: it is {now}",
        "look at GET /api/v1/config again, and send the change for what serves now", headers=[("etag", now)],
    )  # fmt: skip
