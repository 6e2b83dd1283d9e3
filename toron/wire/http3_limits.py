"""How much of everything one HTTP/3 connection may cost (RFC 9114 section 10.5)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Http3Limits:
    """What the client may do; sizes are in bytes, rates are of one connection.

    Something with a rate may come so many times at once, and then so many times a second. Beyond a limit
    the connection ends with H3_EXCESSIVE_LOAD, but for `streams` and those of a head, which cost the stream.
    What may come ahead is QUIC's affair.
    """

    head_most: int = 32 << 10
    """A head or trailer section: as it came, and its names and values decoded."""
    fields_most: int = 100
    """Fields of a head; all crumbs of a cookie are one."""
    streams: int = 100
    """Requests at a time; further ones are rejected. QUIC has a limit of its own, which is 100."""
    resets: int = 100
    """Streams given up before their response was whole, by the client or for its faults (CVE-2023-44487)."""
    resets_per_second: int = 50
    empty_frames: int = 100
    """Frames in a row that carry nothing."""
    frames: int = 1000
    """Frames that change nothing for the user: those of the control stream, and those nobody knows."""
    frames_per_second: int = 500
