"""The HTTP codecs say and understand the same compiled as in pure Python, whatever comes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.wire.http2_conversations import HELLO
from tests.wire.http2_conversations import settings as settings_frame
from tests.wire.test_http2 import anything
from toron import compiled
from toron.wire.events import Data, End, RequestHead, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http1 import ClientCodec, ServerCodec
from toron.wire.http2 import Http2ClientCodec, Http2ServerCodec

_PIECES = (
    b"GET / HTTP/1.1\r\n", b"POST /a?b HTTP/1.1\r\n", b"GET http://a/ HTTP/1.0\r\n", b"HEAD * HTTP/1.1\r\n",
    b"Host: a\r\n", b"Host:a:80\r\n", b"Content-Length: 3\r\n", b"Content-Length: 03, 3\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Connection: close, x-a\r\n", b"Connection: keep-alive\r\n",
    b"X-A: b\r\n", b"x_a : b\r\n", b" folded\r\n", b"Expect: 100-continue\r\n",
    b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"TE: trailers\r\n", b"\r\n", b"\n", b"\r", b"abc",
    b"3\r\nabc\r\n", b"0\r\n\r\n", b"0\r\nT: 1\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404 \r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 204\r\n", b"Content_Length: 1\r\n", b"Cookie: a=b\xff\r\n",
    b"\x00", b":", b" ",
)  # fmt: skip

_WHOLE = [
    b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nDate: x\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
]

segments = st.lists(
    st.one_of(
        st.sampled_from(_WHOLE),
        st.lists(st.sampled_from(_PIECES), max_size=8).map(b"".join),
        st.binary(max_size=20),
    ),
    max_size=5,
)


def conversation(side: str, said: list[bytes]) -> list[str]:
    """What a codec makes of these segments, and what it says where it may; as text."""
    codec: Any = ServerCodec() if side == "server" else ClientCodec()
    seen: list[str] = []
    for segment in said:
        if side == "client" and codec.writing == "head":
            codec.send(RequestHead(b"GET", b"/", Headers([(b"Host", b"a")])))
            codec.send(End())
        for event in codec.receive(segment):
            seen.append(repr(event))
            if side == "server" and type(event) is End and codec.writing == "head":
                try:
                    codec.send(ResponseHead(200, Headers([(b"X-Seen", segment[:9])]), length=2))
                    codec.send(Data(b"ok"))
                    codec.send(End())
                except ValueError as error:
                    seen.append(f"{error}")
        seen.append(f"{codec.reading} {codec.writing} {codec.pending} {codec.outgoing()!r}")
    seen.extend(map(repr, codec.receive_eof()))
    return seen


def many_conversations(side: str, said: list[bytes]) -> list[str]:
    """The same of a codec of HTTP/2."""
    codec: Any = Http2ServerCodec() if side == "http2 server" else Http2ClientCodec()
    seen: list[str] = []
    if side == "http2 server":
        codec.receive(HELLO)
    else:
        codec.receive(settings_frame({8: 1}))
        for _ in range(4):
            codec.request(RequestHead(b"PUT", b"/", Headers([(b"Host", b"a")]), length=None))
    for segment in said:
        for stream, event in codec.receive(segment, float(len(seen))):
            seen.append(f"{stream} {event!r}")
            if type(event) is RequestHead:
                codec.send(stream, ResponseHead(200, Headers([(b"X-Seen", event.target)])))
                codec.send(stream, Data(b"x" * 70_000))
                codec.send(stream, End(Headers([(b"t", b"u")])))
            elif type(event) is Data:
                codec.credit(stream, len(event.data))
        seen.append(f"{codec.open} {codec.broken} {codec.outgoing()!r}")
    return seen


def answer_lines() -> None:
    """The twin: a line of JSON with a side and segments comes in, a line with the conversation goes out."""
    for line in sys.stdin:
        side, said = json.loads(line)
        hold = many_conversations if side.startswith("http2") else conversation
        sys.stdout.write(json.dumps(hold(side, [base64.b64decode(s) for s in said])) + "\n")
        sys.stdout.flush()


class TwinTests(SynchronousTestCase):
    twin: subprocess.Popen[str]

    def setUp(self) -> None:
        said = compiled.described(os.environ)
        if said != "compiled":
            raise SkipTest(f"there is one twin only: {said}")
        self.twin = subprocess.Popen(
            [sys.executable, "-c", "import tests.wire.test_compiled as t; t.answer_lines()"],
            env=os.environ | {compiled.SWITCH: "1"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=os.path.dirname(os.path.dirname(compiled.__file__)),
        )  # fmt: skip
        self.addCleanup(self.end_twin)

    def end_twin(self) -> None:
        self.twin.communicate(timeout=30)

    def ask_twin(self, side: str, said: list[bytes]) -> list[str]:
        assert self.twin.stdin is not None and self.twin.stdout is not None
        self.twin.stdin.write(json.dumps([side, [base64.b64encode(s).decode() for s in said]]) + "\n")
        self.twin.stdin.flush()
        found: list[str] = json.loads(self.twin.stdout.readline())
        return found

    def test_the_twin_is_another(self) -> None:
        self.assertTrue(sys.modules["toron.wire.headers"].__file__.endswith(".so"))  # type: ignore[union-attr]
        self.assertIn("RequestHead(", self.ask_twin("server", _WHOLE[:1])[0])

    def test_the_server_side(self) -> None:
        @given(segments)
        def same(said: list[bytes]) -> None:
            self.assertEqual(conversation("server", said), self.ask_twin("server", said))

        same()

    def test_http2(self) -> None:
        @given(st.sampled_from(("http2 server", "http2 client")), anything)
        def same(side: str, said: list[bytes]) -> None:
            self.assertEqual(many_conversations(side, said), self.ask_twin(side, said))

        same()

    def test_the_client_side(self) -> None:
        @given(segments)
        def same(said: list[bytes]) -> None:
            self.assertEqual(conversation("client", said), self.ask_twin("client", said))

        same()
