"""HTTP/1.1 against its adversaries: what smuggles, what is arbitrary, and what others make of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

import toron.wire
from tests.wire.conversations import END, answer_all, cut, merged, requests_of
from tests.wire.other_readers import (
    Message,
    Reading,
    plain,
    requests_by_h11,
    requests_by_httptools,
    response_by_h11,
    response_by_httptools,
)
from tests.wire.smuggling import CORPUS, FRAMED, HOST
from toron.core.refusal import REASONS
from toron.wire.events import Data, End, Event, Malformed, RequestHead, ResponseHead, Upgraded
from toron.wire.headers import Headers
from toron.wire.http1 import ClientCodec, ServerCodec

IN_THE_BODY = ("bad_chunk", "bad_trailer")


class Smuggling(SynchronousTestCase):
    """Every vector of the corpus is refused, or read in the one way it can be."""

    def test_the_corpus_is_what_it_says(self) -> None:
        self.assertGreater(len(CORPUS), 300)
        self.assertEqual(len({name for name, _, _ in CORPUS}), len(CORPUS), "two of one name")
        self.assertEqual({name for name, _, kind in CORPUS if kind == "framed"}, set(FRAMED))

    def test_refused_in_one_piece(self) -> None:
        for name, raw, kind in CORPUS:
            if kind == "refused":
                events = ServerCodec().receive(raw)
                self.assertIsInstance(events[-1] if events else None, Malformed, name)
                fault = events[-1]
                assert isinstance(fault, Malformed)
                self.assertTrue(fault.detail.isprintable(), name)
                self.assertFalse(any(isinstance(event, End) for event in events), name)
                # The head of a body that turns out to be wrong is told, so that it can be logged; whoever
                # gets the events sees at their end that nothing of it may go on.
                if fault.word not in IN_THE_BODY:
                    self.assertEqual(len(events), 1, name)

    def test_refused_however_it_is_cut(self) -> None:
        for name, raw, kind in CORPUS:
            if kind == "refused":
                for step in (1, 2, 7):
                    codec = ServerCodec()
                    events = [
                        e for at in range(0, len(raw), step) for e in codec.receive(raw[at : at + step])
                    ]
                    self.assertIsInstance(events[-1], Malformed, name)
                    self.assertFalse(any(isinstance(event, End) for event in events), name)

    def test_nothing_behind_it_is_read(self) -> None:
        for name, raw, kind in CORPUS:
            if kind == "refused":
                codec = ServerCodec()
                codec.receive(raw)
                self.assertEqual((codec.keeps_open, codec.pending), (False, 0), name)
                codec.send(ResponseHead(400, Headers(), length=0))
                codec.send(END)
                self.assertIn(b"\r\nConnection: close\r\n", codec.outgoing(), name)
                self.assertEqual(codec.receive(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"), [], name)

    def test_framed(self) -> None:
        for name, raw, kind in CORPUS:
            if kind == "framed":
                whole = answer_all(ServerCodec(), [raw])
                self.assertEqual(requests_of(whole), FRAMED[name], name)
                self.assertEqual(answer_all(ServerCodec(), cut(raw, range(len(raw)))), whole, name)

    def test_others_frame_them_the_same(self) -> None:
        for name, raw, kind in CORPUS:
            if kind == "framed":
                readings = [requests_by_h11(raw), requests_by_httptools(raw)]
                expected = [((method, target), body) for method, target, body in FRAMED[name]]
                agreed = [r for r in readings if not r.refused]
                for reading in agreed:
                    self.assertEqual([m.framing for m in reading.messages], expected, name)
                self.assertTrue(agreed, f"{name}: nobody else reads it")


class Words(SynchronousTestCase):
    def test_every_fault_has_a_reason(self) -> None:
        """Whatever word is raised under toron/wire, `core.refusal` knows its status and text."""
        words: dict[str, str] = {}
        for path in sorted(Path(toron.wire.__path__[0]).glob("*.py")):
            tree = ast.parse(path.read_text())
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Malformed":
                    self.assertTrue(node.args, f"{path.name}:{node.lineno}")
                    for part in ast.walk(node.args[0]):
                        if isinstance(part, ast.Constant) and isinstance(part.value, str):
                            words[part.value] = f"{path.name}:{node.lineno}"
                elif isinstance(node, ast.Dict):
                    # Tables of words by field name, such as `_REPEATED`.
                    for value in node.values:
                        if isinstance(value, ast.Constant) and isinstance(value.value, str):
                            words[value.value] = f"{path.name}:{node.lineno}"
                elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "_hold":
                    last = node.args[-1]
                    assert isinstance(last, ast.Constant) and isinstance(last.value, str)
                    words[last.value] = f"{path.name}:{node.lineno}"
        self.assertLessEqual({"bad_chunk", "bad_host", "head_too_large", "truncated"}, set(words))
        unknown = {word: where for word, where in words.items() if word not in REASONS}
        self.assertEqual(unknown, {})


# --- what comes in is arbitrary -------------------------------------------------------------------

NASTY = st.sampled_from([
    b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\n\n", b" ", b"\t", b"\0", b"\x0b", b"\x7f", b"\x80", b",", b":",
    b";", b"0",
    b"5", b"-", b"+", b"chunked", b"identity", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
    b"\r\nX: y",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding:", b"Content-Length:", b"Connection: close\r\n",
    b"close",
    b"HTTP/1.0", b"HTTP/1.1", b"Host: b\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"204", b"304", b"/", b"*", b"http://a/",
    b"HEAD",
])  # fmt: skip
CHANGES = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 3), st.one_of(NASTY, st.binary(max_size=2))), max_size=4
)
PLACES = st.lists(st.integers(0, 400), max_size=5)


def changed(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """The data with a few bytes taken out somewhere, and others put there."""
    for at, removed, put in changes:
        at %= len(data) + 1
        data = data[:at] + put + data[at + removed :]
    return data


TOKENS = st.text("abcXYZ-_!#.09", min_size=1, max_size=8).map(str.encode)
NAMES = TOKENS.map(lambda name: b"X-" + name)
VALUES = st.text('abc XYZ\t:;,="/\\\xe4', max_size=12).map(lambda text: text.strip(" \t").encode("latin-1"))
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=3)
CHUNKS = st.lists(st.binary(min_size=1, max_size=12), max_size=3)


def in_chunks(chunks: list[bytes], trailers: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return body + b"0\r\n" + b"".join(b"%b: %b\r\n" % field for field in trailers) + b"\r\n"


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, Message]:
    """A good request, and what has to be read from it."""
    method = draw(st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"HEAD", b"PURGE"]))
    path = b"/" + draw(st.text("abc/.?=&%20~", max_size=8)).encode()
    origin = draw(st.sampled_from([b"", b"", b"http://a.example"]))
    fields = draw(FIELDS)
    chunks = draw(CHUNKS)
    trailers: list[tuple[bytes, bytes]] = []
    way = draw(st.sampled_from(["none", "length", "chunked"]))
    body = b"" if way == "none" else b"".join(chunks)
    framing: list[tuple[bytes, bytes]] = []
    sent = body
    if way == "length":
        framing = [(b"Content-Length", b"%d" % len(body))]
    elif way == "chunked":
        framing = [(b"Transfer-Encoding", b"chunked")]
        trailers = draw(FIELDS)
        sent = in_chunks(chunks, trailers)
    told = [(b"Host", b"a.example"), *fields]
    lines = draw(st.permutations([*told, *framing]))
    head = b"%b %b HTTP/1.1\r\n" % (method, origin + path)
    data = head + b"".join(b"%b: %b\r\n" % field for field in lines) + b"\r\n" + sent
    return data, Message((method, path), plain(lines), body, plain(trailers))


@st.composite
def responses(draw: st.DrawFn) -> tuple[bytes, Message]:
    """A good response to GET, and what has to be read from it."""
    status = draw(st.sampled_from([200, 200, 200, 204, 304, 404, 500, 599]))
    fields = draw(FIELDS)
    chunks = draw(CHUNKS)
    interim = draw(st.sampled_from([b"", b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"]))
    way = draw(st.sampled_from(["length", "chunked", "none"]))
    trailers: list[tuple[bytes, bytes]] = []
    body = b"".join(chunks)
    sent = body
    framing: list[tuple[bytes, bytes]] = []
    if status in (204, 304):
        way, body, sent = "none", b"", b""
    if way == "length":
        framing = [(b"Content-Length", b"%d" % len(body))]
    elif way == "chunked":
        framing = [(b"Transfer-Encoding", b"chunked")]
        trailers = draw(FIELDS)
        sent = in_chunks(chunks, trailers)
    lines = draw(st.permutations([*fields, *framing]))
    head = interim + b"HTTP/1.1 %d Fine\r\n" % status
    data = head + b"".join(b"%b: %b\r\n" % field for field in lines) + b"\r\n" + sent
    return data, Message((status,), plain(lines), body, plain(trailers))


class Arbitrary(SynchronousTestCase):
    """Whatever comes, `receive` raises nothing, and says Malformed once, at the end."""

    def proper(self, events: list[Event]) -> None:
        for event in events:
            self.assertIsInstance(event, (RequestHead, ResponseHead, Data, End, Upgraded, Malformed))
        faults = [event for event in events if isinstance(event, Malformed)]
        self.assertLessEqual(len(faults), 1)
        if faults:
            self.assertIs(events[-1], faults[0])
            self.assertIn(faults[0].word, REASONS)
            self.assertTrue(faults[0].detail.isprintable() and faults[0].detail.isascii())

    def served(self, data: bytes, places: list[int]) -> None:
        codec = ServerCodec()
        self.proper(answer_all(codec, cut(data, places)))
        for piece in (b"", b"x", b"\r\n"):
            self.proper(codec.receive_eof())
            self.assertFalse(codec.keeps_open and codec.between)
            self.proper(codec.receive(piece))

    def asked(self, data: bytes, places: list[int], method: bytes, upgrade: bytes) -> None:
        codec = ClientCodec()
        codec.send(RequestHead(method, b"/", Headers(), upgrade=upgrade))
        codec.send(END)
        events = [event for piece in cut(data, places) for event in codec.receive(piece)]
        self.proper(events + codec.receive_eof())
        self.proper(codec.receive(b"x") + codec.receive_eof())

    @given(st.binary(max_size=200), PLACES)
    def test_bytes(self, data: bytes, places: list[int]) -> None:
        self.served(data, places)
        self.asked(data, places, b"GET", b"")

    @given(st.lists(NASTY, max_size=12), PLACES)
    def test_pieces_of_messages(self, parts: list[bytes], places: list[int]) -> None:
        self.served(b"".join(parts), places)
        self.asked(b"".join(parts), places, b"GET", b"x")

    @given(requests(), CHANGES, PLACES)
    def test_requests_with_faults(
        self, request: tuple[bytes, Message], changes: list[tuple[int, int, bytes]], places: list[int]
    ) -> None:
        self.served(changed(request[0], changes), places)

    @given(responses(), CHANGES, PLACES, st.sampled_from([b"GET", b"HEAD"]), st.sampled_from([b"", b"x"]))
    def test_responses_with_faults(
        self, response: tuple[bytes, Message], changes: list[tuple[int, int, bytes]], places: list[int],
        method: bytes, upgrade: bytes,
    ) -> None:  # fmt: skip
        self.asked(changed(response[0], changes), places, method, upgrade)

    @given(requests(), CHANGES, PLACES)
    def test_the_cuts_do_not_matter(
        self, request: tuple[bytes, Message], changes: list[tuple[int, int, bytes]], places: list[int]
    ) -> None:
        """The same requests come out whole; a fault is one however it came, though its word may differ."""
        data = changed(request[0], changes)
        one, other = (answer_all(ServerCodec(), cut(data, cuts)) for cuts in ((), places))
        self.assertEqual(requests_of(one), requests_of(other))
        self.assertEqual(
            [isinstance(event, Malformed) for event in one[-1:]],
            [isinstance(event, Malformed) for event in other[-1:]],
        )


# --- what others make of it -----------------------------------------------------------------------


def requests_by_ours(data: bytes) -> Reading:
    reading = Reading()
    message = Message((), [])
    for event in answer_all(ServerCodec(), [data]):
        if isinstance(event, RequestHead):
            message = Message((event.method, event.target), plain(event.headers))
        elif isinstance(event, Data):
            message.body += event.data
        elif isinstance(event, End):
            message.trailers = plain(event.trailers or ())
            reading.messages.append(message)
        else:
            reading.refused = True
    return reading


def response_by_ours(data: bytes) -> tuple[Reading, bool]:
    """One final response to GET, and whether only the end of the connection ended it."""
    codec = ClientCodec()
    codec.send(RequestHead(b"GET", b"/", Headers()))
    codec.send(END)
    events = merged(codec.receive(data))
    until_close = codec.reading == "until close"
    if not any(isinstance(event, End) for event in events):
        events = merged(events + codec.receive_eof())
    reading = Reading()
    message = Message((), [])
    for event in events:
        if isinstance(event, ResponseHead):
            message = Message((event.status,), plain(event.headers))
        elif isinstance(event, Data):
            message.body += event.data
        elif isinstance(event, End):
            message.trailers = plain(event.trailers or ())
            reading.messages.append(message)
        elif isinstance(event, Malformed) and event.word != "truncated":
            reading.refused = True
    return reading, until_close


ACCEPTED_BY_US_ALONE = {
    # curl sends an address as it was typed. None of these bytes ends a target or a line.
    "a target with bytes above ASCII": re.compile(rb"[!-~] [^ \r\n]*[\x80-\xff][^ \r\n]* HTTP/1").search,
    # h11 does not forgive it (RFC 9112 section 2.2), and llhttp knows no methods but its own.
    "an empty line ahead of a method of one's own": re.compile(
        rb"\r\n(?!(?:GET|POST|PUT|DELETE|OPTIONS|HEAD|PURGE) )[!-~]+ [^ \r\n]+ HTTP/1"
    ).search,
}
"""What both others refuse, though it means one thing only."""

READ_AS_UNTIL_CLOSE = re.compile(rb"(?i)chunked *\t").search
"""What llhttp takes no chunks for, though a tab may stand behind any value (RFC 9110 section 5.6.3)."""


class Others(SynchronousTestCase):
    """Where we accept a message, h11 and llhttp see the same one, or none."""

    maxDiff = None

    @settings(max_examples=200)
    @given(st.lists(requests(), min_size=1, max_size=3))
    def test_good_requests(self, made: list[tuple[bytes, Message]]) -> None:
        data = b"".join(raw for raw, _ in made)
        expected = Reading([message for _, message in made])
        for read in (requests_by_ours, requests_by_h11, requests_by_httptools):
            self.assertEqual(read(data), expected, read.__name__)

    @settings(max_examples=200)
    @given(responses())
    def test_good_responses(self, made: tuple[bytes, Message]) -> None:
        data, message = made
        ours, until_close = response_by_ours(data)
        self.assertEqual(ours, Reading([message]))
        self.assertEqual(response_by_h11(data, b"GET"), Reading([message]))
        if not until_close:
            self.assertEqual(response_by_httptools(data), Reading([message]))

    @settings(max_examples=1500, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(requests(), min_size=1, max_size=2), CHANGES)
    def test_requests_with_faults(
        self, made: list[tuple[bytes, Message]], changes: list[tuple[int, int, bytes]]
    ) -> None:
        data = changed(b"".join(raw for raw, _ in made), changes)
        ours = requests_by_ours(data)
        found = [message.framing for message in ours.messages]
        others = [requests_by_h11(data), requests_by_httptools(data)]
        for other in others:
            theirs = [message.framing for message in other.messages]
            if not other.refused and not ours.refused:
                self.assertEqual(theirs, found, data)
            # One behind the other, they see the same messages for as long as they see any.
            self.assertEqual(theirs[: len(found)], found[: len(theirs)], data)
        if all(other.refused and len(other.messages) < len(found) for other in others):
            self.assertTrue(any(form(data) for form in ACCEPTED_BY_US_ALONE.values()), data)

    @settings(max_examples=1500, suppress_health_check=[HealthCheck.too_slow])
    @given(responses(), CHANGES)
    def test_responses_with_faults(
        self, made: tuple[bytes, Message], changes: list[tuple[int, int, bytes]]
    ) -> None:
        data = changed(made[0], changes)
        ours, until_close = response_by_ours(data)
        if ours.refused or not ours.messages:
            return
        found = ours.messages[0].framing
        others = [response_by_h11(data, b"GET")]
        if not until_close and not READ_AS_UNTIL_CLOSE(data):
            others.append(response_by_httptools(data))
        for other in others:
            if not other.refused:
                self.assertEqual([message.framing for message in other.messages], [found], data)
