"""Says frames of an HTTP/2 connection, as far as the other side's windows allow (RFC 9113 section 5.2)."""

from __future__ import annotations

from collections import deque

from toron.wire.events import Event, Room
from toron.wire.headers import Field, Headers
from toron.wire.hpack_encoder import Encoder
from toron.wire.http2_frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME_MOST,
    HEADERS,
    NO_ERROR,
    WINDOW_FIRST,
    frame_header,
    rst_stream,
)
from toron.wire.http2_heads import trailer_fields
from toron.wire.http2_limits import Bucket, Http2Limits
from toron.wire.http2_streams import BODY, DONE, EMPTY, FULL, HEAD, LEFT, NOTHING, Stream

StreamEvent = tuple[int, Event]
"""What happened on a stream; 0 stands for the whole connection."""
_OURS_MOST = 256
_UPDATES = 10
"""WINDOW_UPDATE frames that one DATA frame of ours is worth: clients open several windows, in small steps."""


class Flow:
    """What leaves one end of a connection."""

    __slots__ = (
        "_encoder", "_flushes", "_frames", "_ours",
        "_out", "_peer_frame", "_peer_window", "_room", "_row", "_streams",
        "limits",
    )  # fmt: skip

    def __init__(self, limits: Http2Limits) -> None:
        self.limits = limits
        self._streams: dict[int, Stream] = {}
        self._encoder = Encoder()
        self._out: list[bytes] = []
        self._flushes = 0
        """How often what was said was taken."""
        self._room = WINDOW_FIRST
        """Octets of bodies that the connection's window allows."""
        self._ours: dict[int, None] = {}
        """The last streams that we have reset: what comes on them was sent before that was known."""
        self._row: deque[Stream] = deque()
        """The streams that wait for it, in the order of their turns."""
        self._peer_frame = FRAME_MOST
        self._peer_window = WINDOW_FIRST
        self._frames = Bucket(limits.frames, limits.frames_per_second)

    @property
    def open(self) -> int:
        """Streams of which a side is not whole yet."""
        return len(self._streams)

    def outgoing(self) -> bytes:
        """What the socket owes the other end; asking takes it."""
        out = self._out
        if not out:
            return b""
        data = b"".join(out)
        out.clear()
        self._flushes += 1
        return data

    def queued(self, stream: int) -> int:
        """Octets of a body that were said and wait for the other side's windows."""
        found = self._streams.get(stream)
        return 0 if found is None else found.queued

    def reset(self, stream: int, code: int) -> None:
        """Give a stream up: nothing more is told of it. Of one that is gone, nothing happens.

        With NO_ERROR what was said up to an End still goes out (section 8.1); with any other code not.
        """
        found = self._streams.get(stream)
        if found is None:
            return
        if code == NO_ERROR and found.ending:
            found.reading = LEFT
            return
        del self._streams[stream]
        found.drop()
        self._say_reset(stream, code)

    def _say_reset(self, stream: int, code: int) -> None:
        self._out.append(rst_stream(stream, code))
        self._leave_out(stream)

    def _leave_out(self, stream: int) -> None:
        """What still comes on this stream is no fault."""
        ours = self._ours
        if len(ours) >= _OURS_MOST:
            del ours[next(iter(ours))]
        ours[stream] = None

    def _say_section(self, stream: Stream, fields: list[Field], flags: int) -> None:
        """Say a head or trailers, in as many frames as it takes."""
        block = self._encoder.encode(fields)
        size = len(block)
        out = self._out
        stream.flushes = self._flushes
        stream.begun = len(out)
        most = self._peer_frame
        if size <= most:
            out.append(frame_header(size, HEADERS, flags | END_HEADERS, stream.id))
            out.append(block)
            return
        out.append(frame_header(most, HEADERS, flags, stream.id))
        out.append(block[:most])
        for at in range(most, size, most):
            piece = block[at : at + most]
            last = END_HEADERS if at + most >= size else 0
            out.append(frame_header(len(piece), CONTINUATION, last, stream.id))
            out.append(piece)

    def _say_data(self, stream: Stream, data: bytes) -> None:
        """Say some of a body, or have it wait; ValueError when it is not what comes next."""
        writing = stream.writing
        if writing is not BODY:
            if writing is NOTHING:
                return
            raise ValueError("a body is not what comes next")
        size = len(data)
        if not size:
            return
        stream.said(size)
        most = self._peer_frame
        if size <= most and not stream.queued and size <= stream.room and size <= self._room:
            self._put_data(stream, data, size, 0)
            return
        if stream.queue is None:
            stream.queue = deque()
        if size <= most:
            stream.queue.append(data)
        else:
            stream.queue.extend([data[at : at + most] for at in range(0, size, most)])
        stream.queued += size
        self._line_up(stream)
        # Nobody else gets a turn from this: where others wait, the connection's window is used up.
        self._go_on([])
        if stream.queued > FULL:
            stream.full = True

    def _put_data(self, stream: Stream, data: bytes, size: int, flags: int) -> None:
        out = self._out
        stream.flushes = self._flushes
        stream.begun = len(out)
        stream.room -= size
        self._room -= size
        out.append(frame_header(size, DATA, flags, stream.id))
        out.append(data)
        self._frames.give(_UPDATES)

    def _say_end(self, stream: Stream, trailers: Headers | None) -> None:
        """Say that a message is whole; ValueError when it is not."""
        writing = stream.writing
        if writing is HEAD or writing is DONE:
            raise ValueError("nothing was begun that could end")
        if writing is BODY and stream.owed > 0:
            raise ValueError("less body than its length")
        if trailers and not stream.upgrade:
            stream.trailers = trailer_fields(trailers)
        stream.writing = DONE
        if stream.queued:
            stream.ending = True
        else:
            self._put_end(stream)

    def _put_end(self, stream: Stream) -> None:
        """End our side: with trailers, or on the last frame where that has not left yet."""
        if stream.trailers:
            self._say_section(stream, stream.trailers, END_STREAM)
        elif stream.flushes == self._flushes:
            header = self._out[stream.begun]
            self._out[stream.begun] = b"%b%c%b" % (header[:4], header[4] | END_STREAM, header[5:])
        else:
            self._out.append(frame_header(0, DATA, END_STREAM, stream.id))
        stream.ending = False
        if stream.reading is DONE:
            del self._streams[stream.id]
        elif stream.reading is LEFT:
            del self._streams[stream.id]
            self._say_reset(stream.id, NO_ERROR)

    def _line_up(self, stream: Stream) -> None:
        """Have a stream get its turns, where something of it waits and its own window is open."""
        if stream.queued and stream.room > 0 and not stream.waits:
            stream.waits = True
            self._row.append(stream)

    def _go_on(self, events: list[StreamEvent]) -> None:
        """Send what the windows allow: a frame of each stream, again and again."""
        row = self._row
        while row and self._room > 0:
            stream = row.popleft()
            stream.waits = False
            queue = stream.queue
            if not queue or stream.room <= 0:
                continue
            piece = queue[0]
            size = len(piece)
            most = min(stream.room, self._room, self._peer_frame)
            if size > most:
                queue[0] = piece[most:]
                piece = piece[:most]
                size = most
            else:
                queue.popleft()
            stream.queued -= size
            self._put_data(stream, piece, size, 0)
            if queue:
                self._line_up(stream)
            elif stream.ending:
                self._put_end(stream)
            if stream.full and stream.queued < EMPTY:
                stream.full = False
                if stream.writing is not DONE:
                    events.append((stream.id, Room()))
