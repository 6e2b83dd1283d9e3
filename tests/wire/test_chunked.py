"""Chunked bodies: whole, cut anywhere, and wrong."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.conversations import cut, merged
from toron.wire.chunked import ChunkedReader
from toron.wire.events import Data, End, Event, Malformed
from toron.wire.headers import Headers


def read(pieces: Iterable[bytes]) -> tuple[list[Event], bytes | None]:
    """The events of a body, and what followed it; None where it did not end."""
    reader = ChunkedReader()
    events: list[Event] = []
    pieces = iter(pieces)
    for piece in pieces:
        if reader.receive(piece, events):
            return merged(events), reader.rest + b"".join(pieces)
    return merged(events), None


def one_by_one(data: bytes) -> list[bytes]:
    return cut(data, range(len(data)))


class Good(SynchronousTestCase):
    def reads(self, data: bytes, *events: Event, rest: bytes | None = b"") -> None:
        self.assertEqual(read([data]), (list(events), rest))
        self.assertEqual(read(one_by_one(data)), (list(events), rest))

    def test_empty(self) -> None:
        self.reads(b"0\r\n\r\n", End())

    def test_chunks(self) -> None:
        self.reads(b"5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n", Data(b"hello, world"), End())

    def test_what_follows_is_kept(self) -> None:
        self.reads(b"1\r\nx\r\n0\r\n\r\nGET /", Data(b"x"), End(), rest=b"GET /")
        self.reads(b"0\r\nA: b\r\n\r\n\r\nGET /", End(Headers([(b"A", b"b")])), rest=b"\r\nGET /")

    def test_sizes(self) -> None:
        self.reads(b"00000000000000A\r\n0123456789\r\n000\r\n\r\n", Data(b"0123456789"), End())
        self.reads(b"1a\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n", Data(b"x" * 26), End())

    def test_a_huge_size_is_only_a_promise(self) -> None:
        self.reads(b"fffffffffffffff\r\nabc", Data(b"abc"), rest=None)

    def test_extensions_are_dropped(self) -> None:
        for extension in (b";a", b";a=b", b';a="b c\\"\t;\xff"', b";a;b=c;d", b";a=''"):
            self.reads(b"1" + extension + b"\r\nx\r\n0" + extension + b"\r\n\r\n", Data(b"x"), End())

    def test_trailers(self) -> None:
        trailers = Headers([(b"Grpc-Status", b"0"), (b"x-y", b"a b"), (b"X-Y", b"")])
        self.reads(b"0\r\nGrpc-Status:0\r\nx-y: a b \r\nX-Y:\r\n\r\n", End(trailers))

    def test_unfinished(self) -> None:
        for data in (b"", b"5", b"5\r", b"5;a=", b"0\r\n", b"0\r\n\r", b"0\r\nA: b\r\n", b"0\r\nA: b\r\n\r"):
            self.reads(data, rest=None)
        self.reads(b"5\r\nhel", Data(b"hel"), rest=None)
        self.reads(b"5\r\nhello", Data(b"hello"), rest=None)
        self.reads(b"5\r\nhello\r", Data(b"hello"), rest=None)

    def test_chunks_that_come_together_are_one_piece(self) -> None:
        events: list[Event] = []
        self.assertTrue(ChunkedReader().receive(b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n", events))
        self.assertEqual(events, [Data(b"x" * 1000), End()])

    @given(
        st.lists(st.binary(min_size=1, max_size=20), max_size=6),
        st.binary(max_size=8),
        st.lists(st.integers(0, 500), max_size=6),
    )
    def test_any_chunks_cut_anywhere(self, chunks: list[bytes], rest: bytes, places: list[int]) -> None:
        data = b"".join(b"%X\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
        body = b"".join(chunks)
        expected = [Data(body), End()] if body else [End()]
        self.assertEqual(read(cut(data + rest, places)), (expected, rest))


class Bad(SynchronousTestCase):
    def refused(self, data: bytes, word: str) -> None:
        for pieces in ([data], one_by_one(data)):
            with self.assertRaises(Malformed, msg=repr(data)) as caught:
                read(pieces)
            self.assertEqual(caught.exception.word, word, data)
            self.assertTrue(caught.exception.detail.isprintable())

    def test_size(self) -> None:
        for size in (
            b"", b" 5", b"5 ", b"5\t", b"+5", b"-5", b"-0", b"0x5", b"5h", b"g", b"5_0", b"0_5", b"5,5",
            b"5\0",
            b"5;", b"5;;a", b"5;a=", b"5;=b", b"5; a", b"5 ;a", b"5;a =b", b'5;a="', b'5;a="\\"', b"5;a\0",
            b'5;a="\x01"', b"5;\xff", b"1" * 16, b"\xd9\xa5", b"5\r", b"5\rx", b"\r\n5",
        ):  # fmt: skip
            self.refused(size + b"\r\nhello\r\n0\r\n\r\n", "bad_chunk")

    def test_line_ends(self) -> None:
        for data in (
            b"5\nhello",
            b"5;a\nhello",
            b"1\r\nx\n0\r\n",
            b"1\r\nx\r0",
            b"1\r\nxx",
            b"1\r\nx0\r\n",
            b"0\n",
        ):
            self.refused(data, "bad_chunk")

    def test_too_long_a_line(self) -> None:
        self.assertEqual(read([b"0" * 14 + b";" + b"a" * 1000]), ([], None))
        self.refused(b"0" * 14 + b";" + b"a" * 1010, "bad_chunk")
        self.refused(b"5;" + b"a" * 1100 + b"\r\nhello\r\n", "bad_chunk")

    def test_more_about_chunks_than_in_them(self) -> None:
        line = b"1;" + b"a" * 900 + b"\r\nx\r\n"
        self.assertEqual(read([line * 10 + b"0\r\n\r\n"]), ([Data(b"x" * 10), End()], b""))
        self.refused(line * 20, "bad_chunk")
        fair = b"3e8;" + b"a" * 900 + b"\r\n" + b"x" * 1000 + b"\r\n"
        self.assertEqual(read([fair * 100 + b"0\r\n\r\n"]), ([Data(b"x" * 100_000), End()], b""))

    def test_trailers(self) -> None:
        for line in (
            b"A : b", b"A", b": b", b" A: b", b"A: b\r\n c", b"A: \0", b"A: b\rC: d", b"A: b\nC: d",
            b"\rA: b",
            b"GET / HTTP/1.1", b"A B: c", b"\xff: b",
        ):  # fmt: skip
            self.refused(b"0\r\n" + line + b"\r\n\r\n", "bad_trailer")

    def test_trailers_that_are_not_allowed(self) -> None:
        for name in (
            b"Host", b"content-length", b"Transfer-Encoding", b"Connection", b"TE", b"Trailer", b"Upgrade",
            b"Authorization", b"Cookie", b"Set-Cookie", b"Content-Type", b"Content-Range", b"Expect",
            b"Keep-Alive",
            b"X-Forwarded-For", b"x-forwarded-whatever", b"X_Forwarded_For", b"Forwarded", b"X-Real-IP",
            b"Client-Cert", b"X_Client_Cert_Subject",
            b"X_REAL_IP",
            b"Content_Length",
        ):  # fmt: skip
            self.refused(b"0\r\nA: b\r\n" + name + b": c\r\n\r\n", "bad_trailer")

    def test_too_many_trailers(self) -> None:
        self.refused(b"0\r\n" + b"A: b\r\n" * 51 + b"\r\n", "bad_trailer")
        self.refused(b"0\r\nA: " + b"b" * 9000 + b"\r\n\r\n", "bad_trailer")
        self.refused(b"0\r\nA: " + b"b" * 9000, "bad_trailer")

    def test_bare_line_feed_is_not_waited_behind(self) -> None:
        self.refused(b"0\r\n\n", "bad_trailer")
        self.refused(b"0\r\nA: b\n", "bad_trailer")

    @given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=4))
    def test_anything(self, data: bytes, places: list[int]) -> None:
        try:
            read(cut(data, places))
        except Malformed as error:
            self.assertIn(error.word, ("bad_chunk", "bad_trailer"))
