"""Resets and priorities: what they say to the user, and what they may not be."""

from __future__ import annotations

from tests.wire.http2_conversations import END, HELLO, Peer, asked, code, data, frame, headers, number, window
from tests.wire.test_http2_server import OK, Talks, head
from toron.wire.events import Data, Malformed, Reset
from toron.wire.http2 import Http2ServerCodec

PUT = (1, head(b"PUT", b"/", None))
OPEN = headers(1, asked(method="PUT"))


class Steered(Talks):
    def test_reset_in_the_middle(self) -> None:
        """Of a request and of a response; with any code, also one that nobody knows."""
        for error in (0, 8, 11, 0xFFFFFFFF):
            codec = self.serve(
                ("in", OPEN + data(1, b"ab"), PUT, (1, Data(b"ab"))),
                ("say", 1, OK, Data(b"x" * 99_999)),
                ("in", frame("RST_STREAM", 1, number(error)), (1, Reset(error))),
                ("do", "outgoing"),
                ("in", window(0, 99_999)),
                ("say", 1, Data(b"x"), END),
                ("do", "reset", 1, code("CANCEL")),
                ("out",),
            )
            self.assertEqual((codec.open, codec.queued(1)), (0, 0))

    def test_more_after_a_reset(self) -> None:
        """Whoever gives a stream up says no more on it."""
        for late in (data(1, b"x"), headers(1, [("x", "y")], ends=True)):
            codec = Http2ServerCodec()
            codec.receive(HELLO + OPEN + frame("RST_STREAM", 1, number(8)))
            self.assertEqual([type(event) for _, event in codec.receive(late)], [Malformed])
            self.assertEqual(Peer().read(codec.outgoing())[-1], ("GOAWAY", 1, "STREAM_CLOSED"))

    def test_twice(self) -> None:
        self.serve(
            ("in", OPEN + frame("RST_STREAM", 1, number(8)) * 2, PUT, (1, Reset(8))),
            ("in", window(1, 1) + frame("PRIORITY", 1, number(3) + b"\0")),
        )

    def test_a_window_that_opens_step_by_step(self) -> None:
        codec = Http2ServerCodec()
        codec.receive(HELLO + headers(1, asked(), ends=True))
        codec.send(1, OK)
        codec.send(1, Data(b"x" * 65535))
        codec.send(1, Data(b"abcdef"))
        codec.send(1, END)
        codec.receive(window(0, 100))
        codec.outgoing()
        for each in b"abcdef":
            codec.receive(window(1, 1))
            self.assertEqual(codec.outgoing()[9:], bytes([each]))
        self.assertEqual(codec.open, 0)
