"""A stream counts its bodies both ways, and knows what may be answered and what of it waits."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.wire.events import Malformed, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http2_streams import BODY, DONE, HEAD, NOTHING, Stream, StreamMessages


class Counting(SynchronousTestCase):
    def setUp(self) -> None:
        self.stream = StreamMessages()
        self.stream.set_up(4)

    def test_a_new_one(self) -> None:
        stream = self.stream
        self.assertEqual((stream.id, stream.reading, stream.writing), (4, HEAD, HEAD))

    def test_what_comes(self) -> None:
        stream = self.stream
        stream.expected = 5
        stream.came(2)
        less = self.assertRaises(Malformed, stream.ended)
        self.assertEqual((less.word, less.detail), ("body_length", "3 bytes less than announced"))
        self.assertEqual(self.assertRaises(Malformed, stream.came, 4).word, "body_length")
        self.assertEqual(stream.reading, HEAD)
        stream.came(3)
        stream.ended()
        self.assertEqual((stream.reading, stream.writing), (DONE, HEAD))

    def test_of_any_length(self) -> None:
        stream = self.stream
        stream.came(1 << 40)
        stream.said(1 << 40)
        stream.ended()
        self.assertEqual((stream.reading, stream.expected, stream.owed), (DONE, -1, -1))

    def test_what_is_said(self) -> None:
        stream = self.stream
        stream.owed = 5
        stream.said(5)
        self.assertRaises(ValueError, stream.said, 1)
        self.assertEqual(stream.owed, 0)


class Answering(SynchronousTestCase):
    """Heads of responses; what they become as bytes is in the tests of the codecs."""

    def setUp(self) -> None:
        self.stream = StreamMessages()
        self.stream.set_up(1)

    def answer(self, status: int, length: int | None = None, upgrade: bytes = b"") -> list[bytes]:
        """The status and the length that are said."""
        fields = dict(self.stream.answer(ResponseHead(status, Headers(), length=length, upgrade=upgrade)))
        return [fields[b":status"], fields.get(b"content-length", b"")]

    def test_with_a_body(self) -> None:
        self.assertEqual(self.answer(200, 5), [b"200", b"5"])
        self.assertEqual((self.stream.writing, self.stream.owed), (BODY, 5))
        self.assertRaises(ValueError, self.answer, 200)

    def test_of_any_length(self) -> None:
        self.assertEqual(self.answer(200), [b"200", b""])
        self.assertEqual((self.stream.writing, self.stream.owed), (BODY, -1))

    def test_without_a_body(self) -> None:
        self.stream.method = b"HEAD"
        self.assertEqual(self.answer(200, 5), [b"200", b"5"])
        self.assertEqual((self.stream.writing, self.stream.owed), (NOTHING, -1))

    def test_whose_length_is_left_out(self) -> None:
        self.assertEqual(self.answer(304, 5), [b"304", b""])
        self.assertEqual(self.stream.writing, NOTHING)

    def test_ahead_of_the_final_one(self) -> None:
        self.assertEqual(self.answer(103), [b"103", b""])
        self.assertEqual(self.stream.writing, HEAD)

    def test_that_is_none(self) -> None:
        for status in (99, 1000):
            self.assertRaises(ValueError, self.answer, status)
        bad = ResponseHead(200, Headers([(b"X", b"a\r\nb: c")]), length=5)
        self.assertRaises(ValueError, self.stream.answer, bad)
        self.assertEqual((self.stream.writing, self.stream.owed), (HEAD, -1))

    def test_a_tunnel(self) -> None:
        self.assertRaises(ValueError, self.answer, 101, None, b"websocket")
        self.stream.upgrade = b"websocket"
        self.assertRaises(ValueError, self.answer, 101)
        self.assertRaises(ValueError, self.answer, 101, None, b"other")
        self.assertEqual(self.answer(101, None, b"websocket"), [b"200", b""])
        self.assertEqual((self.stream.writing, self.stream.upgrade), (BODY, b"websocket"))

    def test_no_tunnel(self) -> None:
        self.stream.upgrade = b"websocket"
        self.assertEqual(self.answer(200, 5), [b"502", b"5"])
        self.assertEqual((self.stream.writing, self.stream.upgrade), (BODY, b""))


class Waiting(SynchronousTestCase):
    def test_a_new_one(self) -> None:
        stream = Stream(1, 10, 20)
        self.assertEqual((stream.id, stream.reading, stream.expected), (1, HEAD, -1))
        self.assertEqual((stream.left, stream.room, stream.queued), (10, 20, 0))

    def test_dropped(self) -> None:
        stream = Stream(1, 10, 10)
        stream.queued = 5
        stream.ending = True
        stream.trailers = [(b"x", b"y")]
        stream.drop()
        waiting = (stream.queue, stream.queued, stream.ending, stream.trailers)
        self.assertEqual(waiting, (None, 0, False, None))
