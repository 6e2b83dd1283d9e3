"""Tells why something that was served went where it went, and writes it down before that is forgotten."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict
from typing import Any

from msgspec import to_builtins
from msgspec.json import decode, encode
from twisted.logger import Logger

from toron.compose import Composition
from toron.explain.told import telling
from toron.net.pauses import in_slices
from toron.observe.recent import NO_CHART, Chart, Recent, Wanted

ANOTHER = "another configuration serves now: routes that almost match are not told any more"

log = Logger(namespace="toron")


class Live:
    """Answers for one process what it remembers."""

    def __init__(self, reactor: Any, recent: Recent) -> None:
        self._reactor = reactor
        self._recent = recent

    async def lines(self, wanted: Wanted) -> list[dict[str, Any]]:
        """The access lines of what is as wanted, the newest first."""
        return [to_builtins(self._recent.line_of(kept)) for kept in self._recent.find(wanted)]

    async def record(self, id: str) -> dict[str, Any] | None:
        """The decision record of one of them, worked out in slices; None where it is not remembered."""
        for kept in self._recent.find(Wanted(id=id, most=1)) if id else ():
            if kept.told is not None:
                told: dict[str, Any] = decode(kept.told)
                return told
            return (await in_slices(self._reactor, telling(self._recent, kept))).as_json()
        return None


def leaving(composition: Composition) -> Generator[None]:
    """Let go of a composition that serves no more, once what it alone knows is written down."""
    yield from retiring(composition.recent, composition.chart)
    yield from composition.dismantle()


def retiring(recent: Recent, chart: Chart) -> Generator[None]:
    """Write down all that was found by a chart, in small steps, while its places are still known."""
    for kept in recent.of(chart):
        try:
            record = yield from telling(recent, kept, near=False)
        except Exception:
            # What cannot be told of one request is no reason not to let go of a configuration.
            log.failure("a record could not be written down")
        else:
            assert record.ended is not None
            record.ended.note = "; ".join(filter(None, (record.ended.note, ANOTHER)))
            kept.told = encode(asdict(record))
        kept.chart, kept.trail, kept.fields = NO_CHART, None, None
        recent.weigh(kept)
        yield
