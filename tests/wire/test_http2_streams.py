"""A stream knows what of it waits."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.wire.http2_streams import Stream
from toron.wire.stream_messages import HEAD


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
