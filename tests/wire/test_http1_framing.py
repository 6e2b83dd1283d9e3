"""What both ends share, where it is not the one or the other's."""

from __future__ import annotations

import time
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.conversations import END, cut, merged
from toron.wire.events import Data, RequestHead, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http1 import ClientCodec, ServerCodec
from toron.wire.http1_framing import Framing, head_bytes

GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n"


class HeadBytes(SynchronousTestCase):
    def test_written(self) -> None:
        self.assertEqual(head_bytes(b"0", [], b""), b"0\r\n\r\n")
        self.assertEqual(
            head_bytes(b"GET / HTTP/1.1", [(b"A", b"b"), (b"a", b"")], b"X: y\r\n"),
            b"GET / HTTP/1.1\r\nA: b\r\na: \r\nX: y\r\n\r\n",
        )

    @given(
        st.binary(max_size=6), st.lists(st.tuples(st.binary(max_size=4), st.binary(max_size=4)), max_size=3)
    )
    def test_never_a_line_too_many(self, line: bytes, fields: list[tuple[bytes, bytes]]) -> None:
        parts = [line, *(part for field in fields for part in field)]
        try:
            head = head_bytes(line, fields, b"")
        except ValueError:
            self.assertTrue(any(bad in part for part in parts for bad in (b"\r", b"\n", b"\0")))
            return
        self.assertEqual(len(head.split(b"\r\n")), len(fields) + 3)
        self.assertEqual(head.count(b"\n"), head.count(b"\r"))
        self.assertFalse(any(bad in part for part in parts for bad in (b"\r", b"\n", b"\0")))


class BothWays(SynchronousTestCase):
    """What one codec says, the other understands."""

    @given(
        st.sampled_from([b"GET", b"POST", b"PURGE"]),
        st.lists(st.binary(max_size=40), max_size=4),
        st.booleans(),
        st.lists(st.integers(0, 500), max_size=6),
    )
    def test_a_request_and_its_echo(
        self, method: bytes, chunks: list[bytes], sized: bool, places: list[int]
    ) -> None:
        client, server = ClientCodec(), ServerCodec()
        headers = Headers([(b"Host", b"a.example"), (b"X-Odd", b"a\t\xff b")])
        length = sum(map(len, chunks)) if sized else None
        head = RequestHead(method, b"/x?y", headers, b"a.example", length=length)
        body = [Data(b"".join(chunks))] if any(chunks) else []
        for _ in range(2):
            client.send(head)
            for chunk in chunks:
                client.send(Data(chunk))
            client.send(END)
            came = [event for piece in cut(client.outgoing(), places) for event in server.receive(piece)]
            self.assertEqual(merged(came), [head, *body, END])
            answer = ResponseHead(200, headers, b"OK", length=length)
            server.send(answer)
            for chunk in chunks:
                server.send(Data(chunk))
            server.send(END)
            back = [event for piece in cut(server.outgoing(), places) for event in client.receive(piece)]
            self.assertEqual(merged(back), [answer, *body, END])
            self.assertTrue(client.reusable and server.between)


class AnotherWay(SynchronousTestCase):
    """Bytes of a body that go past both codecs, and are only counted."""

    def test_counted(self) -> None:
        client, server = ClientCodec(), ServerCodec()
        client.send(RequestHead(b"GET", b"/", Headers([(b"Host", b"a.example")]), length=0))
        client.send(END)
        server.receive(client.outgoing())
        self.assertEqual((client.left, server.owed), (0, 0))
        server.send(ResponseHead(200, Headers(), length=10))
        self.assertEqual(server.owed, 10)
        server.send(Data(b"ab"))
        client.receive(server.outgoing())
        self.assertEqual((client.left, server.owed), (8, 8))
        client.came(7)
        server.went(7)
        self.assertEqual((client.left, server.owed), (1, 1))
        self.assertRaises(ValueError, server.send, Data(b"jk"))
        self.assertRaises(ValueError, server.send, END)
        server.send(Data(b"j"))
        server.send(END)
        self.assertEqual(client.receive(server.outgoing()), [Data(b"j"), END])
        self.assertEqual((client.left, server.owed), (0, 0))
        self.assertTrue(client.reusable and server.between)

    def test_nothing_is_left_of_a_body_of_no_known_length(self) -> None:
        client, server = ClientCodec(), ServerCodec()
        client.send(RequestHead(b"GET", b"/", Headers([(b"Host", b"a.example")]), length=0))
        client.send(END)
        server.receive(client.outgoing())
        server.send(ResponseHead(200, Headers(), length=None))
        server.send(Data(b"ab"))
        client.receive(server.outgoing())
        self.assertEqual((client.left, server.owed), (0, 0))


