"""Keeps what responders say of certificates, to be shown in handshakes (RFC 6066 section 8)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.logger import Logger

from toron.core.wait import Task
from toron.net.certificate_source import Source
from toron.net.key_pair import KeyPair
from toron.net.ocsp import Answer, Question, Revoked, answer, must_staple, question

Fetch = Callable[[str, bytes], Awaitable[bytes]]
"""Takes a request to the URL of a responder, and gives its response; raises FetchFailed."""


class FetchFailed(Exception):
    """There is no response; says why in words."""


_FIRST, _LAST = 60.0, 3600.0
"""Seconds until a responder is asked again that had no answer: each time twice as long, up to the second."""
_LEAST = 60.0
"""Seconds between two answers."""


class Stats(Protocol):
    """Who counts."""

    def attested(self, name: str, result: str) -> None:
        """A responder was asked about the certificate for `name`: `good`, `revoked` or `failed`."""


class _Stapled:
    """One source, and what is known of what is said of it."""

    def __init__(self, source: Source, cache: str | None) -> None:
        self.source = source
        self.cache = cache
        """A file that has the last answer."""
        self.pair: KeyPair | None = None
        """What the rest is about."""
        self.question: Question | None = None
        self.answer: Answer | None = None
        self.failures = 0
        self.call: Any = None
        self.task: Task[bytes] | None = None

    @property
    def name(self) -> str:
        """What logs and metrics call it."""
        names = [] if self.pair is None else self.pair.names()
        return names[0] if names else self.source.label

    def rest(self) -> None:
        """Ask nobody."""
        task, self.task = self.task, None
        if task is not None:
            task.cancel()
        if self.call is not None and self.call.active():
            self.call.cancel()


class Stapling(Service):
    """Asks for each source that wants it, and again when half of the time is over that an answer holds for.

    Whatever goes wrong is told and tried again later; what was said before is shown as long as it holds.
    """

    def __init__(self, reactor: Any, wall: Callable[[], float], fetch: Fetch, stats: Stats) -> None:
        """`wall` gives Unix seconds."""
        self._reactor = reactor
        self._wall = wall
        self._fetch = fetch
        self._stats = stats
        self._stapled: dict[Source, _Stapled] = {}
        self.log = Logger(namespace="toron")

    def watch(self, source: Source, cache: str | None) -> None:
        """Ask about this source; `cache` is a file that keeps the answer."""
        if source in self._stapled:
            return
        self._stapled[source] = _Stapled(source, cache)
        source.changed.append(self._changed)
        if self.running:
            self._changed(source)

    def keep(self, sources: Collection[Source]) -> None:
        """Ask about nothing else than these any more."""
        for source in [each for each in self._stapled if each not in sources]:
            self._stapled.pop(source).rest()
            source.changed.remove(self._changed)

    def ends(self) -> list[tuple[str, float]]:
        """A name and the end (Unix seconds) of each answer that is shown; any thread may ask."""
        return [(each.name, each.answer.ends) for each in list(self._stapled.values()) if each.answer]

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        for source in list(self._stapled):
            self._changed(source)

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        for each in self._stapled.values():
            each.rest()

    # --- one source ---------------------------------------------------------------------------

    def _changed(self, source: Source) -> None:
        """It may serve another pair now: begin anew if so."""
        each = self._stapled[source]
        if each.pair is source.pair or not self.running:
            return
        each.rest()
        pair = each.pair = source.pair
        each.question = each.answer = None
        each.failures = 0
        if pair is None or not source.wants_staple(pair):
            return
        try:
            each.question = question(pair)
        except ValueError as error:
            self._say(each, str(error))
            return
        self._remember(each)
        if each.answer is None:
            self._ask(each)

    def _remember(self, each: _Stapled) -> None:
        """Show what was kept in a file, if it still holds."""
        assert each.question is not None
        if each.cache is None:
            return
        try:
            with open(each.cache, "rb") as file:
                kept = file.read(1 << 20)
            self._take(each, answer(each.question, kept, self._wall()))
        except (OSError, ValueError):
            # There is none yet, or it is of the certificate before: the responder is asked.
            return

    def _ask(self, each: _Stapled) -> None:
        assert each.question is not None
        self._drop_old(each)
        task: Task[bytes] = Task(
            self._fetch(each.question.url, each.question.request),
            lambda response, error: self._asked(each, response, error),
        )
        each.task = task
        task.start()

    def _asked(self, each: _Stapled, response: bytes | None, error: BaseException | None) -> None:
        """The responder has answered, or not."""
        if error is not None and not isinstance(error, Exception):
            # Nobody wants to know any more.
            return
        each.task = None
        assert each.question is not None
        try:
            if error is not None:
                raise error
            got = answer(each.question, response or b"", self._wall())
        except Exception as problem:
            # Whatever a responder brings about must not be the end of asking.
            self._failed(each, problem)
            return
        each.failures = 0
        self._stats.attested(each.name, "good")
        self._take(each, got)
        self._keep(each, got)

    def _failed(self, each: _Stapled, error: Exception) -> None:
        self._stats.attested(each.name, "revoked" if isinstance(error, Revoked) else "failed")
        if isinstance(error, Revoked):
            each.answer = None
            each.source.attest(b"")
        delay = min(_LAST, _FIRST * 2.0 ** min(each.failures, 30))
        each.failures += 1
        self._say(each, f"{str(error) or type(error).__name__}; asked again in {delay:g} s")
        if each.answer is not None:
            delay = min(delay, max(_LEAST, each.answer.ends - self._wall()))
        self._later(each, delay)

    def _take(self, each: _Stapled, got: Answer) -> None:
        """Show an answer, and ask for the next one in good time."""
        each.answer = got
        each.source.attest(got.response)
        now = self._wall()
        half = got.begins + (got.ends - got.begins) / 2
        left = half - now if half > now else (got.ends - now) / 2
        self._later(each, max(_LEAST, left))

    def _later(self, each: _Stapled, delay: float) -> None:
        each.call = self._reactor.callLater(delay, self._ask, each)

    def _drop_old(self, each: _Stapled) -> None:
        if each.answer is not None and each.answer.ends <= self._wall():
            each.answer = None
            each.source.attest(b"")

    def _say(self, each: _Stapled, why: str) -> None:
        pair = each.pair
        bad = pair is not None and each.answer is None and must_staple(pair)
        say = self.log.error if bad else self.log.warn
        say(
            "no OCSP response for {name} ({label}): {why}{more}",
            name=each.name, label=each.source.label, why=why,
            more="; clients may refuse the certificate, which says that there must be one" if bad else "",
        )  # fmt: skip

    def _keep(self, each: _Stapled, got: Answer) -> None:
        """Put the answer where the next start finds it."""
        if each.cache is None:
            return
        fresh = f"{each.cache}.new"
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh)
            number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(number, "wb") as file:
                file.write(got.response)
            os.replace(fresh, each.cache)
        except OSError as error:
            self.log.warn("{path} can not be written: {why}", path=each.cache, why=error.strerror)
