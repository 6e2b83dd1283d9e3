"""Tests of field sections, against another implementation and against nonsense."""

from __future__ import annotations

import pylsqpack
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.hpack_decoder import HpackError, TooLarge
from toron.wire.http3_qpack import decode, encode

Fields = list[tuple[bytes, bytes]]

REQUEST: Fields = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":authority", b"www.example.com"),
    (b":path", b"/index.html?a=b"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64)"),
    (b"accept-encoding", b"gzip, deflate, br"),
    (b"x-of-our-own", b"caf\xe9 \xff"),
    (b"cookie", b"a=" + b"b" * 5000),
]

some_fields = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([name for name, _ in REQUEST]), st.binary(min_size=1, max_size=200)),
        st.binary(max_size=300),
    ),
    max_size=8,
)


def theirs(fields: Fields) -> bytes:
    """The section as another encoder without a table writes it, with Huffman coding."""
    return pylsqpack.Encoder().encode(0, fields)[1]


class Sections(SynchronousTestCase):
    def test_an_example_of_the_rfc(self) -> None:
        # RFC 9204 appendix B.1.
        section = bytes.fromhex("0000510b2f696e6465782e68746d6c")
        self.assertEqual(decode(section, 100), [(b":path", b"/index.html")])
        self.assertEqual(encode([(b":path", b"/index.html")]), section)

    def test_what_we_say_others_read(self) -> None:
        self.assertEqual(pylsqpack.Decoder(0, 0).feed_header(0, encode(REQUEST))[1], REQUEST)

    def test_what_others_say_we_read(self) -> None:
        section = theirs(REQUEST)
        self.assertLess(len(section), sum(len(name) + len(value) for name, value in REQUEST))
        self.assertEqual(decode(section, 10_000), REQUEST)

    @given(some_fields)
    def test_any_octets_pass_both_ways(self, fields: Fields) -> None:
        for section in (encode(fields), theirs(fields) if fields else b"\0\0"):
            self.assertEqual(decode(section, 1 << 20), fields)

    def test_the_same_again_is_said_the_same(self) -> None:
        self.assertEqual(encode(REQUEST), encode(list(REQUEST)))

    def test_more_different_fields_than_are_remembered(self) -> None:
        for number in range(5000):
            fields = [(b"x-number", b"%d" % number)]
            self.assertEqual(decode(encode(fields), 100), fields)


class Limits(SynchronousTestCase):
    def test_names_and_values_count(self) -> None:
        fields = [(b"a" * 10, b"b" * 20), (b"c" * 10, b"")]
        self.assertEqual(decode(encode(fields), 40), fields)
        self.assertRaises(TooLarge, decode, encode(fields), 39)

    def test_a_short_section_may_be_long(self) -> None:
        # Each byte here is a field of 103 bytes.
        bomb = b"\0\0" + b"\xff\x16" * 2000
        self.assertRaises(TooLarge, decode, bomb, 32 << 10)


class Nonsense(SynchronousTestCase):
    def test_each_is_refused(self) -> None:
        for text, why in (
            ("", "nothing"),
            ("00", "half a prefix"),
            ("0100", "an insert count"),
            ("ff", "an insert count that is cut"),
            ("0080", "a base below zero"),
            ("000080", "a field of the dynamic table"),
            ("000010", "a field behind the base"),
            ("000000", "a name behind the base"),
            ("000040", "a name of the dynamic table"),
            ("0000ff24", "field 99"),
            ("00005f5400", "name 99"),
            ("000051", "a name without a value"),
            ("00005105aaaa", "a value that is cut"),
            ("0000510b2f696e6465782e68746d", "a value that is cut"),
            ("000023", "half a name"),
            ("0000ffffffffffffff7f", "an index without an end"),
            ("0000ff8080808080808000", "an index of too many bytes"),
            ("00005181ff80", "Huffman coding that does not end"),
            ("000051847fffffff", "the end of a string within it"),
        ):
            with self.subTest(why):
                self.assertRaises(HpackError, decode, bytes.fromhex(text), 1000)

    @given(st.binary(max_size=64))
    def test_nothing_else_is_ever_raised(self, section: bytes) -> None:
        try:
            fields = decode(section, 1000)
        except HpackError:
            return
        self.assertEqual(decode(encode(fields), 1000), fields)
