"""The side of an HTTP/1.1 connection that requests are sent from (RFC 9112)."""

from __future__ import annotations

from toron.wire.events import Data, End, Event, Malformed, RequestHead, ResponseHead, Upgraded
from toron.wire.http1_fields import Fields, content_length, is_chunked, read_fields, shown
from toron.wire.http1_framing import (
    BODILESS,
    BROKEN,
    CHUNKED,
    DONE,
    HEAD,
    NOTHING,
    RAW,
    SIZED,
    UNTIL_CLOSE,
    Framing,
)
from toron.wire.http1_head import StatusLine, check_response_start, read_status_line
from toron.wire.scan import head_bytes, status_line

_END = End()
_INTERIM_MOST = 16
_USUALLY_BARE = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"DELETE"})
"""Methods whose requests say nothing of a length when they have no body (RFC 9110 section 8.6)."""


class ClientCodec(Framing):
    """Says requests, one at a time, and reads their responses.

    After the End of a response `reusable` says whether another request may follow. After a
    Malformed event nothing more is read.
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
        return self.reading is DONE and self.writing is DONE and self._keeps_open and not self._held

    # --- requests -----------------------------------------------------------------------------

    def send(self, event: Event) -> None:
        """Say something to the server; a RequestHead after a whole exchange begins the next.

        ValueError when it is not what may come next.
        """
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
        if self.writing is not HEAD and not self.reusable:
            raise ValueError("the exchange before is not over")
        method = head.method
        line = method + b" " + head.target + b" HTTP/1.1"
        if line.count(b" ") != 2:
            raise ValueError("a blank in a request line")
        length = head.length
        framing = b""
        if length is None:
            writing: str = CHUNKED
            framing = b"Transfer-Encoding: chunked\r\n"
        elif length or method not in _USUALLY_BARE:
            writing = SIZED
            framing = b"Content-Length: %d\r\n" % length
        else:
            writing = NOTHING
        if head.expects_continue:
            framing += b"Expect: 100-continue\r\n"
        if head.upgrade:
            framing += b"Connection: Upgrade\r\nUpgrade: %b\r\n" % head.upgrade
        elif head.accepts_trailers:
            framing += b"Connection: TE\r\nTE: trailers\r\n"
        self._out.append(head_bytes(line, head.headers.fields, framing))
        self.writing = writing
        self.reading = HEAD
        self._owed = length or 0
        self._method = method
        self._offered = head.upgrade
        self._interim = 0
        self.answered = False

    # --- responses ----------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[Event]:
        """Bytes came: what they mean. The last event is Malformed when they mean nothing good."""
        events: list[Event] = []
        if data:
            try:
                self._receive(data, events)
            except Malformed as error:
                # A traceback would keep this frame, and so all that was received, until the next gc.
                events.append(self._broken(error.with_traceback(None)))
        return events

    def receive_eof(self) -> list[Event]:
        """The server will send no more: the end of a body that closing ends, else a fault."""
        self._keeps_open = False
        reading = self.reading
        if reading is UNTIL_CLOSE:
            self.reading = DONE
            return [_END]
        unanswered = reading is HEAD and self.writing is not HEAD
        if unanswered or reading is SIZED or reading is CHUNKED:
            return [self._broken(Malformed("truncated", "the server closed"))]
        return []

    def _broken(self, error: Malformed) -> Malformed:
        self.reading = BROKEN
        self._keeps_open = False
        self._held = b""
        return error

    def _receive(self, data: bytes, events: list[Event]) -> None:
        reading = self.reading
        if reading is HEAD:
            if self.writing is HEAD:
                raise Malformed("unasked_response", shown(data[:40]))
            self.answered = True
            held = self._joined(data)
            while held and self.reading is HEAD:
                head = self._take_head(held)
                if head is None:
                    return
                self._read_head(head, events)
                held = self._held
            # What follows a whole response is left held, and makes the connection not reusable.
            if held and self.reading is not DONE:
                self._read_body(self._take_held(), events)
        elif reading is DONE:
            raise Malformed("unasked_response", shown(data[:40]))
        elif reading is RAW:
            events.append(Data(data))
        elif reading is not BROKEN:
            self._read_body(data, events)

    def _check_start(self, held: bytes | bytearray, before: int) -> None:
        check_response_start(held, before)

    def _read_head(self, head: bytes, events: list[Event]) -> None:
        usual = status_line(head)
        if usual is not None:
            version = (1, 1)
            status, reason, end = usual
            fields = read_fields(head, end, self._fields_most, False)
        else:
            line = read_status_line(head)
            version, status, reason = line.version, line.status, line.reason
            fields = read_fields(head, line.end, self._fields_most, False)
            if status < 200:
                self._read_interim(line, fields, events)
                return
        hop = fields.hop
        options = fields.options
        chunked = False
        length: int | None = None
        upgrade = b""
        if hop:
            chunked = b"transfer-encoding" in hop and is_chunked(head, hop, version, False)
            length = content_length(hop, False)
            if status == 426:
                upgrade = hop.get(b"upgrade", b"").lower()
        self._keeps_open = b"close" not in options and (version >= (1, 1) or b"keep-alive" in options)
        events.append(ResponseHead(status, fields.headers, reason, version, length, upgrade))
        if self._method == b"HEAD" or status in BODILESS:
            self._begin_body(False, 0, events)
        else:
            self._begin_body(chunked, length, events)

    def _read_interim(self, line: StatusLine, fields: Fields, events: list[Event]) -> None:
        self._interim += 1
        if self._interim > _INTERIM_MOST:
            raise Malformed("interim_flood", f"more than {_INTERIM_MOST}")
        switched = b""
        if line.status == 101:
            switched = fields.hop.get(b"upgrade", b"").lower()
            if not switched or switched not in self._offered.split(b", "):
                raise Malformed("switch_not_asked", shown(switched))
        events.append(ResponseHead(line.status, fields.headers, line.reason, line.version, upgrade=switched))
        if switched:
            self.reading = RAW
            self.writing = RAW
            events.append(Upgraded(self._take_held()))
