"""Tests of how far the messages of a stream are."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.wire.events import Malformed
from toron.wire.http3_streams import DONE, HEAD, RequestStream


class Streams(SynchronousTestCase):
    def test_a_new_one(self) -> None:
        stream = RequestStream(4)
        self.assertEqual((stream.id, stream.reading, stream.writing), (4, HEAD, HEAD))

    def test_any_length_will_do_where_none_was_announced(self) -> None:
        stream = RequestStream(0)
        for _ in range(3):
            stream.came(1000)
            stream.said(1000)
        stream.ended()
        self.assertEqual(stream.reading, DONE)

    def test_the_length_that_was_announced(self) -> None:
        stream = RequestStream(0)
        stream.expected = 5
        stream.came(2)
        less = self.assertRaises(Malformed, stream.ended)
        self.assertEqual((less.word, less.detail), ("body_length", "3 bytes less than announced"))
        self.assertEqual(self.assertRaises(Malformed, stream.came, 4).word, "body_length")
        stream.came(3)
        stream.ended()
        self.assertEqual(stream.reading, DONE)

    def test_more_than_we_announced(self) -> None:
        stream = RequestStream(0)
        stream.owed = 5
        stream.said(5)
        self.assertRaises(ValueError, stream.said, 1)
