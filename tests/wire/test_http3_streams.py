"""A stream knows the frame it is in."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.wire.http2_streams import HEAD
from toron.wire.http3_streams import RequestStream


class Streams(SynchronousTestCase):
    def test_a_new_one(self) -> None:
        stream = RequestStream(4)
        self.assertEqual((stream.id, stream.reading, stream.writing), (4, HEAD, HEAD))
        self.assertEqual((stream.held, stream.kind, stream.left, stream.trailers), (b"", -1, 0, None))
