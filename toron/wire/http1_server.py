"""The side of an HTTP/1.1 connection that requests arrive at (RFC 9112)."""

from __future__ import annotations

from toron.wire.events import Data, End, Event, Malformed, RequestHead, ResponseHead
from toron.wire.http1_fields import content_length, is_chunked, read_fields, shown, switch_offer
from toron.wire.http1_framing import (
    BODILESS,
    BROKEN,
    CHUNKED,
    DONE,
    FIELDS_MOST,
    HEAD,
    HEAD_MOST,
    NOTHING,
    RAW,
    SIZED,
    UNTIL_CLOSE,
    Framing,
)
from toron.wire.http1_head import authority_of, check_request_start, read_request_line
from toron.wire.scan import head_bytes, request_line

_EMPTY_LINE = b"\r\n"


class ServerCodec(Framing):
    """Reads requests, and says responses.

    One exchange at a time: bytes of a further request are held until the response is whole, then
    `receive(b"")` reads on. `keeps_open` says whether there may be a further one at all. After a
    Malformed event nothing more is read, but a response may still be said.
    """

    __slots__ = ("_ended", "_method", "_offered", "_trailers_wanted", "_version", "close_next", "keeps_open")

    def __init__(self, head_most: int = HEAD_MOST, fields_most: int = FIELDS_MOST) -> None:
        super().__init__(head_most, fields_most)
        self.keeps_open = True
        self.close_next = False
        """Set to announce that the connection closes after the response that is sent next."""
        self._ended = False
        """Whether the client has said all it will say."""
        self._method = b""
        self._offered = b""
        self._version = (1, 1)
        self._trailers_wanted = False

    @property
    def between(self) -> bool:
        """Whether no exchange is under way."""
        return self.reading is HEAD and self.writing is HEAD

    def receive(self, data: bytes) -> list[Event]:
        """Bytes came: what they mean. The last event is Malformed when they mean nothing good."""
        events: list[Event] = []
        try:
            self._receive(data, events)
            if self._ended:
                self._check_end()
        except Malformed as error:
            self.reading = BROKEN
            self.keeps_open = False
            self._held = b""
            # A traceback would keep this frame, and so all that was received, until the next gc.
            events.append(error.with_traceback(None))
        return events

    def receive_eof(self) -> list[Event]:
        """The client will send no more; whole requests that are held will still be read."""
        self._ended = True
        return self.receive(b"")

    def _check_end(self) -> None:
        reading = self.reading
        if reading is SIZED or reading is CHUNKED:
            raise Malformed("truncated", "the client closed")
        if reading is HEAD:
            if self._held and self._held != _EMPTY_LINE:
                raise Malformed("truncated", "the client closed")
            self._held = b""
            self._searched = 0
        if not self._held:
            self.keeps_open = False

    def _receive(self, data: bytes, events: list[Event]) -> None:
        reading = self.reading
        if reading is HEAD:
            joined = self._joined(data)
            if not joined:
                return
            head = self._take_head(joined)
            if head is None:
                return
            self._read_head(head, events)
            if self._held and self.reading is not DONE:
                self._read_body(self._take_held(), events)
        elif reading is SIZED or reading is CHUNKED:
            self._read_body(data, events)
        elif reading is DONE:
            if data:
                self._held = self._joined(data)
        elif reading is RAW:
            raw = bytes(self._joined(data))
            self._held = b""
            if raw:
                events.append(Data(raw))

    def _check_start(self, held: bytes | bytearray, before: int) -> None:
        check_request_start(held, before)

    def _read_head(self, head: bytes, events: list[Event]) -> None:
        # One empty line before a request is forgiven (RFC 9112 section 2.2).
        start = 2 if head.startswith(_EMPTY_LINE) else 0
        usual = request_line(head, start)
        if usual is not None and usual[0] != b"CONNECT":
            version = (1, 1)
            method, target, end = usual
            fields = read_fields(head, end, self._fields_most)
            authority = authority_of(fields.headers)
        else:
            line = read_request_line(head, start)
            version, method, target = line.version, line.method, line.target
            fields = read_fields(head, line.end, self._fields_most)
            authority = authority_of(fields.headers, version, line.authority, line.scheme)
        self._version = version
        self._method = method
        hop = fields.hop
        options = fields.options
        length: int | None = 0
        chunked = expects = accepts_trailers = False
        upgrade = b""
        if hop:
            chunked = is_chunked(head, hop, version)
            length = None if chunked else content_length(hop) or 0
            if b"upgrade" in hop:
                upgrade = switch_offer(fields, version)
                if upgrade and length != 0:
                    raise Malformed("bad_upgrade", "with a body")
            if b"expect" in hop and version >= (1, 1):
                if hop[b"expect"].lower() != b"100-continue":
                    raise Malformed("bad_expectation", shown(hop[b"expect"]))
                expects = length != 0
            if b"te" in hop:
                accepts_trailers = b"trailers" in [te.strip(b" \t") for te in hop[b"te"].lower().split(b",")]
        self.keeps_open = b"close" not in options and (version >= (1, 1) or b"keep-alive" in options)
        self._trailers_wanted = accepts_trailers
        self._offered = upgrade
        events.append(
            RequestHead(
                method, target, fields.headers, authority, version, length, upgrade, expects, accepts_trailers
            )
        )
        self._begin_body(chunked, length, events)

    def send(self, event: Event) -> None:
        """Say something to the client; ValueError when it is not what may come next."""
        kind = type(event)
        if kind is Data:
            self._say_data(event.data)  # type: ignore[union-attr]
        elif kind is End:
            self._say_end(event.trailers if self._trailers_wanted else None)  # type: ignore[union-attr]
            if self.reading is not DONE:
                # The rest of the request may be anything, so nothing after it is looked for.
                self.keeps_open = False
            elif self.keeps_open:
                self.reading = HEAD
                self.writing = HEAD
                self._method = b""
        elif kind is ResponseHead:
            self._say_head(event)  # type: ignore[arg-type]
        else:
            raise ValueError(f"a server does not say {event!r}")

    def _say_head(self, head: ResponseHead) -> None:
        if self.writing is not HEAD:
            raise ValueError("the response has a head already")
        status = head.status
        if not 100 <= status <= 999:
            raise ValueError(f"{status} is no status")
        line = b"HTTP/1.1 %d %b" % (status, head.reason)
        if status < 200:
            if status == 101:
                self._switch(line, head)
            elif self._version >= (1, 1):
                self._out.append(head_bytes(line, head.headers.fields, b""))
            return
        keeps_open = self.keeps_open and not self.close_next and self.reading is not BROKEN
        framing = b""
        length = head.length
        if self._method == b"HEAD" or status in BODILESS:
            writing: str = NOTHING
            # What a 304 says of a length it has to know: 0 is only that nothing is sent with it.
            if length is not None and status != 204 and (length or status != 304):
                framing = b"Content-Length: %d\r\n" % length
        elif length is not None:
            writing = SIZED
            self._owed = length
            framing = b"Content-Length: %d\r\n" % length
        elif self._version >= (1, 1):
            writing = CHUNKED
            framing = b"Transfer-Encoding: chunked\r\n"
            if b"trailer" in head.headers:
                self._trailers_wanted = True
        else:
            writing = UNTIL_CLOSE
            keeps_open = False
        if status == 426 and head.upgrade:
            framing += b"Upgrade: %b\r\nConnection: upgrade\r\n" % head.upgrade
        if not keeps_open:
            framing += b"Connection: close\r\n"
        elif self._version < (1, 1):
            framing += b"Connection: keep-alive\r\n"
        self._out.append(head_bytes(line, head.headers.fields, framing))
        self.writing = writing
        self.keeps_open = keeps_open

    def _switch(self, line: bytes, head: ResponseHead) -> None:
        """Say 101; what the client sent behind its request is the other protocol's already."""
        if not head.upgrade or head.upgrade not in self._offered.split(b", "):
            raise ValueError(f"the client did not offer to switch to {head.upgrade!r}")
        framing = b"Connection: Upgrade\r\nUpgrade: %b\r\n" % head.upgrade
        self._out.append(head_bytes(line, head.headers.fields, framing))
        self.writing = RAW
        self.reading = RAW
