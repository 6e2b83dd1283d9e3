"""Heads become field lists that read back as they were, and none that would smuggle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.events import RequestHead, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http2_fields import read_request, read_response, read_trailers
from toron.wire.http2_heads import request_fields, response_fields, trailer_fields, tunnel_fields

names = st.sampled_from([b"x-a", b"accept", b"x-b", b"set-cookie"])
values = st.text("abc \t;=/\xe4", max_size=9).map(lambda text: text.strip(" \t").encode("latin-1"))
fields = st.lists(st.tuples(names, values), max_size=5)


class Heads(SynchronousTestCase):
    def test_requests(self) -> None:
        @given(
            fields,
            st.sampled_from([b"GET", b"POST", b"X"]),
            st.sampled_from([b"/", b"/a?b"]),
            st.none() | st.integers(0, 9),
        )
        def back(more: list[tuple[bytes, bytes]], method: bytes, target: bytes, length: int | None) -> None:
            head = RequestHead(method, target, Headers([(b"Host", b"a"), *more]), b"a", (2, 0), length)
            self.assertEqual(read_request(request_fields(head, b"https", length), False, 100), head)

        back()

    def test_responses(self) -> None:
        @given(fields, st.integers(200, 599), st.none() | st.integers(0, 9))
        def back(more: list[tuple[bytes, bytes]], status: int, length: int | None) -> None:
            head = ResponseHead(status, Headers(more), b"", (2, 0), length)
            self.assertEqual(read_response(response_fields(status, head.headers, length), 100), head)

        back()

    def test_trailers(self) -> None:
        made = trailer_fields(Headers([(b"X-A", b"b"), (b"Connection", b"x"), (b"Host", b"x")]))
        self.assertEqual(made, [(b"x-a", b"b")])
        self.assertEqual(read_trailers(made, 9), Headers(made))

    def test_tunnels(self) -> None:
        answer = ResponseHead(
            101, Headers([(b"Sec-WebSocket-Accept", b"x"), (b"X", b"y")]), upgrade=b"websocket"
        )
        self.assertEqual(tunnel_fields(answer), [(b":status", b"200"), (b"x", b"y")])

    def test_nothing_that_would_be_more_than_a_field(self) -> None:
        """Whatever made it, it goes no further, the second time no more than the first."""
        for field in (
            (b"x", b"a\r\nb: c"), (b"x", b"a\n"), (b"x", b"\0"), (b"a b", b""), (b"a:", b""),
            (b":path", b"/"), (b"", b""), (b"x\r\ny", b""), (b"x" * 300, b"\n"),
        ):  # fmt: skip
            for _ in range(2):
                self.assertRaises(ValueError, response_fields, 200, Headers([field]), None)
                self.assertRaises(ValueError, trailer_fields, Headers([field]))
                self.assertRaises(
                    ValueError, request_fields, RequestHead(b"GET", b"/", Headers([field])), b"http", None
                )

    def test_nothing_that_would_be_another_request(self) -> None:
        for head in (
            RequestHead(b"G T", b"/", Headers()), RequestHead(b"", b"/", Headers()),
            RequestHead(b"G\n", b"/", Headers()), RequestHead(b"GET", b"/ HTTP/1.1", Headers()),
            RequestHead(b"GET", b"", Headers()), RequestHead(b"GET", b"/\r\n", Headers()),
            RequestHead(b"GET", b"/#", Headers()),
            RequestHead(b"GET", b"/", Headers(), b"a\r\nb"),
            RequestHead(b"GET", b"/", Headers(), b"a", upgrade=b"websocket"),
        ):  # fmt: skip
            for _ in range(2):
                self.assertRaises(ValueError, request_fields, head, b"https", None)
