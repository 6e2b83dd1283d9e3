"""What the tests of the HTTP/2 codecs share: frames by name, and conversations as tables."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

import hpack
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.events import Data, End, Event, Malformed
from toron.wire.http2_flow import StreamEvent

Step = tuple[Any, ...]

KINDS = (
    "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY",
    "WINDOW_UPDATE", "CONTINUATION",
)  # fmt: skip
CODES = (
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
    "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
)  # fmt: skip
ACK = END_STREAM = 1
END_HEADERS, PADDED, WITH_PRIORITY = 4, 8, 32
END = End()
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
Pair = tuple[str | bytes, str | bytes]


def code(name: str) -> int:
    return CODES.index(name)


def frame(kind: str | int, stream: int, payload: bytes = b"", flags: int = 0) -> bytes:
    number = kind if isinstance(kind, int) else KINDS.index(kind)
    return len(payload).to_bytes(3, "big") + bytes((number, flags)) + stream.to_bytes(4, "big") + payload


def octets(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def _size(number: int) -> bytes:
    """A length of HPACK with a prefix of seven bits."""
    if number < 127:
        return bytes((number,))
    made = [127]
    number -= 127
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])


def block(*fields: Pair) -> bytes:
    """A list compressed so that it needs nothing of any table, and any octets can be in it."""
    made = b""
    for name, value in fields:
        made += b"\x00"
        for text in (octets(name), octets(value)):
            made += _size(len(text)) + text
    return made


def asked(*more: Pair, method: str = "GET", path: str = "/", authority: str = "a") -> list[Pair]:
    """The fields of a request."""
    pseudo = [(":method", method), (":scheme", "https"), (":authority", authority), (":path", path)]
    return [*pseudo, *more]


def headers(stream: int, fields: Iterable[Pair], *, ends: bool = False, flags: int = END_HEADERS) -> bytes:
    return frame("HEADERS", stream, block(*fields), flags | (END_STREAM if ends else 0))


def data(stream: int, payload: bytes, *, ends: bool = False) -> bytes:
    return frame("DATA", stream, payload, END_STREAM if ends else 0)


def settings(values: dict[int, int] | None = None) -> bytes:
    return frame("SETTINGS", 0, b"".join(struct.pack(">HL", *each) for each in (values or {}).items()))


def number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def window(stream: int, more: int) -> bytes:
    return frame("WINDOW_UPDATE", stream, number(more))


HELLO = PREFACE + settings()
"""What a client begins with."""


class Peer:
    """Reads what a codec says."""

    def __init__(self) -> None:
        self.hpack = hpack.Decoder()
        self.held = b""
        self.section: tuple[int, int, bytes] | None = None
        self.sizes: list[int] = []

    def read(self, said: bytes) -> list[tuple[Any, ...]]:
        """The frames as tuples: their name, stream, and what is in them."""
        self.held = (self.held + said).removeprefix(PREFACE)
        seen: list[tuple[Any, ...]] = []
        while len(self.held) >= 9:
            size = int.from_bytes(self.held[:3], "big")
            kind, flags = self.held[3], self.held[4]
            stream = int.from_bytes(self.held[5:9], "big")
            payload, self.held = self.held[9 : 9 + size], self.held[9 + size :]
            assert len(payload) == size, "half a frame"
            self.sizes.append(size)
            seen += self._frame(KINDS[kind], flags, stream, payload)
        assert not self.held, "half a frame"
        return seen

    def _frame(self, kind: str, flags: int, stream: int, payload: bytes) -> list[tuple[Any, ...]]:
        if kind in ("HEADERS", "CONTINUATION"):
            assert (kind == "HEADERS") == (self.section is None)
            before = (stream, flags, b"") if self.section is None else self.section
            self.section = (stream, before[1], before[2] + payload)
            assert before[0] == stream
            if not flags & END_HEADERS:
                return []
            self.section = None
            fields = [(bytes(n), bytes(v)) for n, v in self.hpack.decode(before[2] + payload, raw=True)]
            return [("HEADERS", stream, fields, *(["end"] if before[1] & END_STREAM else []))]
        assert self.section is None
        if kind == "DATA":
            return [("DATA", stream, payload, *(["end"] if flags & END_STREAM else []))]
        if kind == "RST_STREAM":
            return [(kind, stream, CODES[int.from_bytes(payload, "big")])]
        if kind == "WINDOW_UPDATE":
            return [(kind, stream, int.from_bytes(payload, "big"))]
        if kind == "GOAWAY":
            last, error = struct.unpack(">LL", payload[:8])
            return [(kind, last, CODES[error], *([payload[8:]] if payload[8:] else []))]
        if kind == "SETTINGS":
            return [(kind, "ack") if flags & ACK else (kind, dict(struct.iter_unpack(">HL", payload)))]
        assert kind == "PING"
        return [(kind, payload, *(["ack"] if flags & ACK else []))]


def merged(events: Iterable[StreamEvent]) -> list[tuple[int, Event]]:
    """The events without words for the log, and with Data of one stream in a row in one piece."""
    clean: list[StreamEvent] = []
    for stream, event in events:
        if isinstance(event, Malformed):
            assert event.detail.isprintable()
            event = Malformed(event.word)
        if clean and isinstance(event, Data) and clean[-1][0] == stream and isinstance(clean[-1][1], Data):
            clean[-1] = (stream, Data(clean[-1][1].data + event.data))
        else:
            clean.append((stream, event))
    return clean


class Conversations(SynchronousTestCase):
    """Tables of what comes in and what goes out, tried with the bytes whole and one by one."""

    maxDiff = None

    def talk(self, make: Callable[[], Any], *steps: Step) -> Any:
        """Hold a conversation; gives the codec back that read its bytes whole.

        A step is `("in", bytes, event, ...)`: what comes, and the events that are made of it,
        `("say", stream, event, ...)`, `("ask", stream, head)`, `("do", method, argument, ...)`: what
        the user does, or `("out", frame, ...)`: all that goes out then.
        """
        for whole in (False, True):
            codec = make()
            peer = Peer()
            for step, (way, *what) in enumerate(steps):
                place = f"step {step}, whole: {whole}"
                if way == "in":
                    pieces = [what[0]] if whole else [what[0][at : at + 1] for at in range(len(what[0]))]
                    seen = [event for piece in pieces for event in codec.receive(piece)]
                    self.assertEqual(merged(seen), merged(what[1:]), place)
                elif way == "ask":
                    self.assertEqual(codec.request(what[1]), what[0], place)
                elif way == "say":
                    for event in what[1:]:
                        codec.send(what[0], event)
                elif way == "do":
                    getattr(codec, what[0])(*what[1:])
                else:
                    self.assertEqual(peer.read(codec.outgoing()), what, place)
        return codec
