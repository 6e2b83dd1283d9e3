"""Fields of a head, one rule at a time."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.events import Malformed
from toron.wire.http1_fields import (
    Fields,
    check_lines,
    content_length,
    is_chunked,
    read_fields,
    shown,
    switch_offer,
)


def block(*lines: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in (*lines, b""))


def read(*lines: bytes, strict: bool = True) -> Fields:
    return read_fields(block(*lines), 0, 100, strict)


class Case(SynchronousTestCase):
    def refused(self, word: str, *lines: bytes, strict: bool = True) -> None:
        with self.assertRaises(Malformed, msg=repr(lines)) as caught:
            read(*lines, strict=strict)
        self.assertEqual(caught.exception.word, word, lines)
        self.assertTrue(caught.exception.detail.isprintable())


class Splitting(Case):
    def test_names_and_values(self) -> None:
        fields = read(b"A:b", b"c-D: \t e f \t", b"!#$%&'*+-.^_`|~09: \x80\xff\"", b"G:", b"a:  2")
        self.assertEqual(
            fields.headers.fields,
            [(b"A", b"b"), (b"c-D", b"e f"), (b"!#$%&'*+-.^_`|~09", b'\x80\xff"'), (b"G", b""), (b"a", b"2")],
        )
        self.assertEqual(fields.headers.get(b"a"), b"b")
        self.assertEqual(fields.headers.get(b"c-d"), b"e f")
        self.assertEqual((fields.hop, fields.options), ({}, frozenset()))

    def test_none(self) -> None:
        self.assertEqual(len(read().headers), 0)

    def test_from_a_place_on(self) -> None:
        self.assertEqual(read_fields(b"X: y\r\nA: b\r\n\r\n", 6, 1).headers.fields, [(b"A", b"b")])

    def test_a_value_may_hold_colons(self) -> None:
        self.assertEqual(read(b"A: b: c").headers.get(b"a"), b"b: c")

    def test_bad_lines(self) -> None:
        for line in (
            b"A", b":", b": b", b"A b: c", b"A : b", b"A\t: b", b"A\0: b", b"\xc4: b", b"A(: b", b"A/: b",
            b"A\": b",
            b"A: \0", b"A: \x01", b"A: \x0b", b"A: \x1f", b"A: \x7f", b"=: b", b"A,B: c", b"{A}: b",
        ):  # fmt: skip
            self.refused("bad_header", line)
            self.refused("bad_header", b"X: y", line, b"Z: a", strict=False)

    def test_line_ends(self) -> None:
        for lines in (
            (b"A: b\nC: d",),
            (b"A: b\rC: d",),
            (b"A: b\r",),
            (b"\nA: b",),
            (b"A: b\n",),
            (b"\rA: b",),
        ):
            self.refused("bad_line_ending", *lines)
            self.refused("bad_line_ending", b"X: y", *lines, b"Z: a")

    def test_folding(self) -> None:
        for line in (b" a", b"\ta: b", b" ", b" A: b"):
            self.refused("obsolete_folding", b"X: y", line)
            self.refused("obsolete_folding", line, b"X: y")

    def test_too_many(self) -> None:
        for line in (b"A: b", b"TE: b", b"Connection: b"):
            data = block(*[line] * 5)
            read_fields(data, 0, 5)
            with self.assertRaises(Malformed) as caught:
                read_fields(data, 0, 4)
            self.assertEqual(caught.exception.word, "too_many_fields")

    @given(st.lists(st.binary(max_size=12), max_size=4))
    def test_nothing_is_skipped(self, lines: list[bytes]) -> None:
        """Whatever is taken for fields is all there was."""
        data = block(*lines)
        if data.find(b"\r\n\r\n") not in (-1, len(data) - 4):
            return
        try:
            fields = read_fields(data, 0, 100, False)
        except Malformed:
            return
        count = len(fields.headers) + sum(value.count(b", ") + 1 for value in fields.hop.values())
        self.assertEqual(count, len(data.split(b"\r\n")) - 2)


class Connection(Case):
    def test_what_concerns_the_connection(self) -> None:
        fields = read(
            b"Connection: close, X-A",
            b"TE: a",
            b"x-a: 1",
            b"te: b",
            b"X-B: 2",
            b"connection: Keep-Alive,,x-c",
        )
        self.assertEqual(fields.headers.fields, [(b"X-B", b"2")])
        self.assertNotIn(b"x-a", fields.headers)
        self.assertEqual(fields.options, {b"close", b"x-a", b"keep-alive", b"x-c"})
        self.assertEqual(fields.hop[b"te"], b"a, b")

    def test_all_of_a_name_go(self) -> None:
        fields = read(b"X-A: 1", b"Connection: x-a", b"X-B: 2", b"x-A: 3")
        self.assertEqual(fields.headers.fields, [(b"X-B", b"2")])
        self.assertIsNone(fields.headers.get(b"x-a"))

    def test_what_an_option_must_not_take_away(self) -> None:
        for name in (
            b"Host",
            b"content-length",
            b"Transfer-Encoding",
            b"Cookie",
            b"Authorization",
            b"X-Forwarded-For",
        ):
            self.refused("bad_connection_option", b"Connection: close, " + name)
            fields = read(b"Connection: X-A, " + name, b"X-A: 1", name + b": 5", strict=False)
            self.assertNotIn(b"x-a", fields.headers)
            self.assertTrue(name.lower() in fields.headers or name.lower() in fields.hop)

    def test_repeated(self) -> None:
        for name, word in (
            (b"Host", "bad_host"),
            (b"Content-Length", "bad_content_length"),
            (b"Transfer-Encoding", "bad_transfer_encoding"),
        ):
            self.refused(word, name + b": 5", name.lower() + b": 5")
            read(name + b": 5", name + b": 5", strict=False)

    def test_lookalikes(self) -> None:
        self.refused("bad_content_length", b"Content_Length: 5")
        self.refused("bad_transfer_encoding", b"TRANSFER_ENCODING: chunked")
        self.assertEqual(len(read(b"Content_Length: 5", b"X_Y: z", strict=False).headers), 1)

    def test_two_framings(self) -> None:
        for strict in (True, False):
            self.refused(
                "length_conflict", b"Content-Length: 5", b"Transfer-Encoding: chunked", strict=strict
            )


class Framing(Case):
    def test_length(self) -> None:
        self.assertIsNone(content_length({}))
        for value, length in ((b"0", 0), (b"5", 5), (b"0005", 5), (b"9" * 18, 10**18 - 1)):
            self.assertEqual(content_length({b"content-length": value}), length)
        for value in (b"", b"+5", b"-0", b"5,5", b"5, 5", b"0x5", b"5 5", b"5.", b"9" * 19, b"5_0", b"\xb2"):
            self.assertRaises(Malformed, content_length, {b"content-length": value})

    def test_length_of_a_response(self) -> None:
        for value in (b"5", b"5,5", b"5 ,\t5, 5"):
            self.assertEqual(content_length({b"content-length": value}, strict=False), 5)
        for value in (b"", b",", b"5,", b",5", b"5,6", b"5,05", b"+5,+5", b"5 5"):
            self.assertRaises(Malformed, content_length, {b"content-length": value}, strict=False)

    def chunked(self, line: bytes, version: tuple[int, int] = (1, 1), strict: bool = True) -> bool:
        head = b"POST / HTTP/1.1\r\n" + line + b"\r\n\r\n"
        return is_chunked(head, read_fields(head, 17, 9, strict).hop, version, strict)

    def test_chunked(self) -> None:
        self.assertFalse(self.chunked(b"A: chunked"))
        for strict in (True, False):
            for line in (
                b"Transfer-Encoding: chunked",
                b"transfer-encoding:chunked",
                b"TRANSFER-ENCODING: chunked",
            ):
                self.assertTrue(self.chunked(line, strict=strict))
                self.assertRaises(Malformed, self.chunked, line, (1, 0), strict)
            for value in (
                b"",
                b"gzip",
                b"gzip, chunked",
                b"chunked, chunked",
                b"chunked;a",
                b"xchunked",
                b"\xa0chunked",
            ):
                self.assertRaises(Malformed, self.chunked, b"Transfer-Encoding: " + value, strict=strict)

    def test_other_spellings_of_chunked(self) -> None:
        for value in (b"  chunked", b"\tchunked", b" chunked ", b" Chunked", b"CHUNKED"):
            line = b"Transfer-Encoding:" + value
            self.assertRaises(Malformed, self.chunked, line)
            self.assertTrue(self.chunked(line, strict=False))


class Offers(Case):
    def test_offers(self) -> None:
        for lines, offer in (
            ((b"Upgrade: a",), b""),
            ((b"Upgrade: a", b"Connection: close"), b""),
            ((b"Connection: upgrade",), b""),
            ((b"Upgrade:", b"Connection: upgrade"), b""),
            ((b"Upgrade: A/1.2 ,b", b"Connection: close, UPGRADE", b"upgrade: c"), b"a/1.2, b, c"),
            ((b"Upgrade: h2c, a, HTTP/3, TLS/1.2, h2", b"Connection: upgrade"), b"a"),
        ):
            self.assertEqual(switch_offer(read(*lines), (1, 1)), offer)
            self.assertEqual(switch_offer(read(*lines), (1, 0)), b"")

    def test_bad_offers(self) -> None:
        for value in (b"a b", b"a/", b"/1", b"a/b/c", b"a;b", b'"a"', b"a, \xff"):
            fields = read(b"Connection: upgrade", b"Upgrade: " + value)
            with self.assertRaises(Malformed) as caught:
                switch_offer(fields, (1, 1))
            self.assertEqual(caught.exception.word, "bad_upgrade")


class Unfinished(Case):
    @given(st.text("a\r\n", max_size=12), st.lists(st.integers(0, 12), max_size=3))
    def test_bare_line_ends_are_found_however_the_text_is_cut(self, text: str, places: list[int]) -> None:
        data = text.encode()
        good = not re.search(rb"(?<!\r)\n|\r(?!\n|\Z)", data)
        ends = sorted({min(place, len(data)) for place in places} | {len(data)})
        refused = False
        for before, end in zip([0, *ends], ends, strict=False):
            try:
                check_lines(data[:end], before)
            except Malformed:
                refused = True
                break
        self.assertEqual(refused, not good)


class Shown(Case):
    @given(st.binary(max_size=200))
    def test_fit_for_a_log(self, value: bytes) -> None:
        text = shown(value)
        self.assertTrue(text.isprintable() and text.isascii())
        self.assertLessEqual(len(text), 320)

    def test_plain_text_stays(self) -> None:
        self.assertEqual(shown(b"a b"), "a b")
        self.assertEqual(shown(bytearray(b"a\r\n\x1b")), "a\\r\\n\\x1b")
