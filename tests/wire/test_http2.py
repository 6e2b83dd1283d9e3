"""HTTP/2 with another implementation as the partner, and against whatever may come."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import h2.config
import h2.connection
import h2.exceptions
from hyperframe.frame import Frame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.http2_conversations import (
    END,
    HELLO,
    PREFACE,
    Conversations,
    asked,
    block,
    data,
    frame,
    headers,
    merged,
    number,
    octets,
    window,
)
from tests.wire.http2_conversations import settings as settings_frame
from tests.wire.http2_partner import Message, exchange
from toron.core.refusal import REASONS
from toron.wire.events import Data, End, Event, GoingAway, Malformed, RequestHead, Reset, ResponseHead, Room
from toron.wire.headers import Headers
from toron.wire.http2 import Http2ClientCodec, Http2Limits, Http2ServerCodec, StreamEvent

slow = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)

names = st.sampled_from([b"x-a", b"x-b", b"accept", b"etag", b"server", b"x-" + b"long" * 30])
values = st.one_of(
    st.sampled_from([b"", b"1", b"text/plain"]),
    st.text("abc ,;=%\xe4", max_size=30).map(lambda text: text.strip().encode("latin-1")),
    st.integers(100, 20000).map(lambda size: b"v" * size),
)
fields = st.lists(st.tuples(names, values), max_size=4)
pieces = st.lists(
    st.one_of(st.integers(1, 100), st.integers(16000, 17000), st.integers(1, 80000)).map(
        lambda size: b"d" * size
    ),
    max_size=4,
)


@st.composite
def messages(draw: st.DrawFn, response: bool) -> Message:
    trailers = draw(st.one_of(st.just([]), st.lists(st.tuples(names, values), max_size=2)))
    interim = draw(st.lists(st.sampled_from([100, 103]), max_size=2)) if response else []
    return Message(draw(fields), draw(pieces), draw(st.booleans()), trailers, interim)


plans = st.lists(st.tuples(messages(False), messages(True)), min_size=1, max_size=5)


class Partner(SynchronousTestCase):
    """Bodies, trailers, interim responses, windows and changing settings: all comes through, and whole."""

    def test_we_serve(self) -> None:
        @settings(slow, max_examples=25)
        @given(st.integers(0, 1 << 32), plans, st.sampled_from([16384, 65535, 1 << 20]), st.booleans())
        def through(seed: int, plans: list[tuple[Message, Message]], window: int, changing: bool) -> None:
            exchange(Random(seed), True, window, plans, changing)

        through()

    def test_we_ask(self) -> None:
        @settings(slow, max_examples=25)
        @given(st.integers(0, 1 << 32), plans, st.sampled_from([16384, 65535, 1 << 20]), st.booleans())
        def through(seed: int, plans: list[tuple[Message, Message]], window: int, changing: bool) -> None:
            exchange(Random(seed), False, window, plans, changing)

        through()


BODIES = st.lists(st.binary(max_size=40_000), max_size=4)


def passed(
    sender: Http2ClientCodec | Http2ServerCodec, receiver: Http2ClientCodec | Http2ServerCodec, size: int
) -> list[StreamEvent]:
    """What the receiver makes of what the sender owes, `size` bytes at a time."""
    said = sender.outgoing()
    events: list[StreamEvent] = []
    for start in range(0, len(said), size):
        events += receiver.receive(said[start : start + size])
    return events


class Ourselves(SynchronousTestCase):
    """Our client and our server."""

    @given(st.lists(st.tuples(BODIES, BODIES), min_size=1, max_size=5), st.sampled_from([1 << 20, 1000, 7]))
    def test_many_exchanges_at_a_time(self, bodies: list[tuple[list[bytes], list[bytes]]], size: int) -> None:
        limits = Http2Limits(window=1 << 20)
        client, server = Http2ClientCodec(limits, b"http"), Http2ServerCodec(limits, b"http")
        asked: dict[int, list[Event]] = {}
        heard: dict[int, list[Event]] = {}
        sent: dict[int, tuple[bytes, bytes]] = {}

        def talk() -> None:
            while True:
                to_server, to_client = passed(client, server, size), passed(server, client, size)
                for events, kept, codec in ((to_server, asked, server), (to_client, heard, client)):
                    for number, event in events:
                        kept.setdefault(number, []).append(event)
                        if isinstance(event, Data):
                            codec.credit(number, len(event.data))
                if not to_server and not to_client:
                    return

        talk()
        for question, answer in bodies:
            head = RequestHead(
                b"POST", b"/x", Headers([(b"Host", b"a"), (b"X-Count", b"%d" % len(sent))]), length=None
            )
            number = client.request(head)
            sent[number] = b"".join(question), b"".join(answer)
            for piece in question:
                client.send(number, Data(piece))
            client.send(number, End(Headers([(b"x-sum", b"1")])))
        talk()
        for number, (_, answered) in sent.items():
            server.send(number, ResponseHead(200, Headers(), length=len(answered)))
            server.send(number, Data(answered))
            server.send(number, End())
        talk()
        for number, (question_sent, answer_sent) in sent.items():
            for kept, whole in ((asked, question_sent), (heard, answer_sent)):
                events = kept[number]
                got = b"".join(event.data for event in events if isinstance(event, Data))
                self.assertEqual((got, type(events[-1])), (whole, End))
        self.assertEqual((client.open, server.open, client.broken, server.broken), (0, 0, False, False))

    def test_each_stream_its_own_way(self) -> None:
        """Many streams at the same time, each its own way."""
        client, server = Http2ClientCodec(), Http2ServerCodec()
        got: dict[int, bytes] = {}
        for each in range(100):
            head = RequestHead(b"GET", b"/%d" % each, Headers([(b"Host", b"a")]))
            client.send(client.request(head), END)
        while True:
            for stream, event in server.receive(client.outgoing()):
                if isinstance(event, RequestHead):
                    server.send(stream, ResponseHead(200, Headers(), length=9999))
                    server.send(stream, Data(event.target.ljust(9999)))
                    server.send(stream, END)
            said = server.outgoing()
            if not said:
                break
            for stream, event in client.receive(said):
                if isinstance(event, Data):
                    got[stream] = got.get(stream, b"") + event.data
                    client.credit(stream, len(event.data))
        self.assertEqual(got, {2 * each + 1: (b"/%d" % each).ljust(9999) for each in range(100)})
        self.assertEqual((client.open, server.open), (0, 0))


GOOD = (
    settings_frame(), settings_frame({4: 0}), settings_frame({4: 100000, 5: 20000}),
    frame("SETTINGS", 0, b"", 1), frame("PING", 0, bytes(8)), window(0, 1000),
    frame("GOAWAY", 0, number(1) + number(0)), frame("PRIORITY", 3, bytes(5)), frame(77, 1, b"?"),
)  # fmt: skip


@st.composite
def stream_frames(draw: st.DrawFn) -> bytes:
    """A frame of a stream that would be good at some moment."""
    stream = draw(st.integers(0, 9))
    ends = draw(st.booleans())
    status = draw(st.sampled_from(["100", "101", "200", "204"]))
    return draw(
        st.sampled_from([
            headers(stream, asked(("x", "y")), ends=ends),
            headers(stream, asked(("content-length", "3"), method="PUT"), ends=ends),
            headers(stream, [(":protocol", "websocket"), *asked(method="CONNECT")]),
            headers(stream, [(":status", status), ("x", "y")], ends=ends),
            headers(stream, [("x", "y")], ends=True),
            frame("HEADERS", stream, block(*asked()), 0),
            frame("CONTINUATION", stream, block(("x", "y")), 4),
            data(stream, b"abc", ends=ends), data(stream, b"", ends=ends),
            frame("DATA", stream, b"\x01x\0", 8), window(stream, 9), frame("RST_STREAM", stream, number(8)),
        ])
    )  # fmt: skip


@st.composite
def odd_frames(draw: st.DrawFn) -> bytes:
    return frame(
        draw(st.integers(0, 11)),
        draw(st.integers(0, 9)),
        draw(st.binary(max_size=20)),
        draw(st.integers(0, 255)),
    )


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A good frame with an octet changed, gone, or added."""
    whole = bytearray(draw(st.one_of(st.sampled_from(GOOD), stream_frames())))
    at = draw(st.integers(0, len(whole) - 1))
    way = draw(st.integers(0, 2))
    if way == 0:
        whole[at] = draw(st.integers(0, 255))
    elif way == 1:
        del whole[at]
    else:
        whole.insert(at, draw(st.integers(0, 255)))
    return bytes(whole)


