"""A body is sent again only where all of it was kept."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.core.body import Body
from toron.services._sending import Sending
from toron.wire.headers import Headers


class Keeping(SynchronousTestCase):
    """At most ten bytes."""

    def test_a_small_body_that_is_here(self) -> None:
        trailers = Headers([(b"A", b"b")])
        body = Body(None, None)
        body.feed(b"0123456789")
        body.end(trailers)
        sending = Sending(body, 10)
        self.assertTrue(sending.repeatable)
        self.assertIs(sending.take(), body)
        self.assertTrue(sending.repeatable)
        again = sending.take()
        self.assertEqual((again.complete, again.trailers, again.length), (b"0123456789", trailers, None))

    def test_one_that_is_too_large_or_still_coming(self) -> None:
        coming = Body(None, 5)
        coming.feed(b"01234")
        for body in (Body.of(b"0123456789a"), coming):
            sending = Sending(body, 10)
            self.assertTrue(sending.repeatable, "nothing was given away yet")
            sending.take()
            self.assertFalse(sending.repeatable)
