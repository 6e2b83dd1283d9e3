"""Remembers what ended lately, within bounds, for those who ask why it went where it went."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from toron.core.message import Request
from toron.core.trail import Trail
from toron.observe.access_lines import ConnectionLine, HttpLine, Redact, redaction
from toron.observe.access_log import Stamp
from toron.wire.headers import Field

HEAD = 8 << 10
"""Bytes of one request's fields that are kept, and of what middlewares made of them."""

MEMORY = 4 << 20
"""Bytes of all that is kept of what went well, and as many of what did not; the oldest go first."""

_OWN = 1_000
"""Bytes that one of them takes besides its texts, about."""

ILL = 10.0
"""How many that went wrong are kept each second for one that is followed: floods of refusals cost nothing."""

TICKS = 5
"""How often in a second `refill` is called."""


class Chart:
    """By what a request found its way: one composition, as long as it serves."""

    __slots__ = ("served",)

    def __init__(self, served: Any = None) -> None:
        self.served = served
        """None once another configuration has taken its place."""


class Kept:
    """One request, connection or session that is over."""

    __slots__ = (
        "asked",
        "chart",
        "cut",
        "fields",
        "line",
        "number",
        "passed",
        "size",
        "told",
        "trail",
        "upgrade",
    )

    def __init__(self, line: HttpLine | ConnectionLine, chart: Chart, trail: Trail | None) -> None:
        self.line = line
        """The line that the access log has of it, or would have; it is the log's to change."""
        self.chart = chart
        self.trail = trail
        self.fields: list[Field] | None = None
        """Of a request, as they came where its trail has a head, else as middlewares left them."""
        self.asked = b""
        """The target of a request, as it came."""
        self.upgrade: bytes | None = None
        """The protocols that it wanted to switch to."""
        self.cut = 0
        """Fields that were left out."""
        self.passed = 0
        """How many guards a connection has passed."""
        self.number = 0
        """Which one it is of all."""
        self.size = 0
        """Bytes, about."""
        self.told: bytes | None = None
        """The record as JSON, written when its configuration ended."""


class Wanted(Struct, forbid_unknown_fields=True):
    """Which of them are asked for; what is empty does not matter."""

    id: str = ""
    route: str = ""
    status: str = ""
    """`404`, `5xx`, or a word of `core.refusal`."""
    most: int = 20
    """How many, of the newest."""