anything = st.lists(
    st.one_of(
        stream_frames(),
        stream_frames(),
        st.sampled_from(GOOD),
        odd_frames(),
        spoiled(),
        st.binary(max_size=30),
    ),
    max_size=12,
)

OVER = (Reset, Malformed)


def random_ack(seed: int) -> bytes:
    return frame("SETTINGS", 0, b"", 1) if seed & 1 else b""


class Anything(SynchronousTestCase):
    """Whatever comes, nothing is raised, and what is told makes sense."""

    def follow(self, codec: Any, pieces: list[bytes], random: Random) -> None:
        seen: dict[int, list[type]] = {}
        for piece in pieces:
            was_broken = codec.broken
            events = codec.receive(piece)
            self.assertFalse(was_broken and events)
            for place, (stream, event) in enumerate(events):
                if isinstance(event, Malformed):
                    self.assertTrue(event.detail.isprintable())
                if not stream:
                    self.assertIsInstance(event, Malformed | GoingAway)
                    self.assertTrue(isinstance(event, GoingAway) or place == len(events) - 1)
                elif not isinstance(event, Room):
                    self.check_order(seen.setdefault(stream, []), event)
                if isinstance(event, Data):
                    codec.credit(stream, len(event.data))
                self.answer(codec, stream, event, random)
            self.check_bounds(codec)
            said = codec.outgoing()
            self.assertFalse(was_broken and said)
            self.check_frames(said)

    def check_order(self, before: list[type], event: Any) -> None:
        if before:
            self.assertNotIn(before[-1], OVER)
            self.assertFalse(before[-1] is End and not isinstance(event, OVER), f"{before} {event}")
        if isinstance(event, Data):
            self.assertTrue({RequestHead, ResponseHead} & set(before), before)
            self.assertTrue(event.data)
        if isinstance(event, RequestHead):
            self.assertEqual(before, [])
        before.append(type(event))

    def answer(self, codec: Any, stream: int, event: Any, random: Random) -> None:
        """Say something where it may be."""
        if isinstance(event, RequestHead) and random.random() < 0.8:
            codec.send(stream, ResponseHead(200, Headers([(b"x", b"y")])))
            codec.send(stream, Data(b"x" * random.choice([1, 1000, 80000])))
            if random.random() < 0.7:
                codec.send(stream, random.choice([END, End(Headers([(b"t", b"u")]))]))
        elif random.random() < 0.1:
            codec.reset(stream, 8)
        elif random.random() < 0.1:
            random.choice([codec.drain, codec.close])()

    def check_bounds(self, codec: Any) -> None:
        self.assertLessEqual(codec.open, 100)
        self.assertLess(len(codec._held), 9 + 16384)
        self.assertLessEqual(sum(map(len, codec._block)), (32 << 10) + 16384)
        self.assertLessEqual(len(codec._row), codec.open + len(codec._ours))
        if codec.broken:
            self.assertEqual((codec.open, codec._held, codec._block, len(codec._row)), (0, b"", [], 0))
        for stream in codec._streams.values():
            self.assertEqual(stream.queued, sum(map(len, stream.queue or ())))
            self.assertGreaterEqual(stream.left, 10 - 65535)
        self.assertGreaterEqual(codec._room, 0)

    def check_frames(self, said: bytes) -> None:
        said = said.removeprefix(PREFACE)
        while said:
            each, size = Frame.parse_frame_header(memoryview(said[:9]))
            each.parse_body(memoryview(said[9 : 9 + size]))
            self.assertLessEqual(9 + size, len(said))
            said = said[9 + size :]

    def test_at_the_server(self) -> None:
        @settings(slow, max_examples=200)
        @given(anything, st.integers(0, 99), st.booleans())
        def follow(pieces: list[bytes], seed: int, greeted: bool) -> None:
            limits = Http2Limits(window=10)
            self.follow(
                Http2ServerCodec(limits),
                [HELLO + random_ack(seed), *pieces] if greeted else pieces,
                Random(seed),
            )

        follow()

    def test_at_the_client(self) -> None:
        @settings(slow, max_examples=200)
        @given(anything, st.integers(0, 99), st.booleans())
        def follow(pieces: list[bytes], seed: int, greeted: bool) -> None:
            codec = Http2ClientCodec(Http2Limits(window=10))
            for each in range(4):
                method = (b"GET", b"HEAD", b"PUT", b"GET")[each]
                stream = codec.request(
                    RequestHead(method, b"/", Headers(), length=None if method == b"PUT" else 0)
                )
                if each != 2:
                    codec.send(stream, END)
            self.follow(codec, [settings_frame({8: 1}), *pieces] if greeted else pieces, Random(seed))

        follow()

    def test_however_it_is_cut(self) -> None:
        @settings(slow, max_examples=200)
        @given(anything)
        def same(pieces: list[bytes]) -> None:
            whole, cut = Http2ServerCodec(), Http2ServerCodec()
            came = HELLO + b"".join(pieces)
            events = whole.receive(came)
            others = [event for at in range(len(came)) for event in cut.receive(came[at : at + 1])]
            self.assertEqual(merged(others), merged(events))
            self.assertEqual(cut.outgoing(), whole.outgoing())
            self.assertEqual((cut.broken, cut.open), (whole.broken, whole.open))

        same()

    def test_every_word_of_a_fault_is_known(self) -> None:
        found: Counter[str] = Counter()

        @settings(slow, max_examples=200)
        @given(st.one_of(stream_frames(), odd_frames(), spoiled()))
        def collect(piece: bytes) -> None:
            events = Http2ServerCodec().receive(HELLO + headers(1, asked()) + piece)
            found.update(event.word for _, event in events if isinstance(event, Malformed))

        collect()
        self.assertGreater(len(found), 3)
        self.assertEqual(set(found) - set(REASONS), set())


