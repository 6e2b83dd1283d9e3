"""What `scan` takes it takes as the slow readers do, compiled as well as in pure Python."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.wire import scan
from toron.wire.events import Malformed
from toron.wire.headers import fold
from toron.wire.http1_fields import CONNECTION_FIELDS, _closer_look
from toron.wire.http1_head import read_request_line, read_status_line

ONCE = frozenset({b"host"})
KEPT_BACK = CONNECTION_FIELDS | {b"content_length", b"transfer_encoding"}


def as_written() -> ModuleType:
    """The module in pure Python, whichever one is imported."""
    path = scan.__file__
    assert path is not None
    folder = path.rpartition("/")[0]
    spec = importlib.util.spec_from_file_location("scan_as_written", f"{folder}/scan.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PURE = as_written()

names = st.sampled_from(
    [b"Host", b"hOST", b"A", b"x-b", b"Content-Length", b"TE", b"a b", b"", b"\xe4", b"Content_Length"]
)
values = st.sampled_from([b"", b" ", b"b", b"\t b c \t", b"\xff", b"a\0", b"a\rb", b"1"])
lines = st.builds(
    lambda n, v, end: n + b":" + v + end, names, values, st.sampled_from([b"\r\n"] * 9 + [b"\n", b"\r", b""])
)
blocks = st.lists(lines, max_size=5).map(lambda found: b"".join(found) + b"\r\n")
heads = st.one_of(
    blocks.filter(lambda block: block.endswith(b"\r\n\r\n") or block == b"\r\n"),
    st.binary(max_size=40).map(lambda data: data + b"\r\n\r\n"),
)

starts = st.sampled_from([b"", b"GET", b"get", b"G T", b"OPTIONS", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2"])
middles = st.sampled_from(
    [
        b" / ",
        b" /a?b=%20 ",
        b" * ",
        b" http://a/ ",
        b" 200 ",
        b" 099 ",
        b" 199 ",
        b" 600 ",
        b"  ",
        b" /\xff ",
        b" /# ",
    ]
)
ends = st.sampled_from(
    [
        b"HTTP/1.1\r\n",
        b"HTTP/1.0\r\n",
        b"OK\r\n",
        b"\r\n",
        b"HTTP/1.1\n",
        b"OK\n",
        b"",
        b"O\0K\r\n",
        b"HTTP/1.1 \r\n",
    ]
)
first_lines = st.one_of(st.builds(lambda a, b, c: a + b + c, starts, middles, ends), st.binary(max_size=20))


class Twins(SynchronousTestCase):
    """Whatever comes, both answer alike."""

    def test_fields(self) -> None:
        @given(heads, st.integers(0, 5))
        def same(head: bytes, most: int) -> None:
            asked = (head, 0, most, KEPT_BACK, ONCE)
            self.assertEqual(scan.fields(*asked), PURE.fields(*asked))

        same()

    def test_first_lines(self) -> None:
        @given(first_lines, st.sampled_from([b"", b"\r\n"]))
        def same(line: bytes, before: bytes) -> None:
            asked = (before + line + b"\r\n", len(before))
            self.assertEqual(scan.request_line(*asked), PURE.request_line(*asked))
            self.assertEqual(scan.status_line(asked[0]), PURE.status_line(asked[0]))

        same()

    def test_heads_that_are_said(self) -> None:
        pieces = st.sampled_from([b"", b"a", b"a\r", b"\n", b"\0", b"a b", b"\xff"])

        @given(pieces, st.lists(st.tuples(pieces, pieces), max_size=3))
        def same(line: bytes, said: list[tuple[bytes, bytes]]) -> None:
            heard = []
            for module in (scan, PURE):
                try:
                    heard.append(module.head_bytes(line, said, b"Content-Length: 1\r\n"))
                except ValueError as error:
                    heard.append(str(error).encode())
            self.assertEqual(heard[0], heard[1])

        same()

    def test_cut_short(self) -> None:
        """A head always ends with an empty line; where it does not, nothing beyond it is read."""
        head = b"GET / HTTP/1.1\r\nA: b\r\n\r\n"
        for end in range(len(head)):
            cut = head[:end]
            for start in range(end + 2):
                scan.request_line(cut, start)
                scan.fields(cut, start, 9, KEPT_BACK, ONCE)
            scan.status_line(cut)
        self.assertIsNone(scan.request_line(b"", 5))
        self.assertIsNone(scan.status_line(b"HTTP/1.1 200"))


class AgainstTheSlowReaders(SynchronousTestCase):
    """What is taken is what the readers that decide would make of it."""

    def test_fields(self) -> None:
        @given(heads)
        def same(head: bytes) -> None:
            taken = scan.fields(head, 0, 9, KEPT_BACK, ONCE)
            if taken is not None:
                self.assertEqual(taken, _closer_look(head, 0, 9, True))

        same()

    def test_first_lines(self) -> None:
        @given(first_lines)
        def same(line: bytes) -> None:
            head = line + b"\r\n"
            asked = scan.request_line(head, 0)
            if asked is not None:
                slow = read_request_line(head, 0)
                self.assertEqual((slow.method, slow.target, slow.end), asked)
                self.assertEqual((slow.version, slow.authority), ((1, 1), b""))
            answered = scan.status_line(head)
            if answered is not None:
                status = read_status_line(head)
                self.assertEqual((status.status, status.reason, status.end), answered)
                self.assertEqual(status.version, (1, 1))

        same()

    def test_ordinary_heads_are_taken(self) -> None:
        head = b"GET /a HTTP/1.1\r\nHost: a\r\nAccept:*/*\r\nConnection: close\r\n\r\n"
        self.assertEqual(scan.request_line(head, 0), (b"GET", b"/a", 17))
        self.assertEqual(
            scan.fields(head, 17, 3, KEPT_BACK, ONCE),
            (
                [(b"Host", b"a"), (b"Accept", b"*/*")],
                {b"host": b"a", b"accept": b"*/*"},
                {b"connection": b"close"},
            ),
        )
        self.assertIsNone(scan.fields(head, 17, 2, KEPT_BACK, ONCE))
        self.assertEqual(scan.status_line(b"HTTP/1.1 404 Not Found\r\n\r\n"), (404, b"Not Found", 24))

    def test_names_made_up_are_not_kept(self) -> None:
        for number in range(5000):
            self.assertEqual(fold(b"X-%d" % number), b"x-%d" % number)
            found = scan.fields(b"Y-%d: a\r\n\r\n" % number, 0, 1, KEPT_BACK, ONCE)
            self.assertEqual(found[1], {b"y-%d" % number: b"a"})  # type: ignore[index]
        self.assertRaises(Malformed, read_request_line, b"GET\r\n\r\n", 0)