class Recent:
    """Two rings: what went well, so much of it each second, and what did not, `ILL` times as much."""

    def __init__(self, most: int, rate: float, wall: Callable[[], float], redact: Sequence[str] = ()) -> None:
        """`most` of each, 0 for nothing; `rate` of what goes well, each second; `wall` gives Unix seconds."""
        self.most = most
        self.left = rate if most else 0.0
        """How many of those that begin now may be followed on their way; whoever does so takes one away."""
        self.spare = self.left * ILL
        """How many more may be kept that went wrong; `has_room` takes one away."""
        self._rate = rate
        self._wall = wall
        self._redact: Redact = redaction(redact)
        self._stamp = Stamp()
        self._number = 0
        self._well = _Ring()
        self._ill = _Ring()

    def configure(self, most: int, rate: float) -> None:
        """Other bounds, from now on."""
        self.most, self._rate = most, rate
        self.left = min(self.left, rate) if most else 0.0
        self.spare = min(self.spare, rate * ILL) if most else 0.0
        for ring in (self._well, self._ill):
            ring.trim(most)

    def refill(self) -> None:
        """Called `TICKS` times a second."""
        if self.most:
            self.left = min(self._rate, self.left + self._rate / TICKS)
            self.spare = min(self._rate * ILL, self.spare + self._rate * ILL / TICKS)

    def has_room(self, followed: bool) -> bool:
        """Whether to keep one that was followed, or one more that went wrong."""
        if followed:
            return self.most > 0
        if self.spare < 1.0:
            return False
        self.spare -= 1.0
        return True

    def request(self, line: HttpLine, chart: Chart, request: Request) -> None:
        """Keep a request that is over."""
        if not self.most:
            return
        trail = request.trail
        head = None if trail is None else trail.head
        kept = Kept(line, chart if trail is None or trail.chart is None else trail.chart, trail)
        kept.asked, kept.upgrade = request.asked, request.upgrade
        kept.fields, kept.cut, size = _bounded(request.headers.fields if head is None else head.fields)
        if trail is not None and trail.weight > 2 * HEAD:
            trail.lighten()
        weight = 0 if trail is None else trail.weight
        kept.size = (
            _OWN + max(size, weight) + 2 * len(request.asked) + len(line.user_agent) + len(line.referer)
        )
        self._keep(kept, ill=bool(line.reason) or line.status >= 500)

    def connection(self, line: ConnectionLine, chart: Chart, connection: Any) -> None:
        """Keep a connection or session that is over."""
        if not self.most:
            return
        ill = bool(line.reason)
        if not ill:
            self.left -= 1.0
        kept = Kept(line, chart, connection.trail)
        kept.passed = connection.passed
        kept.size = _OWN + len(line.sni) + len(line.alpn) + len(line.detail)
        self._keep(kept, ill)

    def _keep(self, kept: Kept, ill: bool) -> None:
        if not kept.line.time:
            # No log is there to say when.
            kept.line.time = self._wall()
        self._number += 1
        kept.number = self._number
        ring = self._ill if ill else self._well
        ring.add(kept)
        ring.trim(self.most)

    # --- for those who ask --------------------------------------------------------------------

    def find(self, wanted: Wanted) -> list[Kept]:
        """Those that are as `wanted`, the newest first."""
        everything = sorted((*self._well, *self._ill), key=lambda kept: -kept.number)
        return [kept for kept in everything if _fits(kept.line, wanted)][: max(0, wanted.most)]

    def of(self, chart: Chart) -> list[Kept]:
        """All that found their way by this chart."""
        return [kept for ring in (self._well, self._ill) for kept in ring if kept.chart is chart]

    def weigh(self, kept: Kept) -> None:
        """It has become something else: only its text."""
        size = _OWN if kept.told is None else _OWN + len(kept.told)
        for ring in (self._well, self._ill):
            ring.resize(kept, size)
            ring.trim(self.most)

    def line_of(self, kept: Kept) -> HttpLine | ConnectionLine:
        """Its line as the log writes it, or has written it."""
        line = kept.line
        if isinstance(line.time, str):
            return line
        # The log has not come to it yet, or there is none.
        settled = replace(line, time=self._stamp(line.time))
        settled.settle(self._redact)
        return settled

    def redact(self, text: str) -> str:
        """A text without the values of the query parameters that the log hides."""
        return self._redact(text)


class _Ring:
    """The last ones of a kind."""

    def __init__(self) -> None:
        self._kept: deque[Kept] = deque()
        self._size = 0

    def __iter__(self) -> Iterator[Kept]:
        return iter(self._kept)

    def add(self, kept: Kept) -> None:
        self._kept.append(kept)
        self._size += kept.size

    def resize(self, kept: Kept, size: int) -> None:
        """One of them has another size now."""
        if kept in self._kept:
            self._size += size - kept.size
            kept.size = size

    def trim(self, most: int) -> None:
        """Let the oldest go."""
        while len(self._kept) > most or self._size > MEMORY:
            self._size -= self._kept.popleft().size


NO_CHART = Chart()
FORGETFUL = Recent(0, 0.0, float)
"""Keeps nothing."""


def _bounded(fields: list[Field]) -> tuple[list[Field], int, int]:
    """The first fields, how many are left out, and the bytes of the first."""
    size = 0
    for number, (name, value) in enumerate(fields):
        size += len(name) + len(value)
        if size > HEAD:
            return fields[:number], len(fields) - number, HEAD
    return fields[:], 0, size


def _fits(line: HttpLine | ConnectionLine, wanted: Wanted) -> bool:
    if (wanted.id and line.id != wanted.id) or (wanted.route and line.route != wanted.route):
        return False
    status = str(line.status) if isinstance(line, HttpLine) else ""
    asked = wanted.status
    if len(asked) == 3 and asked[1:].lower() == "xx":
        return status[:1] == asked[0]
    return not asked or asked in (status, line.reason)
