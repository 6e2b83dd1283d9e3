"""Connections by the ids of their servers: found, shared, replaced, forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.quic_ids import IDS_MOST, UNLIKELY, ConnectionIds, QuicConnection


def short(name: bytes) -> bytes:
    """A packet with a short header."""
    return b"\x40" + name + bytes(30)


class Ids(SynchronousTestCase):
    def setUp(self) -> None:
        self.ids = ConnectionIds()
        self.one = QuicConnection(b"first of one")
        self.two = QuicConnection(b"first of two")

    def test_found(self) -> None:
        self.ids.learn(self.one, b"four")
        self.ids.learn(self.two, b"eight by")
        self.assertIs(self.ids.named(b"four"), self.one)
        self.assertIsNone(self.ids.named(b"fou"))
        self.assertIs(self.ids.of_short(short(b"four")), self.one)
        self.assertIs(self.ids.of_short(short(b"eight by")), self.two)
        self.assertIsNone(self.ids.of_short(short(b"nobody's")))
        self.assertIsNone(self.ids.of_short(b"\x40"))

    def test_a_short_one_may_be_chance(self) -> None:
        self.ids.learn(self.one, b"four")
        self.ids.learn(self.two, b"eight by")
        self.assertIsNone(self.ids.of_short(short(b"four"), UNLIKELY))
        self.assertIs(self.ids.of_short(short(b"eight by"), UNLIKELY), self.two)

    def test_the_longest_one_counts(self) -> None:
        self.ids.learn(self.one, b"same")
        self.ids.learn(self.two, b"same and more")
        self.assertIs(self.ids.of_short(short(b"same and more")), self.two)
        self.assertIs(self.ids.of_short(short(b"same and less")), self.one)

    def test_whether_a_packet_is_to_a_connection(self) -> None:
        self.ids.learn(self.one, b"four")
        self.ids.learn(self.one, b"eight by")
        for name, wanted in ((b"four", True), (b"eight by", True), (b"five!", False)):
            self.assertIs(self.one.has(short(name)), wanted)
            long = b"\xc0\0\0\0\1" + bytes((len(name),)) + name + b"\0"
            self.assertIs(self.one.has(long), wanted)

    def test_none(self) -> None:
        self.ids.learn(self.one, b"")
        self.assertEqual((len(self.ids), self.one.ids), (0, {}))
        self.assertFalse(self.one.has(short(b"")))

    def test_the_same_one_twice(self) -> None:
        """The first keeps it; who else has it is still known by it at its own address."""
        self.ids.learn(self.one, b"same")
        self.ids.learn(self.two, b"same")
        self.assertIs(self.ids.named(b"same"), self.one)
        self.assertTrue(self.two.has(short(b"same")))
        self.ids.forget(self.two)
        self.assertIs(self.ids.named(b"same"), self.one)
        self.ids.forget(self.one)
        self.assertIsNone(self.ids.of_short(short(b"same")))

    def test_the_same_one_after_the_first_is_over(self) -> None:
        self.ids.learn(self.one, b"same")
        self.ids.learn(self.two, b"same")
        self.ids.forget(self.one)
        self.ids.learn(self.two, b"same")
        self.assertIs(self.ids.named(b"same"), self.two)

    def test_not_too_many(self) -> None:
        for number in range(3 * IDS_MOST):
            self.ids.learn(self.one, b"id %3d" % number)
        self.assertEqual((len(self.ids), len(self.one.ids)), (IDS_MOST, IDS_MOST))
        self.assertIsNone(self.ids.named(b"id   0"))
        self.assertIs(self.ids.named(b"id %3d" % (3 * IDS_MOST - 1)), self.one)

    @given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.binary(max_size=3))))
    def test_nothing_is_left(self, steps: list[tuple[int, bool, bytes]]) -> None:
        ids = ConnectionIds()
        all_of_them = [QuicConnection(b"%d" % number) for number in range(4)]
        for number, learns, name in steps:
            if learns:
                ids.learn(all_of_them[number], name)
                self.assertIs(ids.named(name) is None, not name)
            else:
                ids.forget(all_of_them[number])
        for each in all_of_them:
            self.assertLessEqual(len(each.ids), IDS_MOST)
            ids.forget(each)
        self.assertEqual((len(ids), ids._sizes, +ids._counts), (0, (), {}))
