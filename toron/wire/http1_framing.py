"""What both ends of an HTTP/1.1 connection share: finding heads, reading bodies, framing what is said."""

from __future__ import annotations

from typing import Final

from toron.wire.chunked import ChunkedReader
from toron.wire.events import Data, End, Event, Malformed
from toron.wire.headers import Headers
from toron.wire.scan import head_bytes

HEAD_MOST = 32 << 10
"""Bytes of a request head at most, unless told otherwise."""

FIELDS_MOST = 100
"""Field lines of a request head at most, unless told otherwise."""

BODILESS = frozenset({204, 304})
"""Final statuses whose responses never have a body (RFC 9112 section 6.3)."""

_END = End()
_EMPTY_LINE = b"\r\n\r\n"


# Plain names of the module: looking a member of an Enum up takes Python 3.11 seven times as long, one
# of a class still three times, and one exchange looks some thirty of these up.
HEAD: Final = "head"
SIZED: Final = "sized"
CHUNKED: Final = "chunked"
UNTIL_CLOSE: Final = "until close"
NOTHING: Final = "nothing"
"""Of what may be said: a message without a body. Data is left out, the end ends it."""
DONE: Final = "done"
"""The message is whole; the next one is not read before this exchange is over."""
RAW: Final = "raw"
"""Another protocol has taken over."""
BROKEN: Final = "broken"
"""Of what came: nothing more is read."""


class Reading:
    """What the next bytes are."""

    HEAD: Final = HEAD
    SIZED: Final = SIZED
    CHUNKED: Final = CHUNKED
    UNTIL_CLOSE: Final = UNTIL_CLOSE
    DONE: Final = DONE
    RAW: Final = RAW
    BROKEN: Final = BROKEN


class Writing:
    """What may be said next."""

    HEAD: Final = HEAD
    SIZED: Final = SIZED
    CHUNKED: Final = CHUNKED
    UNTIL_CLOSE: Final = UNTIL_CLOSE
    NOTHING: Final = NOTHING
    DONE: Final = DONE
    RAW: Final = RAW


class Framing:
    """One end of a connection; what is particular to each end is in the classes made of it."""

    __slots__ = (
        "_chunked", "_fields_most", "_head_most", "_held", "_left", "_out", "_owed",
        "_searched", "reading", "writing",
    )  # fmt: skip

    def __init__(self, head_most: int, fields_most: int) -> None:
        self.reading: str = HEAD
        self.writing: str = HEAD
        self._head_most = head_most
        self._fields_most = fields_most
        self._held: bytes | bytearray = b""
        self._searched = 0
        """How much of what is held was searched for the end of a head already."""
        self._left = 0
        """Bytes of a sized body still to come."""
        self._chunked: ChunkedReader | None = None
        self._out: list[bytes] = []
        self._owed = 0
        """Bytes of a sized body still to be said."""

    @property
    def pending(self) -> int:
        """Bytes that came and were not read yet."""
        return len(self._held)

    def outgoing(self) -> bytes:
        """What the socket owes the other end; asking takes it."""
        out = self._out
        if not out:
            return b""
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return data

    # --- bytes in -----------------------------------------------------------------------------

    def _joined(self, data: bytes) -> bytes | bytearray:
        """What was held and what came, in one piece."""
        held = self._held
        if not held:
            return data
        if not isinstance(held, bytearray):
            if not data:
                return held
            # From here on pieces are added in place, however small they are and however many.
            held = bytearray(held)
        held += data
        return held

    @property
    def left(self) -> int:
        """Bytes of a sized body still to come; 0 where none is being read."""
        return self._left if self.reading is SIZED else 0

    def came(self, size: int) -> None:
        """So many bytes of the sized body came another way, not the last one of it."""
        self._left -= size

    def _take_held(self) -> bytes:
        held = self._held
        self._held = b""
        return held if isinstance(held, bytes) else bytes(held)

    def _take_head(self, data: bytes | bytearray) -> bytes | None:
        """The next whole head, its empty line included; the rest is held. None for more.

        Raises Malformed (`target_too_long`, `head_too_large`, and whatever `_check_start` finds).
        """
        before = self._searched
        end = data.find(_EMPTY_LINE, before - 3 if before > 3 else 0) + 4
        most = self._head_most
        size = len(data)
        if end > most or (end == 3 and size > most):
            long_line = data.find(b"\n", 2, most) < 0
            raise Malformed("target_too_long" if long_line else "head_too_large", f"more than {most} bytes")
        if end == 3:
            self._held = data
            self._searched = size
            self._check_start(data, before)
            return None
        self._searched = 0
        if end == size:
            self._held = b""
            return data if isinstance(data, bytes) else bytes(data)
        whole = data if isinstance(data, bytes) else bytes(data)
        self._held = whole[end:]
        return whole[:end]

    def _check_start(self, held: bytes | bytearray, before: int) -> None:
        """Raise Malformed for the start of a head that can never become a good one."""
        raise NotImplementedError

    def _begin_body(self, chunked: bool, length: int | None, events: list[Event]) -> None:
        if chunked:
            self.reading = CHUNKED
            self._chunked = ChunkedReader()
        elif length is None:
            self.reading = UNTIL_CLOSE
        elif length:
            self.reading = SIZED
            self._left = length
        else:
            self.reading = DONE
            events.append(_END)

    def _read_body(self, data: bytes, events: list[Event]) -> None:
        """Read body bytes, and hold what comes after the body."""
        reading = self.reading
        if reading is SIZED:
            size = len(data)
            left = self._left
            if size < left:
                if size:
                    events.append(Data(data))
                    self._left = left - size
                return
            if size == left:
                events.append(Data(data))
            else:
                events.append(Data(data[:left]))
                self._held = data[left:]
            events.append(_END)
        elif reading is CHUNKED:
            assert self._chunked is not None
            if not self._chunked.receive(data, events):
                return
            self._held = self._chunked.rest
            self._chunked = None
        else:
            if data:
                events.append(Data(data))
            return
        self.reading = DONE

    # --- bytes out ----------------------------------------------------------------------------

    @property
    def owed(self) -> int:
        """Bytes of a sized body still to be said; 0 where none is being said."""
        return self._owed if self.writing is SIZED else 0

    def went(self, size: int) -> None:
        """So many bytes of the sized body went another way."""
        self._owed -= size

    def _say_data(self, data: bytes) -> None:
        """Frame some of the body; more than was announced is an error of ours."""
        writing = self.writing
        if writing is SIZED:
            owed = self._owed - len(data)
            if owed < 0:
                raise ValueError("more body than its length")
            self._owed = owed
            self._out.append(data)
        elif writing is CHUNKED:
            if data:
                self._out += (b"%x\r\n" % len(data), data, b"\r\n")
        elif writing is UNTIL_CLOSE or writing is RAW:
            self._out.append(data)
        elif writing is not NOTHING:
            raise ValueError("a body is not what comes next")

    def _say_end(self, trailers: Headers | None) -> None:
        writing = self.writing
        if writing is CHUNKED:
            self._out.append(head_bytes(b"0", trailers.fields, b"") if trailers else b"0\r\n\r\n")
        elif writing is SIZED:
            if self._owed:
                raise ValueError("less body than its length")
        elif writing is HEAD or writing is DONE:
            raise ValueError("nothing was begun that could end")
        self.writing = DONE