class Linear(SynchronousTestCase):
    """Four times the bytes take about four times as long, however small the pieces are.

    What takes the square takes sixteen times as long; the line between is drawn where a busy
    machine does not cross it.
    """

    SMALL, MANY = 8 << 10, 32 << 10

    def seconds(self, codec: Framing, data: bytes, step: int) -> float:
        pieces = [data[at : at + step] for at in range(0, len(data), step)]
        start = time.process_time()
        for piece in pieces:
            codec.receive(piece)  # type: ignore[attr-defined]
        return time.process_time() - start

    def linear(self, make: Callable[[], Framing], data: Callable[[int], bytes], step: int = 1) -> None:
        def least(size: int) -> float:
            return min(self.seconds(make(), data(size), step) for _ in range(5))

        few, many = least(self.SMALL), least(self.MANY)
        self.assertLess(many, 9 * few, f"{self.SMALL} bytes: {few:.4f} s, {self.MANY} bytes: {many:.4f} s")

    def server(self) -> ServerCodec:
        return ServerCodec(head_most=1 << 20, fields_most=1 << 20)

    def asked(self) -> ClientCodec:
        codec = ClientCodec(head_most=1 << 20, fields_most=1 << 20)
        codec.send(RequestHead(b"GET", b"/", Headers()))
        codec.send(END)
        return codec

    def test_head_of_one_line(self) -> None:
        self.linear(self.server, lambda size: b"GET /" + b"a" * size)

    def test_head_of_one_field(self) -> None:
        self.linear(self.server, lambda size: GET + b"A: " + b"b" * size)

    def test_head_of_many_fields(self) -> None:
        self.linear(self.server, lambda size: GET + b"A: b\r\n" * (size // 6))

    def test_head_of_many_fields_line_by_line(self) -> None:
        self.linear(self.server, lambda size: GET + b"A: b\r\n" * (size // 6), 6)

    def test_head_of_many_fields_behind_a_long_line(self) -> None:
        self.linear(
            self.server,
            lambda size: b"GET /" + b"a" * (size // 2) + b" HTTP/1.1\r\n" + b"A:\r\n" * (size // 8),
            4,
        )

    def test_whole_head_of_many_fields(self) -> None:
        for field in (b"A: b\r\n", b"TE: b\r\n", b"Connection: a\r\n", b"Connection: ,,,,,,,,,,,,,,,,\r\n"):
            self.linear(self.server, lambda size, field=field: GET + field * (size // 6) + b"\r\n", 1 << 20)

    def test_pipelined_requests(self) -> None:
        self.linear(self.server, lambda size: GET + b"\r\n" + b"x" * size)

    def test_chunks_of_one_byte(self) -> None:
        head = GET + b"Transfer-Encoding: chunked\r\n\r\n"
        for step in (1, 1 << 20):
            self.linear(self.server, lambda size: head + b"1\r\nx\r\n" * (size // 6), step)

    def test_trailers(self) -> None:
        head = GET + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
        self.linear(self.server, lambda size: head + b"A: " + b"b" * (size // 5))

    def test_head_of_a_response(self) -> None:
        self.linear(self.asked, lambda size: b"HTTP/1.1 200 " + b"a" * size)
        self.linear(self.asked, lambda size: b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (size // 6))

    def test_body(self) -> None:
        self.linear(self.server, lambda size: GET + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
        self.linear(self.asked, lambda size: b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * size)
