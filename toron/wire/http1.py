"""HTTP/1.1 as a conversation: bytes in, events out; events in, bytes out (RFC 9112).

`ServerCodec` stands where requests arrive, `ClientCodec` where they are sent on. Neither reads
a clock or touches a socket. After a `Malformed` event nothing more is read.
"""

from __future__ import annotations

import enum

from toron.wire.chunked import ChunkedReader
from toron.wire.events import Data, End, Event, Malformed, RequestHead, ResponseHead, Upgraded
from toron.wire.headers import Headers
from toron.wire.http1_head import (
    authority_of,
    check_unfinished,
    content_length,
    is_chunked,
    read_fields,
    read_request_line,
    read_status_line,
    switch_offer,
)

HEAD_MOST = 32 << 10
"""Bytes of a head at most, unless told otherwise."""

FIELDS_MOST = 100
_INTERIM_MOST = 16
_END = End()
_NO_CONTENT = frozenset({204, 304})
_USUALLY_BARE = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"DELETE", b"CONNECT"})
_NUMBERS = [b"%d" % status for status in range(1000)]


class Reading(enum.IntEnum):
    """What the next bytes are."""

    HEAD = 0
    SIZED = 1
    CHUNKED = 2
    UNTIL_CLOSE = 3
    DONE = 4
    """The message is whole; the next one is not read before this exchange is over."""
    RAW = 5
    """Another protocol has taken over."""
    BROKEN = 6


class Writing(enum.IntEnum):
    """What may be said next."""

    HEAD = 0
    SIZED = 1
    CHUNKED = 2
    UNTIL_CLOSE = 3
    NOTHING = 4
    """A message without a body: data is left out, the end ends it."""
    DONE = 5
    RAW = 6


class _Codec:
    """What both ends share: finding the head, reading the body, framing what is said."""

    __slots__ = (
        "_chunked", "_fields_most", "_head_most", "_held", "_left", "_out", "_owed",
        "_searched", "reading", "writing",
    )  # fmt: skip

    def __init__(self, head_most: int = HEAD_MOST, fields_most: int = FIELDS_MOST) -> None:
        self.reading = Reading.HEAD
        self.writing = Writing.HEAD
        self._head_most = head_most
        self._fields_most = fields_most
        self._held: bytes | bytearray = b""
        self._searched = 0
        self._left = 0
        self._chunked: ChunkedReader | None = None
        self._out: list[bytes] = []
        self._owed = 0

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

    def _take_head(self, data: bytes | bytearray) -> bytes | None:
        """The next whole head, its empty line included; the rest is held. None for more."""
        end = data.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0:
            self._hold_head(data)
            return None
        end += 4
        if end > self._head_most:
            raise Malformed("head_too_large", f"more than {self._head_most} bytes")
        self._searched = 0
        if end == len(data):
            self._held = b""
            return bytes(data)
        self._held = bytes(data[end:])
        return bytes(data[:end])

    def _hold_head(self, data: bytes | bytearray) -> None:
        if len(data) > self._head_most:
            long_line = data.find(b"\r\n") < 0
            raise Malformed(
                "target_too_long" if long_line else "head_too_large", f"more than {self._head_most} bytes"
            )
        if not isinstance(data, bytearray):
            data = bytearray(data)
        self._held = data
        self._searched = len(data)

    def _joined(self, data: bytes) -> bytes | bytearray:
        """What was held and what came, in one piece."""
        held = self._held
        if not held:
            return data
        if isinstance(held, bytearray):
            held += data
            return held
        return held + data if data else held

    def _read_body(self, data: bytes, events: list[Event]) -> None:
        """Read body bytes, and hold what comes after the body."""
        reading = self.reading
        if reading is Reading.SIZED:
            size = len(data)
            if size < self._left:
                if size:
                    events.append(Data(data))
                    self._left -= size
                return
            end = self._left
            events.append(Data(data if end == size else data[:end]))
            events.append(_END)
            self._held = data[end:]
        elif reading is Reading.CHUNKED:
            assert self._chunked is not None
            if not self._chunked.receive(data, events):
                return
            self._held = self._chunked.rest
            self._chunked = None
        else:
            if data:
                events.append(Data(data))
            return
        self.reading = Reading.DONE

    def _begin_body(self, chunked: bool, length: int | None, events: list[Event]) -> None:
        if chunked:
            self.reading = Reading.CHUNKED
            self._chunked = ChunkedReader()
        elif length is None:
            self.reading = Reading.UNTIL_CLOSE
        elif length:
            self.reading = Reading.SIZED
            self._left = length
        else:
            self.reading = Reading.DONE
            events.append(_END)

    def _say_data(self, data: bytes) -> None:
        """Frame some of the body; more than was announced is an error of ours."""
        writing = self.writing
        if writing is Writing.SIZED:
            self._owed -= len(data)
            if self._owed < 0:
                raise ValueError("more body than its length")
            self._out.append(data)
        elif writing is Writing.CHUNKED:
            if data:
                self._out += (b"%x\r\n" % len(data), data, b"\r\n")
        elif writing is Writing.UNTIL_CLOSE or writing is Writing.RAW:
            self._out.append(data)
        elif writing is not Writing.NOTHING:
            raise ValueError("a body is not what comes next")

    def _say_end(self, trailers: Headers | None) -> None:
        if self.writing is Writing.CHUNKED:
            if trailers:
                self._out.append(b"0\r\n")
                self._out += [b"%b: %b\r\n" % field for field in trailers.fields]
                self._out.append(b"\r\n")
            else:
                self._out.append(b"0\r\n\r\n")
        elif self.writing is Writing.SIZED and self._owed:
            raise ValueError("less body than its length")
        self.writing = Writing.DONE


