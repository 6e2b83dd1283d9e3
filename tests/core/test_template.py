"""Tests of targets with captures."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.path import escaped, route_path
from toron.core.refusal import Refusal
from toron.core.template import Template


def captured(expression: bytes, path: bytes) -> re.Match[bytes] | None:
    return re.compile(expression, re.DOTALL).search(path)


class TemplateTests(SynchronousTestCase):
    def test_captures(self) -> None:
        found = captured(b"^/(a+)/(b)?(.*)$", b"/aa/xyz")
        for text, path in (
            ("/new/$1", b"/new/aa"),
            ("/$3/$1/$2", b"/xyz/aa/"),
            ("/${1}0", b"/aa0"),
            ("/$10", b"/aa0"),
            ("/${10}", b"/"),
            ("/$0", b"/aa/xyz"),
            ("/cost$$1", b"/cost$1"),
            ("/$9", b"/"),
        ):
            with self.subTest(text):
                self.assertEqual(Template(text).fill(found), path)

    def test_without_captures_they_are_empty(self) -> None:
        self.assertEqual(Template("/a/$1").fill(None), b"/a/")

    def test_the_highest_capture_is_told(self) -> None:
        self.assertEqual([Template(t).groups for t in ("/a", "/$1", "/$2/$1", "/?x=${12}")], [0, 1, 2, 12])

    def test_captures_are_escaped_for_the_path(self) -> None:
        found = captured(b"^/(.*)$", b'/a b?c#d"\xc3\xa9\r\n%2F%25')
        self.assertEqual(Template("/$1").fill(found), b"/a%20b%3Fc%23d%22%C3%A9%0D%0A%2F%25")

    def test_captures_are_escaped_for_the_query(self) -> None:
        found = captured(b"^/(.*)$", b"/a&b=c d+e%2F%25?\xff")
        self.assertEqual(Template("/?q=$1").query(found, None), b"q=a%26b%3Dc%20d%2Be%2F%25%3F%FF")

    def test_never_two_slashes_in_front(self) -> None:
        self.assertEqual(Template("/$1").fill(captured(b"^/x(.*)$", b"/x//evil.example/")), b"/evil.example/")

    def test_queries_are_merged_own_first(self) -> None:
        for text, asked, query in (
            ("/a", None, None),
            ("/a", b"x=1", b"x=1"),
            ("/a?y=2", None, b"y=2"),
            ("/a?y=2", b"x=1", b"y=2&x=1"),
            ("/a?y=2", b"", b"y=2"),
            ("/a", b"", b""),
            ("/a?", b"x=1", None),
        ):
            with self.subTest((text, asked)):
                self.assertEqual(Template(text).query(None, asked), query)

    def test_text_is_made_fit(self) -> None:
        self.assertEqual(Template("/é b%20").fill(None), b"/%C3%A9%20b%20")

    def test_texts_that_are_no_targets(self) -> None:
        for text, words in (
            ("new", "must start with /"),
            ("", "must start with /"),
            ("$1", "must start with /"),
            ("/a$", "write $1"),
            ("/a$x", "write $1"),
            ("/a${x}", "write $1"),
            ("/a#b", "fragment"),
            ("/100%", "%25"),
        ):
            with self.subTest(text):
                error = self.assertRaises(ValueError, Template, text)
                self.assertIn(words, str(error))

    @given(st.binary(max_size=40))
    def test_a_path_goes_through_unchanged(self, rest: bytes) -> None:
        try:
            path = route_path(escaped(b"/" + rest.replace(b"%", b"")))
        except Refusal:
            return
        filled = Template("/$1").fill(captured(b"^/(.*)$", path))
        self.assertEqual(route_path(filled), path)
        self.assertTrue(all(0x20 < byte < 0x7F for byte in filled))
