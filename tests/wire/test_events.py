"""Events compare by what they say, and the one that is raised can be reported like any error."""

from __future__ import annotations

import traceback

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.events import (
    Data,
    End,
    GoingAway,
    Malformed,
    RequestHead,
    Reset,
    ResponseHead,
    Room,
    Upgraded,
)
from toron.wire.headers import Headers


class Events(SynchronousTestCase):
    def test_equal_by_what_they_say(self) -> None:
        for same in (
            lambda: RequestHead(b"GET", b"/", Headers([(b"A", b"b")])),
            lambda: ResponseHead(200, Headers([(b"A", b"b")])),
            lambda: Data(b"x"),
            lambda: End(Headers([(b"A", b"b")])),
            lambda: Upgraded(b"x"),
            lambda: Malformed("bad_chunk", "x"),
            lambda: Reset(8, True),
            lambda: Room(),
            lambda: GoingAway(2, b"x"),
        ):
            self.assertEqual(same(), same())
        self.assertNotEqual(Data(b"x"), Data(b"y"))
        self.assertNotEqual(Data(b""), Upgraded(b""))
        self.assertNotEqual(ResponseHead(200, Headers()), ResponseHead(201, Headers()))
        self.assertNotEqual(Malformed("bad_chunk"), Malformed("bad_trailer"))
        self.assertNotEqual(Reset(8), Reset(8, True))
        self.assertNotEqual(GoingAway(0), GoingAway(1))
        self.assertNotEqual(Room(), End())

    def test_nothing_is_assumed_of_a_request(self) -> None:
        head = RequestHead(b"GET", b"/", Headers())
        self.assertEqual((head.length, head.upgrade, head.authority), (0, b"", b""))
        self.assertFalse(head.expects_continue or head.accepts_trailers)
        self.assertIsNone(ResponseHead(200, Headers()).length)

    def test_malformed_can_be_raised_and_reported(self) -> None:
        error = Malformed("bad_chunk", "seen")
        self.assertIn(error, {error})
        try:
            raise RuntimeError("what it led to") from error
        except RuntimeError:
            text = traceback.format_exc()
            failure = Failure()
        self.assertIn("bad_chunk", text)
        self.assertIn("seen", text)
        self.assertIn("what it led to", failure.getTraceback())
