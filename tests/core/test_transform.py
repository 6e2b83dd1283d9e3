"""A body made of another: what comes out, who is held up, and what happens when either side gives up."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.core.test_body import MUCH, Said
from toron.core.body import Body
from toron.core.refusal import BODY_TOO_LARGE, CLIENT_GONE, Refusal
from toron.core.transform import transformed
from toron.wire.headers import Headers

TRAILERS = Headers([(b"a", b"1")])


class Capitals:
    """Writes capitals, swallows dots, does not like digits; tells at the end how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def data(self, data: bytes) -> bytes:
        self.asked += 1
        if data.isdigit():
            raise Refusal(CLIENT_GONE, "a digit")
        return data.replace(b".", b"").upper()

    def end(self, trailers: Headers | None) -> tuple[bytes, Headers | None]:
        if self.asked == 0:
            raise Refusal(CLIENT_GONE, "nothing")
        return b"%d" % self.asked, trailers


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.source, self.sink = Said(), Said()
        self.given = Body(self.source, 5)
        self.made: Any = None

    def begin(self, pour: bool = True) -> Body:
        made = self.made = transformed(self.given, Capitals())
        if pour:
            made.pour(self.sink)
        return made


class Bytes(Case):
    def test_pieces(self) -> None:
        self.begin()
        self.given.feed(b"a.b")
        self.given.flush()
        self.given.feed(b"..")
        self.given.end(TRAILERS)
        self.given.flush()
        said = [("data", b"AB"), "flush", ("data", b"2"), ("end", TRAILERS), "flush"]
        self.assertEqual(self.sink, said)
        self.assertIsNone(self.made.length)

    def test_what_is_here_already(self) -> None:
        self.given.feed(b"ab")
        self.given.feed(b"cd")
        self.given.end(TRAILERS)
        made = self.begin(pour=False)
        self.assertEqual((made.complete, made.trailers), (b"ABCD2", TRAILERS))

    def test_the_other_one_is_given_away(self) -> None:
        self.begin()
        self.assertRaises(RuntimeError, self.given.pour, Said())


class Pressure(Case):
    def test_nobody_takes_it(self) -> None:
        made = self.begin(pour=False)
        self.given.feed(b"x" * len(MUCH))
        self.assertEqual(self.source.new(), ["pause"])
        made.pour(self.sink)
        self.assertEqual(self.source.new(), ["resume"])

    def test_whoever_takes_it_is_full(self) -> None:
        self.begin()
        self.made.pause()
        self.assertEqual(self.source.new(), ["pause"])
        self.made.resume()
        self.assertEqual(self.source.new(), ["resume"])

    def test_nobody_is_held_up_after_the_end(self) -> None:
        self.begin()
        self.made.pause()
        self.given.end()
        self.assertEqual(self.source.new(), ["pause", "resume"])


class GivingUp(Case):
    def test_it_is_not_wanted(self) -> None:
        self.begin()
        self.made.stop()
        self.assertEqual(self.source.new(), ["stop"])
        self.given.feed(b"x")
        self.given.end()
        self.assertEqual(self.sink, [])

    def test_it_breaks_off(self) -> None:
        self.begin()
        error = Refusal(CLIENT_GONE)
        self.given.fail(error)
        self.given.flush()
        self.assertEqual(self.sink, [("failed", error), "flush"])

    def test_it_can_not_be_understood(self) -> None:
        self.begin()
        self.given.feed(b"ab")
        self.given.feed(b"7")
        self.given.feed(b"cd")
        self.assertEqual(self.sink, [("data", b"AB"), ("failed", self.made.error), "flush"])
        self.assertEqual(self.made.error.detail, "a digit")
        self.assertEqual(self.source.new(), ["stop"])

    def test_its_end_can_not_be_understood(self) -> None:
        self.begin()
        self.given.end()
        self.assertEqual(self.sink, [("failed", self.made.error), "flush"])
        self.assertEqual(self.source.new(), [])

    def test_what_is_here_already_can_not_be_understood(self) -> None:
        for piece in (b"7", b"ab", b"8"):
            self.given.feed(piece)
        self.given.end()
        made = self.begin(pour=False)
        assert isinstance(made.error, Refusal)
        self.assertEqual(made.received, 0)

    def test_it_grows_too_large(self) -> None:
        self.given.limit = 10
        made = self.begin()
        made.limit = 3
        self.given.feed(b"abc")
        self.given.feed(b"d")
        assert isinstance(made.error, Refusal)
        self.assertIs(made.error.reason, BODY_TOO_LARGE)
        self.assertEqual(self.source.new(), ["stop"])

    def test_the_limit_is_the_same(self) -> None:
        self.given.limit = 10
        self.assertEqual(self.begin().limit, 10)
