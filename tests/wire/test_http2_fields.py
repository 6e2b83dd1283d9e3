"""Field lists become heads, or are refused with the word of what is wrong, before anything is told."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.http2_conversations import Pair, asked, octets
from toron.wire.events import Malformed, RequestHead, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http2_fields import read_request, read_response, read_trailers

Fields = list[tuple[bytes, bytes]]

BAD_TARGETS = (
    "x", "a/b", "http://a/", "*", "/a b", "/ ", " /", "/\t", "/a#b", "/\r\n", "/a\0", "/\x7f", "/\x1f",
    "//\n", "?x", "\\",
)  # fmt: skip
BAD_HOSTS = (
    "", "u@a", "u:p@a", "a b", "a/b", "a?b", "a#", "a:x", "a:1:2", "[::1", "a\r\nx: y", "a\0", "a,b",
    "a:123456", " a", "a\\b",
)  # fmt: skip
BAD_LENGTHS = ("", "+1", "-1", "1, 1", "1,1", "0x1", "1 1", "1.0", "1e1", "\xb2", "9" * 19, "a")


def listed(pairs: list[Pair]) -> Fields:
    return [(octets(name), octets(value)) for name, value in pairs]


def without(name: str, pairs: list[Pair] | None = None) -> list[Pair]:
    return [pair for pair in (asked() if pairs is None else pairs) if pair[0] != name]


def changed(name: str, value: str | bytes, *more: Pair) -> list[Pair]:
    return [(name, value) if pair[0] == name else pair for pair in asked()] + list(more)


class Case(SynchronousTestCase):
    def word(self, pairs: list[Pair], ended: bool = False) -> str:
        error = self.assertRaises(Malformed, read_request, listed(pairs), ended, 100)
        self.assertTrue(error.detail.isprintable())
        return error.word

    def refused(self, word: str, *lists: list[Pair]) -> None:
        for pairs in lists:
            self.assertEqual(self.word(pairs), word, str(pairs))
            # What was seen once is not taken for good the second time.
            self.assertEqual(self.word(pairs), word, str(pairs))

    def good(self, pairs: list[Pair], ended: bool = False) -> RequestHead:
        return read_request(listed(pairs), ended, 100)


class Requests(Case):
    def test_a_request(self) -> None:
        head = self.good([*asked(("accept", "*/*"), ("x-a", "1"), ("x-a", "2"), ("empty", ""))], True)
        self.assertEqual(
            head,
            RequestHead(
                b"GET", b"/",
                Headers([
                    (b"Host", b"a"), (b"accept", b"*/*"), (b"x-a", b"1"), (b"x-a", b"2"), (b"empty", b""),
                ]),
                b"a", (2, 0), 0,
            ),
        )  # fmt: skip
        self.assertEqual(head.headers.get(b"host"), b"a")
        self.assertEqual(head.headers.get_all(b"x-a"), [b"1", b"2"])
        self.assertTrue(b"empty" in head.headers and b":path" not in head.headers)

    def test_pseudo_fields(self) -> None:
        self.refused(
            "pseudo_field",
            *[without(name) for name in (":method", ":scheme", ":path")],
            *[[*asked()[:2], pair, *asked()[2:]] for pair in asked()[:3]],
            *[[*asked(), pair] for pair in asked()],
            *[[*asked(("x", "y")), pair] for pair in asked()],
            [("x", "y"), *asked()],
            [*asked(), (":status", "200")], [(":status", "200"), *asked()], [(":", "x"), *asked()],
            [(":unknown", "x"), *asked()], [(":Path", "/"), *asked()], [*asked(("x", "y")), (":path", "/")],
            [(":protocol", "websocket"), *asked()],
            changed(":method", ""), changed(":method", "G T"), changed(":method", "GET\r\nx: y"),
            changed(":method", "GE:T"), changed(":method", "G\0"), changed(":method", "GET "),
            changed(":path", ""),
            changed(":scheme", ""), changed(":scheme", "ftp"), changed(":scheme", "HTTPS"),
            changed(":scheme", "https "), changed(":scheme", "http\r\nHost: b"), changed(":scheme", "http://a/"),
            [],
        )  # fmt: skip

    def test_targets(self) -> None:
        for bad in BAD_TARGETS:
            self.refused("bad_target", changed(":path", bad))
        for good in ("/", "//", "/a?b=c&d=%20", "/\xff", "/\"<>'^`{|}~", "/..;/"):
            self.assertEqual(self.good(changed(":path", good)).target, octets(good))
        self.assertEqual(self.good(asked(method="OPTIONS", path="*")).target, b"*")

    def test_methods(self) -> None:
        for method in ("GET", "get", "M-SEARCH", "X", "!#$%&'*+-.^_`|~"):
            self.assertEqual(self.good(asked(method=method)).method, octets(method))

    def test_hosts(self) -> None:
        self.refused(
            "bad_host",
            without(":authority"),
            *[changed(":authority", bad) for bad in BAD_HOSTS],
            [*without(":authority"), ("host", "a@b")], [*without(":authority"), ("host", "")],
            asked(("host", "a"), ("host", "a")), asked(("host", "b c")),
        )  # fmt: skip
        self.refused("host_mismatch", asked(("host", "b")), asked(("host", "a:81")), asked(("host", "a.")))
        for authority in ("a", "A.b-c_d~e:8443", "[::1]:8", "127.0.0.1"):
            self.assertEqual(self.good(changed(":authority", authority)).authority, octets(authority))

    def test_a_host_field(self) -> None:
        """It is told once, first, and as the authority says it."""
        for pairs in (
            asked(("x", "y"), ("host", "a")),
            asked(("host", "A"), ("x", "y")),
            asked(("host", "a:443"), ("x", "y")),
            [*without(":authority"), ("x", "y"), ("host", "a")],
        ):
            head = self.good(pairs)
            self.assertEqual(head.headers.fields, [(b"Host", b"a"), (b"x", b"y")])
            self.assertEqual(head.authority, b"a")

    def test_fields_for_the_next_hop_only_end_here(self) -> None:
        head = self.good(
            asked(("proxy-authorization", "x"), ("http2-settings", "x"), ("te", "trailers"), ("x", "y"))
        )
        self.assertEqual(head.headers.fields, [(b"Host", b"a"), (b"x", b"y")])

    def test_lengths(self) -> None:
        self.refused("bad_content_length", *[asked(("content-length", bad)) for bad in BAD_LENGTHS])
        self.refused("bad_content_length", asked(("content-length", "1"), ("content-length", "1")),
                     asked(("content-length", "1"), ("content-length", "2")))  # fmt: skip
        for pairs, ended, length in (
            (asked(), True, 0),
            (asked(), False, None),
            (asked(("content-length", "0")), True, 0),
            (asked(("content-length", "0")), False, 0),
            (asked(("content-length", "007")), False, 7),
            (asked(("content-length", "9" * 18)), False, int("9" * 18)),
        ):
            head = self.good(pairs, ended)
            self.assertEqual(head.length, length)
            self.assertNotIn(b"content-length", head.headers)
        self.assertEqual(self.word(asked(("content-length", "1")), True), "body_length")

    def test_expectations(self) -> None:
        for pairs, ended, expects in (
            (asked(("expect", "100-continue")), False, True),
            (asked(("expect", "100-Continue"), ("content-length", "1")), False, True),
            (asked(("expect", "100-continue"), ("content-length", "0")), False, False),
            (asked(("expect", "100-continue")), True, False),
        ):
            head = self.good(pairs, ended)
            self.assertEqual(head.expects_continue, expects)
            self.assertNotIn(b"expect", head.headers)
        self.refused("bad_expectation", asked(("expect", "x")), asked(("expect", "")),
                     asked(("expect", "100-continue"), ("expect", "x")))  # fmt: skip


class Tunnels(Case):
    def connect(self, protocol: str = "websocket", *more: Pair) -> list[Pair]:
        return [(":protocol", protocol), *asked(*more, method="CONNECT", path="/chat")]

    def test_extended_connect(self) -> None:
        for ended in (False, True):
            head = self.good(self.connect("WebSocket", ("x", "y")), ended)
            self.assertEqual(
                head,
                RequestHead(
                    b"GET", b"/chat", Headers([(b"Host", b"a"), (b"x", b"y")]), b"a", (2, 0), 0, b"websocket"
                ),
            )

    def test_plain_connect(self) -> None:
        self.refused(
            "connect_refused",
            [(":method", "CONNECT"), (":authority", "a:443")],
            asked(method="CONNECT"),
        )

    def test_bad_ones(self) -> None:
        self.refused("pseudo_field", without(":path", self.connect()), without(":scheme", self.connect()),
                     [*without(":authority", self.connect()), ("host", "a")],
                     [(":protocol", "websocket"), *self.connect()])  # fmt: skip
        self.refused("bad_target", [(":protocol", "websocket"), *asked(method="CONNECT", path="*")])
        for bad in ("", "a b", "a,b", "h2c", "HTTP/1.1", "TLS/1.0", "a\r\nb"):
            self.refused("bad_upgrade", self.connect(bad))
        self.refused("bad_upgrade", self.connect("websocket", ("content-length", "1")))
        self.assertEqual(self.good(self.connect("websocket", ("content-length", "0"))).length, 0)


class Responses(SynchronousTestCase):
    def read(self, *pairs: Pair) -> ResponseHead:
        return read_response(listed(list(pairs)), 100)

    def refused(self, word: str, *pairs: Pair) -> None:
        error = self.assertRaises(Malformed, read_response, listed(list(pairs)), 100)
        self.assertEqual(error.word, word, str(pairs))

    def test_a_response(self) -> None:
        self.assertEqual(
            self.read(
                (":status", "404"),
                ("x-a", "b"),
                ("content-length", "5"),
                ("set-cookie", "a"),
                ("set-cookie", "b"),
            ),
            ResponseHead(
                404, Headers([(b"x-a", b"b"), (b"set-cookie", b"a"), (b"set-cookie", b"b")]), b"", (2, 0), 5
            ),
        )
        self.assertIsNone(self.read((":status", "103")).length)

    def test_the_status(self) -> None:
        for bad in ("", "2", "20", "2000", "abc", "+20", " 200", "099", "20x", "200 OK"):
            self.refused("bad_status_line", (":status", bad))
        self.refused("pseudo_field")
        self.refused("pseudo_field", ("x", "y"))
        self.refused("pseudo_field", ("x", "y"), (":status", "200"))
        self.refused("pseudo_field", (":status", "200"), (":status", "200"))
        for name in (":path", ":method", ":unknown"):
            self.refused("pseudo_field", (":status", "200"), (name, "/"))
            self.refused("pseudo_field", (name, "/"), (":status", "200"))

    def test_fields(self) -> None:
        self.refused("upper_case_name", (":status", "200"), ("X", "y"))
        self.refused("bad_header", (":status", "200"), ("x", "a\r\nb"))
        self.refused("bad_header", (":status", "200"), ("x y", ""))
        for name in ("connection", "keep-alive", "transfer-encoding", "upgrade", "te", "proxy-connection"):
            self.refused("connection_field", (":status", "200"), (name, "trailers"))
        self.refused("too_many_fields", (":status", "200"), *[("x", "y")] * 101)

    def test_lengths(self) -> None:
        """The same number several times is one (RFC 9110 section 8.6)."""
        for values, length in ((["7"], 7), (["7", "7"], 7), (["7, 7"], 7)):
            self.assertEqual(
                self.read((":status", "200"), *[("content-length", each) for each in values]).length, length
            )
        for values in (["7", "8"], [""], ["-1"], ["7, 8"], ["x"]):
            self.refused(
                "bad_content_length", (":status", "200"), *[("content-length", each) for each in values]
            )


class Trailers(SynchronousTestCase):
    def test_trailers(self) -> None:
        fields = listed([("grpc-status", "0"), ("x-sum", "1")])
        self.assertEqual(read_trailers(fields, 100), Headers(fields))
        self.assertIsNone(read_trailers([], 100))

    def test_not_there(self) -> None:
        for name, value, word in (
            (":path", "/", "pseudo_field"), (":status", "200", "pseudo_field"), ("X", "y", "upper_case_name"),
            ("a b", "", "bad_header"), ("x", "a\nb", "bad_header"),
            ("connection", "x", "connection_field"),
            ("transfer-encoding", "chunked", "connection_field"),
            ("content-length", "1", "bad_trailer"),
            ("content_length", "1", "bad_trailer"), ("host", "a", "bad_trailer"),
            ("te", "trailers", "bad_trailer"),
            ("cookie", "a", "bad_trailer"), ("authorization", "a", "bad_trailer"),
            ("expect", "x", "bad_trailer"),
            ("x-forwarded-for", "1", "bad_trailer"), ("content-type", "x", "bad_trailer"),
        ):  # fmt: skip
            error = self.assertRaises(Malformed, read_trailers, listed([("x-a", "b"), (name, value)]), 100)
            self.assertEqual(error.word, word, name)
        error = self.assertRaises(Malformed, read_trailers, listed([("x", "y")] * 11), 10)
        self.assertEqual(error.word, "too_many_fields")
