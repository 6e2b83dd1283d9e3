"""Paths: what routes see of them, what is refused, and that two spellings never part ways."""

from __future__ import annotations

from hypothesis import assume, example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.path import escaped, route_path
from toron.core.refusal import Refusal

SEGMENT = st.binary(min_size=1, max_size=6).filter(
    lambda segment: (
        not set(segment) & {*range(0x20), 0x7F, 0x2F, 0x25, 0x5C, 0x3B} and segment not in (b".", b"..")
    )
)
"""What stands between two slashes, decoded; a `..` next to a backslash or semicolon is tried by itself."""


def refused(path: bytes) -> str | None:
    try:
        route_path(path)
    except Refusal as refusal:
        return refusal.reason.word
    return None


class Paths(SynchronousTestCase):
    def test_as_routes_see_it(self) -> None:
        for raw, path in (
            (b"/", b"/"),
            (b"/a", b"/a"),
            (b"/a/b/", b"/a/b/"),
            (b"/A", b"/A"),
            (b"/%41", b"/A"),
            (b"/a%20b", b"/a b"),
            (b"/%c3%a4", b"/\xc3\xa4"),
            (b"/\xc3\xa4", b"/\xc3\xa4"),
            (b"/%ff", b"/\xff"),
            (b"/a%3Fb%23c", b"/a?b#c"),
            (b"/a+b", b"/a+b"),
            (b"/a;v=1/b", b"/a;v=1/b"),
            # An escaped slash is no separator, and what is decoded is not decoded again.
            (b"/a%2Fb", b"/a%2Fb"),
            (b"/a%2fb", b"/a%2Fb"),
            (b"/a%252Fb", b"/a%252Fb"),
            (b"/%2541", b"/%2541"),
            (b"/%252e%252e/x", b"/%252e%252e/x"),
            (b"/100%25", b"/100%25"),
            # Slashes are merged, dots go.
            (b"//", b"/"),
            (b"//a", b"/a"),
            (b"/a//b", b"/a/b"),
            (b"/a///", b"/a/"),
            (b"/.", b"/"),
            (b"/./", b"/"),
            (b"/./a", b"/a"),
            (b"/a/.", b"/a/"),
            (b"/a/./", b"/a/"),
            (b"/a/./b", b"/a/b"),
            (b"/a/%2e/b", b"/a/b"),
            (b"/a%2F.", b"/a%2F."),
            (b"/%2e", b"/"),
            # Names that only look like it.
            (b"/.well-known", b"/.well-known"),
            (b"/...", b"/..."),
            (b"/..a", b"/..a"),
            (b"/a..", b"/a.."),
            (b"/a../b", b"/a../b"),
            (b"/.a./", b"/.a./"),
            (b"/a;../b", b"/a;../b"),
            (b"/a\\b", b"/a\\b"),
            (b"/a%5cb", b"/a\\b"),
            # OPTIONS * (RFC 9112 section 3.2.4).
            (b"*", b"*"),
        ):
            with self.subTest(raw):
                self.assertEqual(route_path(raw), path)

    def test_refused(self) -> None:
        for raw in (
            b"/maps/../admin",
            b"/..",
            b"/../",
            b"/../etc/passwd",
            b"/a/..",
            b"/a/../",
            b"/a//../b",
            b"/a/./../b",
            b"/%2e%2e/x",
            b"/%2E./x",
            b"/.%2e",
            b"/a/..%2fb",
            b"/a/..%2Fb",
            b"/a%2F../b",
            b"/a%2f..%2fb",
            b"/a%2f%2e%2e",
            b"/a\\..\\b",
            b"/a/..\\b",
            b"/..%5Cb",
            b"/a%5c../b",
            b"/a/..;/b",
            b"/a/..;v=1/b",
            b"/a/..%3b/b",
            b"/%00",
            b"/a%00b",
            b"/a%0d%0ab",
            b"/a%7f",
            b"/a%1F",
            b"/a\x00b",
            b"/a\nb",
            b"/a\x7f",
            b"/%",
            b"/%4",
            b"/a%zz",
            b"/%%41",
            b"/%u0041",
            b"/%+1",
            b"/% 1",
            b"",
            b"a",
            b"a/b",
            b"%2Fa",
            b"**",
            b"*/",
            b"?",
            b"http://a/",
            b"\\a",
        ):
            with self.subTest(raw):
                self.assertEqual(refused(raw), "bad_path")

    def test_very_long(self) -> None:
        self.assertEqual(route_path(b"/a" * 20_000), b"/a" * 20_000)
        self.assertEqual(route_path(b"/." * 20_000), b"/")
        self.assertEqual(route_path(b"/" * 40_000), b"/")
        self.assertEqual(route_path(b"/" + b"%41" * 20_000), b"/" + b"A" * 20_000)
        self.assertEqual(refused(b"/a" * 20_000 + b"/.."), "bad_path")

    def test_fit_to_be_sent(self) -> None:
        for path, sent in (
            (b"/", b"/"),
            (b"/a b", b"/a%20b"),
            (b"/a?b#c", b"/a%3Fb%23c"),
            (b"/\xc3\xa4", b"/%C3%A4"),
            (b"/a%2Fb%25", b"/a%2Fb%25"),
            (b"/a\\b", b"/a%5Cb"),
            (b'/"<>^`{|}', b"/%22%3C%3E%5E%60%7B%7C%7D"),
            (b"/-._~!$&'()*+,;=:@", b"/-._~!$&'()*+,;=:@"),
        ):
            with self.subTest(path):
                self.assertEqual(escaped(path), sent)
                self.assertEqual(route_path(sent), path)

    @given(st.binary(max_size=30).map(lambda rest: b"/" + rest))
    @example(b"/%252e")
    @example(b"/%2e%2E")
    @example(b"/%2F/%2f")
    def test_what_routes_see_is_final(self, raw: bytes) -> None:
        """To look twice, or to send it on and look again, changes nothing."""
        assume(refused(raw) is None)
        path = route_path(raw)
        self.assertEqual(route_path(path), path)
        self.assertEqual(route_path(escaped(path)), path)
        self.assertRegex(escaped(path), rb"\A/[!$&'()*+,\-./0-9:;=@A-Z_a-z~%]*\Z")

    @given(st.text("/.%2eEfF5cC;\\a\0", max_size=12))
    def test_nothing_that_leads_upwards_gets_through(self, text: str) -> None:
        """However somebody decodes what we let through, there is no `..` in it as long as it is done once."""
        raw = b"/" + text.encode()
        assume(refused(raw) is None)
        path = route_path(raw)
        read = path.replace(b"%2F", b"/").replace(b"\\", b"/")
        self.assertNotIn(
            b"..", [segment.partition(b";")[0] for segment in read.split(b"/") if segment[:3] != b"..."]
        )
        self.assertNotIn(b"/", [path[at : at + 1] for at in range(1, len(path)) if path[at - 1 : at] == b"/"])
        self.assertNotIn(b".", path.split(b"/"))

    @given(st.lists(SEGMENT, max_size=5), st.booleans(), st.data())
    def test_spellings_of_one_path(self, segments: list[bytes], slash: bool, data: st.DataObject) -> None:
        """Escapes, doubled slashes and dots never change what routes see."""
        plain = b"/" + b"/".join(segments) + (b"/" if slash and segments else b"")
        spelled = b""
        for number, segment in enumerate(segments or [b""]):
            spelled += b"/" + data.draw(st.sampled_from([b"", b"/", b"./", b"%2e/", b".///"]))
            for byte in segment:
                how = data.draw(st.sampled_from([b"%c", b"%%%02X", b"%%%02x"]))
                spelled += how % byte
            if number == len(segments) - 1 and slash:
                spelled += data.draw(st.sampled_from([b"/", b"//", b"/.", b"/./", b"/%2E"]))
        self.assertEqual(route_path(spelled), plain)