class ServerCodec(_Codec):
    """The side of a connection that requests arrive at.

    One exchange at a time: bytes of a further request are held until the response is whole, then
    `receive(b"")` reads on. `keeps_open` says whether there may be a further one at all.
    """

    __slots__ = ("_closing", "_method", "_trailers_wanted", "_version", "close_next", "keeps_open")

    def __init__(self, head_most: int = HEAD_MOST, fields_most: int = FIELDS_MOST) -> None:
        super().__init__(head_most, fields_most)
        self.keeps_open = True
        self.close_next = False
        """Set to announce that the connection closes after the response that is sent next."""
        self._method = b""
        self._version = (1, 1)
        self._trailers_wanted = False

    @property
    def between(self) -> bool:
        """Whether no exchange is under way."""
        return self.reading is Reading.HEAD and self.writing is Writing.HEAD

    def receive(self, data: bytes) -> list[Event]:
        """Bytes came: what they mean. The last event is Malformed when they mean nothing good."""
        events: list[Event] = []
        try:
            self._receive(data, events)
        except Malformed as error:
            self.reading = Reading.BROKEN
            self.keeps_open = False
            self._held = b""
            events.append(error)
        return events

    def receive_eof(self) -> list[Event]:
        """The client will send no more."""
        self.keeps_open = False
        if self.reading in (Reading.SIZED, Reading.CHUNKED) or (self.reading is Reading.HEAD and self._held):
            self.reading = Reading.BROKEN
            return [Malformed("truncated", "the client closed")]
        return []

    def _receive(self, data: bytes, events: list[Event]) -> None:
        reading = self.reading
        if reading is Reading.HEAD:
            joined = self._joined(data)
            if not joined:
                return
            head = self._take_head(joined)
            if head is None:
                check_unfinished(self._held)
                return
            self._read_head(head, events)
            if self.reading in (Reading.SIZED, Reading.CHUNKED) and self._held:
                rest, self._held = bytes(self._held), b""
                self._read_body(rest, events)
        elif reading is Reading.SIZED or reading is Reading.CHUNKED:
            self._read_body(data, events)
        elif reading is Reading.DONE:
            if data:
                self._held = bytes(self._joined(data))
        elif reading is Reading.RAW:
            rest, self._held = bytes(self._joined(data)), b""
            if rest:
                events.append(Data(rest))

    def _read_head(self, head: bytes, events: list[Event]) -> None:
        # One empty line before a request is forgiven (RFC 9112 section 2.2).
        line = read_request_line(head, 2 if head.startswith(b"\r\n") else 0)
        version = line.version
        fields = read_fields(head, line.end, self._fields_most)
        hop = fields.hop
        authority = authority_of(line, fields.headers)
        self._method = line.method
        self._version = version
        length: int | None = 0
        chunked = False
        upgrade = b""
        expects = accepts_trailers = False
        if hop:
            chunked = is_chunked(head, hop, version)
            length = None if chunked else content_length(hop) or 0
            if b"upgrade" in hop:
                upgrade = switch_offer(fields, version)
                if upgrade and length != 0:
                    raise Malformed("bad_upgrade", "with a body")
            expect = hop.get(b"expect")
            if expect is not None and version >= (1, 1):
                if expect.lower() != b"100-continue":
                    raise Malformed("bad_expectation", expect[:40].decode("ascii", "backslashreplace"))
                expects = length != 0
            te = hop.get(b"te")
            accepts_trailers = te is not None and b"trailers" in te.lower().replace(b" ", b"").split(b",")
        options = fields.options
        if version >= (1, 1):
            self.keeps_open = b"close" not in options
        else:
            self.keeps_open = b"keep-alive" in options and b"close" not in options
        self._trailers_wanted = accepts_trailers
        events.append(
            RequestHead(
                line.method, line.target, fields.headers, authority, version, length,
                upgrade, expects, accepts_trailers,
            )  # fmt: skip
        )
        self._begin_body(chunked, length, events)

    def send(self, event: Event) -> None:
        """Say something to the client; ValueError when it is not what may come next."""
        kind = type(event)
        if kind is Data:
            self._say_data(event.data)  # type: ignore[union-attr]
        elif kind is End:
            self._say_end(event.trailers if self._trailers_wanted else None)  # type: ignore[union-attr]
            if self.reading is not Reading.DONE:
                self.keeps_open = False
            elif self.keeps_open:
                self.reading = Reading.HEAD
                self.writing = Writing.HEAD
        elif kind is ResponseHead:
            self._say_head(event)  # type: ignore[arg-type]
        else:
            raise ValueError(f"a server does not say {event!r}")

    def _say_head(self, head: ResponseHead) -> None:
        if self.writing is not Writing.HEAD:
            raise ValueError("the response has a head already")
        status = head.status
        if status < 200 and status != 101:
            if self._version >= (1, 1):
                self._out.append(_head_bytes(b"HTTP/1.1 " + _status(head), head.headers, b""))
            return
        length = head.length
        if status == 101:
            framing = b"Connection: Upgrade\r\nUpgrade: %b\r\n" % head.upgrade
            self.writing = Writing.RAW
            self.reading = Reading.RAW
        else:
            if self.close_next or self.reading is Reading.BROKEN:
                self.keeps_open = False
            if self._method == b"HEAD" or status in _NO_CONTENT:
                self.writing = Writing.NOTHING
                framing = b"" if length is None or status == 204 else b"Content-Length: %d\r\n" % length
            elif length is not None:
                self.writing = Writing.SIZED
                self._owed = length
                framing = b"Content-Length: %d\r\n" % length
            elif self._version >= (1, 1):
                self.writing = Writing.CHUNKED
                framing = b"Transfer-Encoding: chunked\r\n"
                if b"trailer" in head.headers:
                    self._trailers_wanted = True
            else:
                self.writing = Writing.UNTIL_CLOSE
                self.keeps_open = False
                framing = b""
            if not self.keeps_open:
                framing += b"Connection: close\r\n"
            elif self._version < (1, 1):
                framing += b"Connection: keep-alive\r\n"
        self._out.append(_head_bytes(b"HTTP/1.1 " + _status(head), head.headers, framing))


