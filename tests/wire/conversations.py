"""What the tests of the HTTP/1.1 codecs share: conversations as tables, whole and cut anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from twisted.trial.unittest import SynchronousTestCase

from toron.wire.events import Data, End, Event, Malformed, RequestHead, ResponseHead, Upgraded
from toron.wire.headers import Headers
from toron.wire.http1 import ClientCodec, ServerCodec

Step = tuple[object, ...]
Codec = TypeVar("Codec", ServerCodec, ClientCodec)
END = End()


def merged(events: Iterable[Event]) -> list[Event]:
    """The events without what depends on how the bytes were cut, and without words for the log."""
    clean: list[Event] = []
    for event in events:
        if isinstance(event, Upgraded):
            clean.append(Upgraded())
            event = Data(event.data)
        if isinstance(event, Data):
            if not event.data:
                continue
            if clean and isinstance(clean[-1], Data):
                clean[-1] = Data(clean[-1].data + event.data)
                continue
        clean.append(Malformed(event.word) if isinstance(event, Malformed) else event)
    return clean


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The data in pieces, cut at `places` (each taken modulo its length)."""
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def fields(*pairs: tuple[str, str]) -> Headers:
    """Headers of text, which is easier to read."""
    return Headers([(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs])


def answer_all(codec: ServerCodec, pieces: Iterable[bytes]) -> list[Event]:
    """All the events of a connection whose every request is answered as soon as it is whole."""
    seen: list[Event] = []
    for piece in pieces:
        events = codec.receive(piece)
        while events:
            seen += events
            if not isinstance(events[-1], End) or not codec.keeps_open:
                break
            codec.send(ResponseHead(200, Headers(), length=0))
            codec.send(END)
            events = codec.receive(b"")
    return merged(seen)


def requests_of(events: list[Event]) -> list[tuple[bytes, bytes, bytes]]:
    """Method, target and body of every whole request."""
    whole: list[tuple[bytes, bytes, bytes]] = []
    head: RequestHead | None = None
    body = b""
    for event in events:
        if isinstance(event, RequestHead):
            head, body = event, b""
        elif isinstance(event, Data):
            body += event.data
        elif isinstance(event, End) and head is not None:
            whole.append((head.method, head.target, body))
    return whole


class Conversations(SynchronousTestCase):
    """Tables of what comes in and what goes out, tried with the bytes whole and one by one."""

    maxDiff = None

    def talk(self, make: Callable[[], Codec], *steps: Step) -> Codec:
        """Hold a conversation; gives the codec back that read its bytes whole.

        A step is `("in", data, event, ...)`: what comes, and the events that are made of it,
        `("eof", event, ...)`: nothing more will come, or `("out", event, ..., data)`: what is said
        and the bytes of it.
        """
        for whole in (False, True):
            codec = make()
            for number, (way, *what) in enumerate(steps):
                seen: list[Event] = []
                expected: list[object] = what
                if way == "in":
                    data = what[0]
                    assert isinstance(data, bytes)
                    expected = what[1:]
                    for piece in [data] if whole or not data else cut(data, range(len(data))):
                        seen += codec.receive(piece)
                elif way == "eof":
                    seen += codec.receive_eof()
                else:
                    for event in what[:-1]:
                        codec.send(event)  # type: ignore[arg-type]
                    self.assertEqual(codec.outgoing(), what[-1], f"step {number}, whole: {whole}")
                    continue
                self.assertEqual(
                    merged(seen),
                    merged(expected),  # type: ignore[arg-type]
                    f"step {number}, whole: {whole}",
                )
        return codec
