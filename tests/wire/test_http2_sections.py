"""Fields are well formed, or refused with the word of what is wrong, whichever message they are in."""

from __future__ import annotations

from tests.wire.http2_conversations import Pair, asked, octets
from tests.wire.test_http2_fields import Case, listed
from toron.wire.events import Malformed
from toron.wire.http2_fields import read_request

BAD_NAMES = (
    "", "a b", " a", "a ", "a:", "a:b", "a\r\nb", "a\0", "a\t", "a\x7f", "a\xe4", "a(b)", "a,b", "a/b", "a=b",
    "a;b", "a[b]", "a{b}", "a@b", "a?b", 'a"b', "A B",
)  # fmt: skip
BAD_VALUES = (
    "a\r\nb: c", "a\rb", "a\nb", "a\0b", "\0", "\r", "\n", "\x01", "a\x1f", "a\x7f", " a", "a ", "\ta", "a\t",
    " ", "\t", "a\x0bb", "a\r\n b",
)  # fmt: skip


class Fields(Case):
    def test_names(self) -> None:
        for name in ("X-A", "x-A", "Transfer-Encoding", "Host", "Cookie"):
            self.refused("upper_case_name", asked((name, "a")))
        self.refused("bad_header", *[asked((bad, "x")) for bad in BAD_NAMES])

    def test_values(self) -> None:
        self.refused("bad_header", *[asked(("x", bad)) for bad in BAD_VALUES])
        for good in ("", "a", "a b", "a\tb", "\xe4\xff", '",;:/?@=\\', "a  \t b"):
            self.assertEqual(self.good(asked(("x", good))).headers.get(b"x"), octets(good))

    def test_long_values_are_looked_at_too(self) -> None:
        self.refused("bad_header", asked(("x", "a" * 5000 + "\n" + "a" * 5000)), asked(("x" * 300 + " ", "")))
        self.assertEqual(self.good(asked(("x", "a" * 9000))).headers.get(b"x"), b"a" * 9000)

    def test_lookalikes(self) -> None:
        self.refused("bad_content_length", asked(("content_length", "1")))
        self.refused("bad_transfer_encoding", asked(("transfer_encoding", "chunked")))

    def test_cookie_crumbs(self) -> None:
        """One field again (section 8.2.3), where the first was."""
        head = self.good(
            asked(
                ("a", "1"), ("cookie", "x=1"), ("b", "2"), ("cookie", "y=2"), ("cookie", ""), ("cookie", "z")
            )
        )
        self.assertEqual(
            head.headers.fields, [(b"Host", b"a"), (b"a", b"1"), (b"cookie", b"x=1; y=2; z"), (b"b", b"2")]
        )
        self.assertEqual(head.headers.get(b"cookie"), b"x=1; y=2; z")
        self.assertEqual(self.good(asked(("cookie", "x"))).headers.get(b"cookie"), b"x")

    def test_too_many(self) -> None:
        crumbs: list[Pair] = [("cookie", "x")] * 150
        read_request(listed(asked(*[("x", "y")] * 9, *crumbs)), True, 10)
        error = self.assertRaises(Malformed, read_request, listed(asked(*[("x", "y")] * 11)), True, 10)
        self.assertEqual(error.word, "too_many_fields")

    def test_many_different_ones(self) -> None:
        """What is remembered of fields is bounded, and goes on being right."""
        for number in range(5000):
            self.assertEqual(self.good(asked(("x", str(number)))).headers.get(b"x"), b"%d" % number)
        self.refused("bad_header", asked(("x", "\n")))

    def test_fields_of_the_connection(self) -> None:
        for name in ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"):
            for value in ("", "close", "chunked", "h2c", "x"):
                self.refused("connection_field", asked((name, value)))
        self.refused(
            "connection_field",
            *[asked(("te", bad)) for bad in ("gzip", "", "trailers, gzip", "chunked", "trailers;q=1")],
        )
        self.refused("connection_field", asked(("te", "trailers"), ("te", "gzip")))
        self.assertTrue(self.good(asked(("te", "Trailers"))).accepts_trailers)
        self.assertFalse(self.good(asked()).accepts_trailers)