class ClientCodec(_Codec):
    """The side of a connection that sends requests, one at a time.

    After the End of a response `reusable` says whether another request may follow.
    """

    __slots__ = ("_interim", "_keeps_open", "_method", "_offered", "answered")

    def __init__(self, head_most: int = 64 << 10, fields_most: int = 200) -> None:
        super().__init__(head_most, fields_most)
        self._method = b""
        self._offered = b""
        self._interim = 0
        self._keeps_open = True
        self.answered = False
        """Whether any byte of the present response has come."""

    @property
    def reusable(self) -> bool:
        """Whether both messages are whole and the connection is good for another exchange."""
        return (
            self.reading is Reading.DONE
            and self.writing is Writing.DONE
            and self._keeps_open
            and not self._held
        )

    def send(self, event: Event) -> None:
        """Say something to the server; a RequestHead after a whole exchange begins the next."""
        kind = type(event)
        if kind is Data:
            self._say_data(event.data)  # type: ignore[union-attr]
        elif kind is End:
            self._say_end(event.trailers)  # type: ignore[union-attr]
        elif kind is RequestHead:
            self._say_head(event)  # type: ignore[arg-type]
        else:
            raise ValueError(f"a client does not say {event!r}")

    def _say_head(self, head: RequestHead) -> None:
        if self.writing is Writing.DONE and self.reusable:
            self.reading = Reading.HEAD
        elif self.writing is not Writing.HEAD:
            raise ValueError("the request before is not over")
        method = self._method = head.method
        self._offered = head.upgrade
        self._interim = 0
        self.answered = False
        length = head.length
        framing = b""
        if length is None:
            self.writing = Writing.CHUNKED
            framing = b"Transfer-Encoding: chunked\r\n"
        elif length or method not in _USUALLY_BARE:
            self.writing = Writing.SIZED
            self._owed = length
            framing = b"Content-Length: %d\r\n" % length
        else:
            self.writing = Writing.NOTHING
        if head.expects_continue:
            framing += b"Expect: 100-continue\r\n"
        if head.upgrade:
            framing += b"Connection: Upgrade\r\nUpgrade: %b\r\n" % head.upgrade
        elif head.accepts_trailers:
            framing += b"Connection: TE\r\nTE: trailers\r\n"
        line = b"%b %b HTTP/1.1\r\n" % (method, head.target)
        self._out.append(_head_bytes(line, head.headers, framing))

    def receive(self, data: bytes) -> list[Event]:
        """Bytes came: what they mean. The last event is Malformed when they mean nothing good."""
        events: list[Event] = []
        try:
            self._receive(data, events)
        except Malformed as error:
            self.reading = Reading.BROKEN
            self._keeps_open = False
            events.append(error)
        return events

    def receive_eof(self) -> list[Event]:
        """The server will send no more: the end of a body that closing ends, else a fault."""
        self._keeps_open = False
        if self.reading is Reading.UNTIL_CLOSE:
            self.reading = Reading.DONE
            return [_END]
        if self.reading in (Reading.HEAD, Reading.SIZED, Reading.CHUNKED):
            self.reading = Reading.BROKEN
            return [Malformed("truncated", "the server closed")]
        return []

    def _receive(self, data: bytes, events: list[Event]) -> None:
        if self.reading is Reading.HEAD:
            if self.writing is Writing.HEAD:
                raise Malformed("unasked_response")
            self.answered = True
            held: bytes | bytearray = self._joined(data)
            while held and self.reading is Reading.HEAD:
                head = self._take_head(held)
                if head is None:
                    return
                self._read_head(head, events)
                held = self._held
            if self.reading is Reading.DONE or not self._held:
                return
            data, self._held = bytes(self._held), b""
        if self.reading is Reading.DONE:
            # Nobody asked for this: the connection can not be trusted with another request.
            self._held = bytes(self._joined(data))
        elif self.reading is Reading.RAW:
            events.append(Data(data))
        elif self.reading is not Reading.BROKEN:
            self._read_body(data, events)

    def _read_head(self, head: bytes, events: list[Event]) -> None:
        line = read_status_line(head)
        version, status = line.version, line.status
        fields = read_fields(head, line.end, self._fields_most)
        hop = fields.hop
        if status < 200:
            self._read_interim(status, line.reason, fields.headers, hop, events)
            return
        chunked = is_chunked(head, hop, version)
        length = content_length(hop)
        options = fields.options
        self._keeps_open = (
            b"close" not in options if version >= (1, 1) else b"keep-alive" in options
        )
        events.append(ResponseHead(status, fields.headers, line.reason, version, length))
        if self._method == b"HEAD" or status in _NO_CONTENT:
            self._begin_body(False, 0, events)
        else:
            self._begin_body(chunked, length, events)

    def _read_interim(
        self, status: int, reason: bytes, headers: Headers, hop: dict[bytes, bytes], events: list[Event]
    ) -> None:
        if status == 101:
            switched = hop.get(b"upgrade", b"").lower()
            offered = self._offered.split(b", ")
            if not switched or switched not in offered:
                raise Malformed("switch_not_asked", switched[:40].decode("ascii", "backslashreplace"))
            self.reading = Reading.RAW
            self.writing = Writing.RAW
            events.append(ResponseHead(101, headers, reason, upgrade=switched))
            rest, self._held = bytes(self._held), b""
            events.append(Upgraded(rest))
            return
        self._interim += 1
        if self._interim > _INTERIM_MOST:
            raise Malformed("interim_flood", f"more than {_INTERIM_MOST}")
        events.append(ResponseHead(status, headers, reason))


def _status(head: ResponseHead) -> bytes:
    return b"%b %b\r\n" % (_NUMBERS[head.status], head.reason)


def _head_bytes(line: bytes, headers: Headers, framing: bytes) -> bytes:
    """A whole head; the fields were checked where they came from."""
    parts = [line]
    for name, value in headers.fields:
        parts += (name, b": ", value, b"\r\n")
    parts += (framing, b"\r\n")
    return b"".join(parts)
