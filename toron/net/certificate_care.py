"""Sees that certificates stay good: takes new files into service, and says when one is about to end."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Collection
from typing import Any, Protocol

from OpenSSL import SSL
from twisted.logger import Logger

from toron.net.certificate_source import Source
from toron.net.key_pair import DAY, KeyPair
from toron.net.looking import Looking
from toron.net.pair_files import PairFiles, check, lost_names
from toron.net.tls import explain

_AT_ONCE = 256
"""Sources that are looked at in one step."""
_TRIED_AT_ONCE = 32
"""Pairs that are read in one step, a millisecond or two each: the others have their turn in the next ones."""
_PATIENCE = 2.0
"""Seconds for which files may be of no use before that is told: one may be written after the other."""
_AGAIN = 60.0
"""Seconds after which files of no use are tried once more as they are."""
_LEFT = (7 * DAY, DAY, 0.0)
"""What may be left of a certificate when it is told once more that it is about to end."""


class Stats(Protocol):
    """Who counts."""

    def renewed(self, name: str, result: str) -> None:
        """New files were `applied` or `rejected` in place of the certificate for `name`."""


class _Cared:
    """One source, and what is known of its files and of its end."""

    def __init__(self, source: Source, files: PairFiles | None) -> None:
        self.source = source
        self.files = files
        self.known = self.seen = None if files is None else files.was or files.state()
        """Of the files: what serves was read from the first; the second is of the last look."""
        self.tried: Any = None
        """What was of no use; since when, and when it was tried last."""
        self.bad_since = self.tried_at = 0.0
        self.told = False
        self.planned: KeyPair | None = None
        """The pair that `due` is of: when it is to be told next that it is about to end."""
        self.due = self.end = math.inf
        self.name = source.label
        """What logs and metrics call it."""

    def plan(self, now: float) -> None:
        """Find out what serves is for, and when its end is to be told of."""
        pair = self.planned = self.source.pair
        self.due = self.end = math.inf
        if pair is not None:
            names = pair.names()
            self.name = names[0] if names else self.source.label
            first, self.end = pair.renew_from, pair.not_after
            moments = [first, *(max(first, self.end - left) for left in _LEFT)]
            self.due = min((moment for moment in moments if moment > now), default=math.inf)


class CertificateCare(Looking):
    """Looks at the files of all sources every `step` seconds; `wall` gives Unix seconds.

    New files are served once two looks have found them the same, and only if they hold a pair that is good:
    otherwise what served before serves on.
    """

    def __init__(self, reactor: Any, wall: Callable[[], float], stats: Stats, step: float = 0.5) -> None:
        super().__init__(reactor, step)
        self._wall = wall
        self._stats = stats
        self._cared: dict[Source, _Cared] = {}
        self._next = 0
        self._tries = 0
        self.log = Logger(namespace="toron")

    def watch(self, source: Source, files: PairFiles | None) -> None:
        """Care for a source from now on; without files, say only when its certificate is about to end."""
        if source not in self._cared:
            cared = self._cared[source] = _Cared(source, files)
            cared.plan(self._wall())

    def keep(self, sources: Collection[Source]) -> None:
        """Care for nothing else than these any more."""
        self._cared = {source: cared for source, cared in self._cared.items() if source in sources}

    def ends(self) -> list[tuple[str, float]]:
        """A name and the end (Unix seconds) of each certificate that serves; any thread may ask."""
        return [(each.name, each.end) for each in list(self._cared.values()) if each.end < math.inf]

    def startService(self) -> None:
        super().startService()
        for cared in self._cared.values():
            # They were read before privileges were dropped.
            if cared.files is not None and (problem := cared.files.problem()):
                self.log.warn(
                    "{problem}: what will be written there can not be served, for the user that toron runs as"
                    " may not read it", problem=problem,
                )  # fmt: skip

    def look(self) -> None:
        """Look at some of them; at all where they are not more than `_AT_ONCE`."""
        cared = list(self._cared.values())
        start = self._next if self._next < len(cared) else 0
        self._next = start + _AT_ONCE
        self._tries = _TRIED_AT_ONCE
        for each in cared[start : self._next]:
            self._look_at_files(each)
            self._look_at_end(each)

    def refresh(self, source: Source) -> None:
        """Serve what its files hold now, without waiting for them to come to rest."""
        cared = self._cared.get(source)
        if cared is not None and cared.files is not None:
            state = cared.files.state()
            if state is not None and state != cared.known:
                self._try(cared, cared.files, state)

    # --- files --------------------------------------------------------------------------------

    def _look_at_files(self, cared: _Cared) -> None:
        if cared.files is None:
            return
        state = cared.files.state()
        settled, cared.seen = state == cared.seen, state
        if settled and state is not None and state != cared.known and self._tries > 0:
            self._try(cared, cared.files, state)

    def _try(self, cared: _Cared, files: PairFiles, state: Any) -> None:
        """Serve what is in the files, if it is good."""
        now = self._wall()
        if state != cared.tried:
            cared.tried, cared.bad_since, cared.told = state, now, False
        elif cared.told and now - cared.tried_at < _AGAIN:
            return
        cared.tried_at = now
        self._tries -= 1
        before = cared.source.pair
        try:
            pair = files.read()
            if pair != before:
                check(pair, now)
                cared.source.serve(pair)
        except Exception as error:
            # Whatever is in a file must not end this.
            if not cared.told and now - cared.bad_since >= _PATIENCE:
                cared.told = True
                self._say_bad(cared, files, error)
            return
        cared.known, cared.tried = state, None
        if pair != before:
            self._say_good(cared, files, before, pair)

    def _say_good(self, cared: _Cared, files: PairFiles, before: KeyPair | None, pair: KeyPair) -> None:
        cared.plan(self._wall())
        self._stats.renewed(cared.name, "applied")
        self.log.info("{file}: served from now on, until {end}", file=files.cert, end=_day(pair))
        if lost := ", ".join(lost_names(before, pair)):
            self.log.warn(
                "{file}: the new certificate is not for {lost} any more", file=files.cert, lost=lost
            )
        if files.readable_by_others():
            self.log.warn("{file}: others than its owner can read this key: chmod 600 it", file=files.key)

    def _say_bad(self, cared: _Cared, files: PairFiles, error: Exception) -> None:
        self._stats.renewed(cared.name, "rejected")
        why = explain(error) if isinstance(error, SSL.Error) else str(error)
        pair = cared.source.pair
        still = "nothing serves" if pair is None else f"the one from before serves on, until {_day(pair)}"
        self.log.error(
            "{file}: the new certificate is not served: {why}; {still}", file=files.cert, why=why, still=still
        )

    # --- the end ------------------------------------------------------------------------------

    def _look_at_end(self, cared: _Cared) -> None:
        pair, now = cared.source.pair, self._wall()
        if pair is not cared.planned:
            cared.plan(now)
        if now < cared.due:
            return
        cared.plan(now)
        assert pair is not None
        left = pair.not_after - now
        said = f"expires in {_long(left)}" if left > 0 else "has expired"
        self.log.warn(
            "the certificate for {name} {said}: renew it ({label})",
            name=cared.name, said=said, label=cared.source.label,
        )  # fmt: skip


def _day(pair: KeyPair) -> str:
    return f"{datetime.datetime.fromtimestamp(pair.not_after, datetime.UTC):%Y-%m-%d}"


def _long(seconds: float) -> str:
    if seconds >= 2 * DAY:
        return f"{seconds / DAY:.0f} days"
    return f"{max(1, round(seconds / 3600))} hours"
