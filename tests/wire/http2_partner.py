"""Whole exchanges between one of our HTTP/2 codecs and the h2 package, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings

from toron.wire.events import Data, End, Event, RequestHead, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http2 import Http2ClientCodec, Http2Limits, Http2ServerCodec

Fields = list[tuple[bytes, bytes]]
H2 = h2.settings.SettingCodes


@dataclass
class Message:
    """A request or a response."""

    fields: Fields
    """Without pseudo-fields."""
    body: list[bytes]
    sized: bool
    """Whether its length is announced."""
    trailers: Fields
    interim: list[int] = field(default_factory=list)

    @property
    def length(self) -> int | None:
        return sum(map(len, self.body)) if self.sized else None

    @property
    def plain(self) -> tuple[Fields, bytes, Fields, list[int]]:
        return self.fields, b"".join(self.body), self.trailers, self.interim


@dataclass
class Seen:
    """What came of a message."""

    fields: Fields = field(default_factory=list)
    body: bytes = b""
    trailers: Fields = field(default_factory=list)
    interim: list[int] = field(default_factory=list)
    ended: bool = False

    def see(self, event: Event) -> None:
        assert not self.ended
        if isinstance(event, Data):
            self.body += event.data
        elif isinstance(event, End):
            self.ended = True
            self.trailers = [] if event.trailers is None else event.trailers.fields
        elif isinstance(event, ResponseHead) and event.status < 200:
            self.interim.append(event.status)
        else:
            assert isinstance(event, RequestHead | ResponseHead), event
            assert not self.fields
            self.fields = [pair for pair in event.headers.fields if pair[0] != b"Host"]
            assert event.length is None or event.length >= 0

    @property
    def plain(self) -> tuple[Fields, bytes, Fields, list[int]]:
        return self.fields, self.body, self.trailers, self.interim


class Partners:
    """A codec of ours and one of h2's, and bytes that are under way between them."""

    def __init__(self, random: Random, we_serve: bool, window: int) -> None:
        self.random = random
        self.we_serve = we_serve
        # Time stands still, so that no rate of theirs may be one.
        limits = Http2Limits(head_most=1 << 20, window=window, settings=1000, frames=100_000)
        self.ours: Any = Http2ServerCodec(limits) if we_serve else Http2ClientCodec(limits)
        self.theirs = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=we_serve, header_encoding=None)
        )
        self.theirs.initiate_connection()
        self.settled = False
        self.window = 65535
        self.to_us = self.to_them = b""
        self.seen_by_us: dict[int, Seen] = {}
        self.seen_by_them: dict[int, Seen] = {}
        self.untaken: dict[int, int] = {}
        self.unacknowledged: list[tuple[int, int]] = []

    def carry(self, all_of_it: bool = False) -> None:
        """Some of the bytes arrive, cut anywhere."""
        self.to_us += self.theirs.data_to_send()
        self.to_them += self.ours.outgoing()
        chance = self.random.random
        at = len(self.to_us) if all_of_it or chance() < 0.3 else int(chance() * min(len(self.to_us), 60000))
        piece, self.to_us = self.to_us[:at], self.to_us[at:]
        for stream, event in self.ours.receive(piece):
            if stream:
                self._we_saw(stream, event)
        at = (
            len(self.to_them)
            if all_of_it or chance() < 0.3
            else int(chance() * min(len(self.to_them), 60000))
        )
        piece, self.to_them = self.to_them[:at], self.to_them[at:]
        for event in self.theirs.receive_data(piece):
            self._they_saw(event)

    def _we_saw(self, stream: int, event: Event) -> None:
        if type(event).__name__ == "Room":
            return
        self.seen_by_us.setdefault(stream, Seen()).see(event)
        if isinstance(event, Data):
            self.untaken[stream] = self.untaken.get(stream, 0) + len(event.data)

    def _they_saw(self, event: Any) -> None:
        self.settled |= isinstance(event, h2.events.SettingsAcknowledged)
        stream = getattr(event, "stream_id", None)
        if not stream:
            assert not isinstance(event, h2.events.ConnectionTerminated), event
            return
        seen = self.seen_by_them.setdefault(stream, Seen())
        if isinstance(event, h2.events.InformationalResponseReceived):
            seen.interim.append(int(dict(event.headers)[b":status"]))
        elif isinstance(event, h2.events.RequestReceived | h2.events.ResponseReceived):
            left_out = (b"content-length",)
            seen.fields = [(n, v) for n, v in event.headers if n[:1] != b":" and n not in left_out]
        elif isinstance(event, h2.events.DataReceived):
            seen.body += event.data
            self.unacknowledged.append((stream, event.flow_controlled_length))
        elif isinstance(event, h2.events.TrailersReceived):
            seen.trailers = [(bytes(n), bytes(v)) for n, v in event.headers]
        elif isinstance(event, h2.events.StreamEnded):
            seen.ended = True
        else:
            assert isinstance(event, h2.events.WindowUpdated), event

    def take(self) -> None:
        """Both users take what came, so that windows open."""
        for stream, size in list(self.untaken.items()):
            part = self.random.randint(0, size)
            self.ours.credit(stream, part)
            self.untaken[stream] = size - part
        while self.unacknowledged and self.random.random() < 0.8:
            stream, size = self.unacknowledged.pop()
            self.theirs.acknowledge_received_data(size, stream)

    def unsettle(self, streams: bool) -> None:
        """They change their settings; where there are `streams`, windows become larger only.

        h2 takes an acknowledgement for one of all settings it has said, and an empty frame for one too
        large where a window is below 0.
        """
        if not self.settled:
            return
        if self.random.random() < 0.5:
            self.settle({H2.HEADER_TABLE_SIZE: self.random.choice([0, 50, 4096, 65536])})
            return
        self.window = self.random.randint(self.window if streams else 0, 200_000)
        self.settle({H2.INITIAL_WINDOW_SIZE: self.window})

    def settle(self, values: dict[Any, int]) -> None:
        self.settled = False
        self.theirs.update_settings(values)

    def we_say(self, stream: int, message: Message, steps: list[Event]) -> Iterator[None]:
        """Say a message of ours, a step at a time."""
        for event in steps:
            while self.ours.queued(stream) > 65536:
                yield
            self.ours.send(stream, event)
            yield

    def they_say(self, stream: int, head: Fields, message: Message) -> Iterator[None]:
        """Have them say a message, a step at a time, as far as the windows allow."""
        theirs = self.theirs
        for status in message.interim:
            theirs.send_headers(stream, [(b":status", b"%d" % status)])
            yield
        length = message.length
        sized = [] if length is None else [(b"content-length", b"%d" % length)]
        bare = not message.body and not message.trailers and self.random.random() < 0.5
        theirs.send_headers(stream, head + message.fields + sized, end_stream=bare)
        yield
        if bare:
            return
        for piece in message.body:
            while piece:
                room = min(theirs.local_flow_control_window(stream), theirs.max_outbound_frame_size)
                padding = self.random.choice([None, None, 0, 9])
                size = min(len(piece), room - (0 if padding is None else padding + 1))
                if size > 0:
                    theirs.send_data(stream, piece[:size], pad_length=padding)
                    piece = piece[size:]
                yield
        if message.trailers:
            theirs.send_headers(stream, message.trailers, end_stream=True)
        else:
            theirs.end_stream(stream)
        yield


