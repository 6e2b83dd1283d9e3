"""Header fields: order and spelling kept, found without regard to case."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.headers import Headers, fold, headers_of

ABC = [(b"Accept", b"a, b"), (b"X-Y", b"1"), (b"ACCEPT", b"c"), (b"x-z", b"")]


class Reading(SynchronousTestCase):
    def test_get_finds_the_first_of_any_spelling(self) -> None:
        headers = Headers(ABC)
        self.assertEqual(headers.get(b"accept"), b"a, b")
        self.assertEqual(headers.get(b"x-z"), b"")
        self.assertIsNone(headers.get(b"x-none"))
        self.assertEqual(headers.get(b"x-none", b"d"), b"d")

    def test_get_all_keeps_order(self) -> None:
        self.assertEqual(Headers(ABC).get_all(b"accept"), [b"a, b", b"c"])
        self.assertEqual(Headers(ABC).get_all(b"x-none"), [])

    def test_listed_joins_lines_and_leaves_out_what_is_empty(self) -> None:
        headers = Headers([(b"A", b" a,\t b ,,"), (b"a", b""), (b"A", b"c")])
        self.assertEqual(headers.listed(b"a"), [b"a", b"b", b"c"])
        self.assertEqual(headers.listed(b"b"), [])

    def test_iterates_as_it_came(self) -> None:
        headers = Headers(iter(ABC))
        self.assertEqual(list(headers), ABC)
        self.assertEqual(len(headers), 4)
        self.assertIn(b"x-y", headers)
        self.assertNotIn(b"X-Y", headers, "names are asked for in lower case")
        self.assertEqual(len(Headers()), 0)

    def test_repr_shows_the_fields(self) -> None:
        self.assertEqual(repr(Headers([(b"A", b"b")])), "Headers([(b'A', b'b')])")


class Changing(SynchronousTestCase):
    def test_add_is_last(self) -> None:
        headers = Headers(ABC)
        headers.add(b"X-y", b"2")
        self.assertEqual(headers.get_all(b"x-y"), [b"1", b"2"])
        headers.add(b"New", b"n")
        self.assertEqual(headers.get(b"new"), b"n")

    def test_set_takes_the_place_of_the_first(self) -> None:
        headers = Headers(ABC)
        headers.set(b"accept", b"d")
        self.assertEqual(headers.fields, [(b"accept", b"d"), (b"X-Y", b"1"), (b"x-z", b"")])
        self.assertEqual(headers.get(b"accept"), b"d")

    def test_set_adds_what_is_new(self) -> None:
        headers = Headers(ABC)
        headers.set(b"New", b"n")
        self.assertEqual(headers.fields, [*ABC, (b"New", b"n")])

    def test_remove_takes_all(self) -> None:
        headers = Headers(ABC)
        self.assertTrue(headers.remove(b"accept"))
        self.assertEqual(headers.fields, [(b"X-Y", b"1"), (b"x-z", b"")])
        self.assertIsNone(headers.get(b"accept"))
        self.assertFalse(headers.remove(b"accept"))

    def test_a_copy_is_another(self) -> None:
        headers = Headers(ABC)
        copy = headers.copy()
        self.assertEqual(copy, headers)
        copy.set(b"x-y", b"2")
        self.assertEqual(headers.get(b"x-y"), b"1")
        self.assertNotEqual(copy, headers)

    def test_not_equal_to_a_list(self) -> None:
        self.assertNotEqual(Headers(ABC), ABC)

    def test_taken_over_with_an_index(self) -> None:
        headers = headers_of([(b"A", b"1")], {b"a": b"1"})
        headers.add(b"B", b"2")
        self.assertEqual(headers.get(b"b"), b"2")
        headers.remove(b"a")
        self.assertIsNone(headers.get(b"a"))

    names = st.sampled_from([b"A", b"a", b"B", b"b", b"C"])
    change = st.one_of(
        st.tuples(st.just("add"), names, st.binary(max_size=2)),
        st.tuples(st.just("set"), names, st.binary(max_size=2)),
        st.tuples(st.just("remove"), names, st.just(b"")),
    )

    @given(st.lists(st.tuples(names, st.binary(max_size=2)), max_size=5), st.lists(change, max_size=8))
    def test_what_is_found_is_what_is_there(
        self, fields: list[tuple[bytes, bytes]], changes: list[tuple[str, bytes, bytes]]
    ) -> None:
        headers = Headers(fields)
        for what, name, value in changes:
            if what == "remove":
                headers.remove(name.lower())
            else:
                getattr(headers, what)(name, value)
            for lower in (b"a", b"b", b"c"):
                there = [v for n, v in headers.fields if n.lower() == lower]
                self.assertEqual(headers.get_all(lower), there)
                self.assertEqual(headers.get(lower), there[0] if there else None)
                self.assertEqual(lower in headers, bool(there))


class Folding(SynchronousTestCase):
    @given(st.binary(max_size=80))
    def test_is_lower_case(self, name: bytes) -> None:
        self.assertEqual(fold(name), name.lower())
        self.assertEqual(fold(name), name.lower())

    def test_names_made_up_do_not_pile_up(self) -> None:
        spellings = fold.__self__  # type: ignore[attr-defined]
        for number in range(10_000):
            fold(b"X-%d" % number)
        self.assertLessEqual(len(spellings), 4096)
        long = b"X" * 1000
        self.assertEqual(fold(long), b"x" * 1000)
        self.assertNotIn(long, spellings)
        self.assertEqual(fold(b"Content-Type"), b"content-type")