ODD_NAMES = (
    ":method", ":path", ":scheme", ":authority", ":status", ":x", "te", "host", "connection",
    "content-length", "Upper", "x-a", "cookie", "transfer-encoding", "a b", "a\n", "",
)  # fmt: skip
ODD_VALUES = ("GET", "/", "https", "a", "3", "trailers", "close", "", " a", "a ", "a\r\nb", "a\0")
EMPTY_CRUMB = ("cookie", "")
"""Well formed, but what h2 joins it to is not."""
odd_fields = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(ODD_NAMES), st.text("aA:- \n\0", max_size=4)),
        st.one_of(st.sampled_from(ODD_VALUES), st.text("a1/ \n\0\t", max_size=4)),
    ).filter(lambda field: field != EMPTY_CRUMB),
    max_size=4,
)


class Checks(Conversations):
    """What h2 calls malformed is malformed here too."""

    def test_heads_of_requests(self) -> None:
        both: Counter[tuple[bool, bool]] = Counter()

        @settings(slow, max_examples=200)
        @given(st.permutations(asked()), odd_fields, st.integers(0, 4), st.booleans())
        def as_strict(pseudo: list[tuple[str, str]], odd: list[tuple[str, str]], at: int, ends: bool) -> None:
            fields = [*pseudo[:at], *odd, *pseudo[at:]]
            codec = Http2ServerCodec()
            events = codec.receive(HELLO + headers(1, fields, ends=ends))
            refused = isinstance(events[0][1], Malformed)
            theirs = h2.connection.H2Connection(
                h2.config.H2Configuration(client_side=False, header_encoding=None)
            )
            try:
                theirs.receive_data(HELLO + headers(1, fields, ends=ends))
                refused_there = False
            except h2.exceptions.ProtocolError:
                refused_there = True
            both[refused, refused_there] += 1
            self.assertFalse(refused_there and not refused, f"{fields} {events}")
            if not refused:
                self.readable_by_h1(events[0][1])

        as_strict()
        self.assertTrue(both[True, True] and both[False, False])

    def readable_by_h1(self, head: Any) -> None:
        """Nothing of it would be two things in HTTP/1.1."""
        for name, value in head.headers.fields:
            self.assertNotRegex(name, rb"[\s:\0]")
            self.assertNotRegex(value, rb"[\r\n\0]")
        for part in (head.method, head.target, head.authority):
            self.assertTrue(part)
            self.assertNotRegex(part, rb"[\s\0#]")
        self.assertFalse(
            {b"connection", b"transfer-encoding", b"content-length"} & set(dict(head.headers.fields))
        )

    def test_heads_of_responses(self) -> None:
        both: Counter[tuple[bool, bool]] = Counter()

        @settings(slow, max_examples=200)
        @given(odd_fields, st.integers(0, 2), st.booleans())
        def as_strict(odd: list[tuple[str, str]], at: int, ends: bool) -> None:
            fields = [*odd[:at], (":status", "200"), *odd[at:]]
            came = settings_frame() + headers(1, fields, ends=ends)
            codec = Http2ClientCodec()
            codec.request(RequestHead(b"GET", b"/", Headers([(b"Host", b"a")])))
            events = codec.receive(came)
            refused = isinstance(events[0][1], Malformed)
            theirs = h2.connection.H2Connection(
                h2.config.H2Configuration(client_side=True, header_encoding=None)
            )
            theirs.initiate_connection()
            theirs.send_headers(1, [(octets(name), octets(value)) for name, value in asked()])
            try:
                theirs.receive_data(came)
                refused_there = False
            except h2.exceptions.ProtocolError:
                refused_there = True
            both[refused, refused_there] += 1
            self.assertFalse(refused_there and not refused, f"{fields} {events}")

        as_strict()
        self.assertTrue(both[True, True] and both[False, False])
