"""How much of everything one HTTP/2 connection may cost (RFC 9113 section 10.5)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Http2Limits:
    """What the other side may do; sizes are in octets, rates are of one connection.

    Something with a rate may come so many times at once, and then so many times a second. Beyond a
    limit the connection ends with ENHANCE_YOUR_CALM, but for `streams`, above which a stream is refused,
    and `fields_most`, which costs the stream.
    """

    head_most: int = 32 << 10
    """A head or trailer section: as it came, and its names and values decoded."""
    fields_most: int = 100
    """Fields of a head; all crumbs of a cookie are one."""
    streams: int = 100
    """Open at the same time."""
    window: int = 128 << 10
    """Of each stream: what may come and was not credited yet."""
    connection_window: int = 16 << 20
    resets: int = 100
    """Streams given up before their response was whole, by the client or for its faults (CVE-2023-44487)."""
    resets_per_second: int = 50
    pings: int = 100
    pings_per_second: int = 10
    settings: int = 20
    settings_per_second: int = 2
    empty_frames: int = 100
    """Frames in a row that carry nothing and end nothing."""
    continuations: int = 8
    """Frames after the first that one head may come in."""
    frames: int = 1000
    """Frames that change nothing for the user: PRIORITY, WINDOW_UPDATE, GOAWAY, and those nobody knows."""
    frames_per_second: int = 500


class Bucket:
    """Tokens that are taken one by one, and come back with time."""

    __slots__ = ("_most", "_per_second", "_tokens", "_when")

    def __init__(self, most: int, per_second: int) -> None:
        self._most = most
        self._per_second = per_second
        self._tokens = float(most)
        self._when = 0.0

    def take(self, now: float) -> bool:
        """Take one; False when there is none. `now` is in seconds, of a clock that does not go back."""
        tokens = self._tokens
        if now > self._when:
            tokens = min(self._most, tokens + (now - self._when) * self._per_second)
            self._when = now
        self._tokens = tokens - 1
        if tokens >= 1:
            return True
        self._tokens = tokens
        return False

    def give(self, count: int) -> None:
        """Allow so many more at once."""
        self._tokens = min(self._most, self._tokens + count)
