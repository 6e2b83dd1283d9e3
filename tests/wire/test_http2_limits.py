"""Floods end the connection with ENHANCE_YOUR_CALM, at their limit and not before."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.http2_conversations import (
    ACK,
    HELLO,
    Peer,
    asked,
    block,
    data,
    frame,
    headers,
    number,
    settings,
    window,
)
from toron.wire.events import Data, Malformed, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http2 import Http2Limits, Http2ServerCodec
from toron.wire.http2_limits import Bucket


class Buckets(SynchronousTestCase):
    def test_so_many_at_once_and_then_so_many_a_second(self) -> None:
        bucket = Bucket(3, 2)
        self.assertEqual([bucket.take(100.0) for _ in range(4)], [True, True, True, False])
        self.assertEqual([bucket.take(100.4), bucket.take(100.5), bucket.take(100.5)], [False, True, False])
        self.assertEqual([bucket.take(1000.0) for _ in range(4)], [True, True, True, False])

    def test_without_a_clock(self) -> None:
        bucket = Bucket(2, 1000)
        self.assertEqual([bucket.take(0.0) for _ in range(3)], [True, True, False])

    def test_given_back(self) -> None:
        bucket = Bucket(1, 0)
        bucket.give(1)
        self.assertEqual([bucket.take(0.0), bucket.take(0.0)], [True, False])
        bucket.give(1)
        self.assertTrue(bucket.take(0.0))


class Floods(SynchronousTestCase):
    def flood(
        self, word: str, make: Callable[[int], bytes], most: int, limits: Http2Limits, before: bytes = b""
    ) -> Http2ServerCodec:
        """`most` of them pass, and one more does not."""
        codec = Http2ServerCodec(limits)
        codec.receive(HELLO + before)
        for each in range(most):
            codec.receive(make(each), 1.0)
            self.assertFalse(codec.broken, f"after {each}")
        codec.outgoing()
        events = codec.receive(make(most), 1.0)
        self.assertEqual([(s, e.word) for s, e in events if isinstance(e, Malformed)][-1], (0, word))
        said = Peer().read(codec.outgoing())
        self.assertEqual((said[-1][0], said[-1][2]), ("GOAWAY", "ENHANCE_YOUR_CALM"))
        self.assertEqual(codec.receive(make(most), 9.0), [])
        self.assertEqual((codec.outgoing(), codec.open), (b"", 0))
        return codec

    def test_pings(self) -> None:
        limits = Http2Limits(pings=5)
        self.flood("ping_flood", lambda _: frame("PING", 0, b"12345678"), 5, limits)
        self.flood("ping_flood", lambda _: frame("PING", 0, b"12345678", ACK), 5, limits)

    def test_settings(self) -> None:
        limits = Http2Limits(settings=5)
        self.flood("settings_flood", lambda _: settings(), 5, limits)
        self.flood("settings_flood", lambda _: frame("SETTINGS", 0, b"", ACK), 5, limits)

    def test_frames_for_nothing(self) -> None:
        limits = Http2Limits(frames=5)
        put = headers(1, asked(method="PUT"))
        over = headers(3, asked(), ends=True) + frame("RST_STREAM", 3, number(8))
        for make in (
            lambda _: window(1, 1),
            lambda _: window(0, 1),
            lambda _: frame("PRIORITY", 9, bytes(5)),
            lambda _: frame(200, 0, b"x"),
            lambda _: frame("GOAWAY", 0, bytes(8)),
            lambda _: frame("RST_STREAM", 3, number(8)),
        ):
            self.flood("frame_flood", make, 5, limits, put + over)

    def test_window_updates_for_what_was_sent(self) -> None:
        codec = Http2ServerCodec(Http2Limits(frames=5))
        codec.receive(HELLO + headers(1, asked(), ends=True))
        codec.send(1, ResponseHead(200, Headers()))
        for _ in range(100):
            codec.send(1, Data(b"x"))
            codec.receive(window(1, 1) + window(0, 1) if _ % 2 else b"", 1.0)
        self.assertFalse(codec.broken)

    def test_frames_that_are_empty(self) -> None:
        limits = Http2Limits(empty_frames=5)
        put = headers(1, asked(method="PUT"))
        for make in (
            lambda _: data(1, b""),
            lambda _: frame("DATA", 1, b"\x05" + bytes(5), 8),
            lambda _: data(7, b""),
        ):
            before = put + headers(7, asked(method="PUT")) + frame("RST_STREAM", 7, number(8))
            if make(0)[8] == 7:
                before = put + headers(7, asked(("A", "b")))
            self.flood("empty_frames", make, 5, limits, before)
        self.flood(
            "empty_frames",
            lambda _: frame("CONTINUATION", 1),
            4,
            Http2Limits(empty_frames=5, continuations=99),
            frame("HEADERS", 1),
        )

    def test_empty_frames_between_others(self) -> None:
        codec = Http2ServerCodec(Http2Limits(empty_frames=2))
        codec.receive(HELLO + headers(1, asked(method="PUT")))
        for _ in range(20):
            codec.receive(data(1, b"") * 2 + data(1, b"x"))
        codec.receive(data(1, b"") * 2 + data(1, b"", ends=True))
        self.assertFalse(codec.broken)

    def test_continuations(self) -> None:
        """CVE-2024-27316: a head without an end."""
        self.flood(
            "continuation_flood",
            lambda _: frame("CONTINUATION", 1, b"\x00"),
            8,
            Http2Limits(),
            frame("HEADERS", 1, b"\x00"),
        )

    def test_large_heads(self) -> None:
        limits = Http2Limits(head_most=1000)
        self.flood(
            "head_too_large",
            lambda _: frame("CONTINUATION", 1, bytes(200)),
            4,
            limits,
            frame("HEADERS", 1, bytes(200)),
        )
        # Larger only when it is decoded.
        before = headers(1, asked(), ends=True)
        entry = b"\x40\x01a\x7f\x81\x01" + b"b" * 256
        for bomb in (b"\xbe" * 4, block(("x", "y" * 1000))):
            codec = Http2ServerCodec(limits)
            codec.receive(HELLO + before)
            codec.receive(frame("HEADERS", 3, block(*asked()) + entry, 5))
            self.assertFalse(codec.broken)
            self.assertEqual(codec.receive(frame("HEADERS", 5, block(*asked()) + bomb, 5))[-1][0], 0)
            self.assertEqual(Peer().read(codec.outgoing())[-1], ("GOAWAY", 3, "ENHANCE_YOUR_CALM"))

    def test_refused_streams(self) -> None:
        """As many as it likes until it knows how many there may be; then they cost."""
        codec = Http2ServerCodec(Http2Limits(streams=1, resets=3))
        codec.receive(HELLO)
        for stream in range(1, 41, 2):
            codec.receive(headers(stream, asked()))
        self.assertFalse(codec.broken)
        codec.receive(frame("SETTINGS", 0, b"", ACK))
        codec.receive(b"".join(headers(stream, asked()) for stream in range(41, 47, 2)))
        self.assertFalse(codec.broken)
        self.assertEqual(codec.receive(headers(47, asked())), [(0, Malformed("rapid_reset"))])

    def test_what_is_kept_is_bounded(self) -> None:
        """Streams that are over leave nothing behind but the numbers of the last ones we have reset."""
        codec = Http2ServerCodec(Http2Limits(resets=10000))
        codec.receive(HELLO)
        for stream in range(1, 2001, 2):
            codec.receive(headers(stream, asked(("A", "b"))))
        self.assertFalse(codec.broken)
        self.assertEqual((codec.open, len(codec._ours)), (0, 256))
        codec.receive(data(1999, b"x"))
        self.assertFalse(codec.broken)
        codec.receive(data(1, b"x"))
        self.assertTrue(codec.broken)