def events_of(message: Message, head: Event | None) -> list[Event]:
    """What has to be said for a message."""
    steps: list[Event] = [ResponseHead(status, Headers()) for status in message.interim]
    steps += [head] if head is not None else []
    steps += [Data(piece) for piece in message.body]
    return [*steps, End(Headers(message.trailers) if message.trailers else None)]


def exchange(
    random: Random, we_serve: bool, window: int, plans: list[tuple[Message, Message]], settings: bool
) -> None:
    """Carry out all these exchanges; what was said and what was seen are the same."""
    partners = Partners(random, we_serve, window)
    waiting = list(plans)
    speaking: list[Iterator[None]] = []
    asked: dict[int, tuple[Message, Message]] = {}
    answered: set[int] = set()
    for turn in range(100_000):
        if waiting and turn > 1 and random.random() < 0.2:
            request, response = waiting.pop(0)
            if we_serve:
                stream = partners.theirs.get_next_available_stream_id()
                head = [
                    (b":method", b"POST"),
                    (b":scheme", b"https"),
                    (b":authority", b"a"),
                    (b":path", b"/"),
                ]
                speaking.append(partners.they_say(stream, head, request))
                next(speaking[-1])
            else:
                fields = Headers([(b"Host", b"a"), *request.fields])
                stream = partners.ours.request(RequestHead(b"POST", b"/", fields, length=request.length))
                speaking.append(partners.we_say(stream, request, events_of(request, None)))
            asked[stream] = request, response
        for stream, (_, response) in asked.items():
            arrived = stream in (partners.seen_by_us if we_serve else partners.seen_by_them)
            if stream not in answered and arrived and random.random() < 0.3:
                answered.add(stream)
                if we_serve:
                    final = ResponseHead(200, Headers(response.fields), length=response.length)
                    speaking.append(partners.we_say(stream, response, events_of(response, final)))
                else:
                    speaking.append(partners.they_say(stream, [(b":status", b"200")], response))
        for each in random.sample(speaking, len(speaking)):
            if random.random() < 0.5 and next(each, "over") == "over":
                speaking.remove(each)
        if random.random() < 0.5:
            partners.take()
        if settings and turn < 200 and random.random() < 0.05:
            partners.unsettle(bool(asked))
        if settings and turn >= 200 and partners.settled:
            # No window stays closed for good.
            settings = False
            partners.settle({H2.INITIAL_WINDOW_SIZE: 200_000})
        partners.carry(turn > 300)
        if not waiting and not speaking and len(answered) == len(plans) and partners.ours.open == 0:
            break
    # What is still under way, and the answers to it.
    for _ in range(3):
        partners.carry(True)
    assert not partners.ours.broken and partners.ours.open == 0
    ours, theirs = partners.seen_by_us, partners.seen_by_them
    for stream, (request, response) in asked.items():
        at_server, at_client = (ours, theirs) if we_serve else (theirs, ours)
        assert at_server[stream].plain == request.plain, f"the request of stream {stream}"
        assert at_client[stream].plain == response.plain, f"the response of stream {stream}"
        assert at_server[stream].ended and at_client[stream].ended
