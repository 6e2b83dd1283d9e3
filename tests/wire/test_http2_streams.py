"""A stream counts its bodies both ways."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.wire.events import Malformed
from toron.wire.http2_streams import BODY, DONE, HEAD, Stream


class Counting(SynchronousTestCase):
    def test_what_comes(self) -> None:
        stream = Stream(1, 10, 10)
        stream.expected = 5
        stream.came(2)
        self.assertEqual(self.assertRaises(Malformed, stream.came, 4).word, "body_length")
        self.assertEqual(self.assertRaises(Malformed, stream.ended).word, "body_length")
        stream.came(3)
        stream.ended()
        self.assertEqual((stream.reading, stream.writing), (DONE, HEAD))

    def test_of_any_length(self) -> None:
        stream = Stream(1, 10, 10)
        stream.came(1 << 40)
        stream.ended()
        stream.said(1 << 40)

    def test_what_is_said(self) -> None:
        stream = Stream(1, 10, 10)
        stream.writing = BODY
        stream.owed = 5
        stream.said(5)
        self.assertRaises(ValueError, stream.said, 1)
        self.assertEqual(stream.owed, 0)

    def test_dropped(self) -> None:
        stream = Stream(1, 10, 10)
        stream.queued = 5
        stream.ending = True
        stream.trailers = [(b"x", b"y")]
        stream.drop()
        self.assertEqual((stream.queue, stream.queued, stream.ending, stream.trailers), (None, 0, False, []))
