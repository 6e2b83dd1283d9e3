"""HTTP/1.1 as other people's parsers read it: h11, and llhttp through httptools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import h11
import httptools

from toron.wire.http1_fields import CONNECTION_FIELDS

Fields = list[tuple[bytes, bytes]]


@dataclass
class Message:
    """A message that is whole: `first` is method and target, or the status."""

    first: tuple[object, ...]
    fields: Fields
    """With lower-case names, without those of the connection."""
    body: bytes = b""
    trailers: Fields = field(default_factory=list)

    @property
    def framing(self) -> tuple[tuple[object, ...], bytes]:
        """What every reader has to agree about, whatever it thinks of the fields."""
        return self.first, self.body


@dataclass
class Reading:
    """The whole messages that were found, and whether that was ended by a complaint."""

    messages: list[Message] = field(default_factory=list)
    refused: bool = False


def plain(fields: Any) -> Fields:
    """Fields in their order, names in lower case, without those of the connection."""
    lower = [(bytes(name).lower(), bytes(value).strip(b" \t")) for name, value in fields]
    return [(name, value) for name, value in lower if name not in CONNECTION_FIELDS]


def _without_origin(target: bytes) -> bytes:
    """An absolute target as the path and query it asks for."""
    scheme, colon, rest = target.partition(b"://")
    if target.startswith(b"/") or not colon or scheme.lower() not in (b"http", b"https"):
        return target
    for at, byte in enumerate(rest):
        if byte in b"/?":
            return rest[at:] if byte == 0x2F else b"/" + rest[at:]
    return b"/"


def requests_by_h11(data: bytes) -> Reading:
    """Every request is answered as soon as it is whole."""
    reading = Reading()
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    message = Message((), [])
    try:
        connection.receive_data(data)
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                message = Message((event.method, _without_origin(event.target)), plain(event.headers))
            elif isinstance(event, h11.Data):
                message.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                message.trailers = plain(event.headers)
                reading.messages.append(message)
                connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    return reading
                connection.start_next_cycle()
            else:
                return reading
    except h11.RemoteProtocolError:
        reading.refused = True
        return reading


def response_by_h11(data: bytes, method: bytes) -> Reading:
    """One final response, behind which the connection ends."""
    reading = Reading()
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    connection.send(h11.Request(method=method, target=b"/", headers=[("host", "a.example")]))
    connection.send(h11.EndOfMessage())
    message = Message((), [])
    ended = False
    try:
        connection.receive_data(data)
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                message = Message((event.status_code,), plain(event.headers))
            elif isinstance(event, h11.Data):
                message.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                message.trailers = plain(event.headers)
                reading.messages.append(message)
                return reading
            elif event is h11.NEED_DATA and not ended:
                ended = True
                connection.receive_data(b"")
            elif not isinstance(event, h11.InformationalResponse) or event.status_code == 101:
                return reading
    except h11.RemoteProtocolError:
        reading.refused = True
        return reading


class _Collector:
    """The callbacks of httptools."""

    def __init__(self, first: Callable[[Any, bytes], tuple[object, ...]]) -> None:
        self.reading = Reading()
        self.parser: Any = None
        self._first = first
        self._fields: list[tuple[bytes, bytes]] = []
        self._url = b""
        self._message = Message((), [])
        self._in_body = False

    def on_message_begin(self) -> None:
        self._fields, self._url, self._in_body = [], b"", False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self._message = Message(self._first(self.parser, self._url), plain(self._fields))
        self._fields = []

    def on_body(self, body: bytes) -> None:
        self._message.body += body

    def on_message_complete(self) -> None:
        self._message.trailers = plain(self._fields)
        self.reading.messages.append(self._message)


def requests_by_httptools(data: bytes) -> Reading:
    """A switch of protocols counts as refused: what follows it is not looked at."""
    collector = _Collector(lambda parser, url: (parser.get_method(), _without_origin(url)))
    collector.parser = httptools.HttpRequestParser(collector)
    try:
        collector.parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        collector.reading.refused = True
    return collector.reading


def response_by_httptools(data: bytes) -> Reading:
    """One final response to GET, unless only the end of the connection ends it."""
    collector = _Collector(lambda parser, _: (parser.get_status_code(),))
    collector.parser = httptools.HttpResponseParser(collector)
    reading = Reading()
    try:
        collector.parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        reading.refused = True
    final = [message for message in collector.reading.messages if message.first >= (200,)]
    reading.messages = final[:1]
    reading.refused = reading.refused and not final
    return reading
