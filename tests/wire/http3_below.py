"""An HTTP/3 codec for tests, with QUIC below it that keeps what was said; and what clients say, in bytes."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.core.refusal import REASONS
from toron.wire.events import Event, Malformed, RequestHead
from toron.wire.http3_frames import DATA, HEADERS, frame, pull_varint
from toron.wire.http3_limits import Http3Limits
from toron.wire.http3_qpack import decode, encode
from toron.wire.http3_requests import CONNECTION
from toron.wire.http3_server import Http3ServerCodec

Fields = list[tuple[bytes, bytes]]

GET: Fields = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a.example"), (b":path", b"/")]
POST: Fields = [(b":method", b"POST"), *GET[1:]]


def head(fields: Fields) -> bytes:
    """A HEADERS frame."""
    return frame(HEADERS, encode(fields))


def data(payload: bytes) -> bytes:
    """A DATA frame."""
    return frame(DATA, payload)


GREASE = 0x21 + 0x1F * 3
WEBSOCKET: Fields = [
    (b":method", b"CONNECT"),
    (b":protocol", b"websocket"),
    *GET[1:],
    (b"sec-websocket-version", b"13"),
]


class Below:
    """Takes what a codec says, and answers what it asks."""

    def __init__(self) -> None:
        self.streams: dict[int, bytes] = {}
        self.ended: list[int] = []
        self.was_reset: list[tuple[int, int]] = []
        self.was_refused: list[tuple[int, int]] = []
        self.credits: dict[int, int] = {}
        self.closed: tuple[int, str] | None = None
        self.waiting: dict[int, int] = {}
        """What `queued` says of each stream."""

    def open(self) -> int:
        return 3

    def say(self, stream: int, data: bytes, fin: bool) -> None:
        assert stream not in self.ended, "something behind the end"
        self.streams[stream] = self.streams.get(stream, b"") + data
        if fin:
            self.ended.append(stream)

    def reset(self, stream: int, code: int) -> None:
        self.was_reset.append((stream, code))

    def refuse_stream(self, stream: int, code: int) -> None:
        self.was_refused.append((stream, code))

    def queued(self, stream: int) -> int:
        return self.waiting.get(stream, 0)

    def credit(self, stream: int, size: int) -> None:
        self.credits[stream] = self.credits.get(stream, 0) + size

    def close(self, code: int, detail: str = "") -> None:
        self.closed = (code, detail)

    def frames(self, stream: int) -> list[tuple[int, bytes | Fields]]:
        """The frames that were said on a stream: the type and the payload, read where it is a section."""
        said, at = self.streams.get(stream, b""), 0
        found: list[tuple[int, bytes | Fields]] = []
        while at < len(said):
            kind, at = pull_varint(said, at)
            size, at = pull_varint(said, at)
            payload = said[at : at + size]
            at += size
            found.append((kind, decode(payload, 1 << 20) if kind == HEADERS else payload))
        return found


class CodecCase(SynchronousTestCase):
    """One codec, and QUIC below it."""

    def setUp(self) -> None:
        self.begin()

    def begin(self, **limits: int) -> None:
        self.below = Below()
        self.codec = Http3ServerCodec(self.below, Http3Limits(**limits))

    def hear(self, stream: int, text: bytes = b"", fin: bool = False, now: float = 0.0) -> list[Event]:
        """What comes of it, which is all of that stream."""
        events = self.codec.receive(stream, text, fin, now)
        self.assertEqual({number for number, _ in events} - {stream}, set())
        return [event for _, event in events]

    def asked(self, fields: Fields = GET, stream: int = 0, fin: bool = True) -> RequestHead:
        found = self.hear(stream, head(fields), fin)[0]
        assert isinstance(found, RequestHead), found
        return found

    def said(self, stream: int = 0) -> list[tuple[int, Any]]:
        return self.below.frames(stream)

    def refused(self, code: int, word: str, text: bytes, fin: bool = False) -> None:
        """A stream with this is reset, and its next one is served."""
        for cut in (1 << 20, 1):
            self.begin()
            events: list[Event] = []
            for at in range(0, len(text), cut):
                events += self.hear(0, text[at : at + cut], fin and at + cut >= len(text))
            with self.subTest(word=word, cut=cut):
                last = events[-1]
                assert isinstance(last, Malformed), events
                self.assertEqual(last.word, word)
                self.assertIn(word, REASONS)
                self.assertEqual(self.below.was_reset, [(0, code)])
                self.assertEqual(self.below.was_refused, [] if fin else [(0, code)])
                self.assertEqual(self.codec.open, 0)
                self.assertEqual(self.hear(0, b"anything", True) if not fin else [], [])
                self.assertIsNone(self.below.closed)
                self.asked(stream=4)

    def broken(self, code: int, word: str, text: bytes, fin: bool = False, stream: int = 0) -> None:
        """The connection ends with this."""
        for cut in (1 << 20, 1):
            self.begin()
            events: list[tuple[int, Event]] = []
            for at in range(0, len(text) or 1, cut):
                events += self.codec.receive(stream, text[at : at + cut], fin and at + cut >= len(text), 0.0)
            with self.subTest(word=word, cut=cut):
                number, last = events[-1]
                assert isinstance(last, Malformed), events
                self.assertEqual((number, last.word), (CONNECTION, word))
                self.assertIn(word, REASONS)
                assert self.below.closed is not None
                self.assertEqual(self.below.closed[0], code)
                self.assertTrue(self.codec.broken)
                self.assertEqual(self.codec.receive(4, head(GET), True, 0.0), [])
