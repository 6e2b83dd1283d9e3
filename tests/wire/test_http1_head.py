"""First lines, one rule at a time."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.conversations import fields
from toron.wire.events import Malformed
from toron.wire.headers import Headers
from toron.wire.http1_head import (
    RequestLine,
    authority_of,
    check_request_start,
    check_response_start,
    read_request_line,
    read_status_line,
)


class Case(SynchronousTestCase):
    def refused(self, word: str, what: object, *args: object) -> None:
        with self.assertRaises(Malformed, msg=repr(args)) as caught:
            what(*args)  # type: ignore[operator]
        self.assertEqual(caught.exception.word, word, args)
        self.assertTrue(caught.exception.detail.isprintable())


class RequestLines(Case):
    def test_good(self) -> None:
        for line, method, target, authority, scheme in (
            (b"GET / HTTP/1.1", b"GET", b"/", b"", b""),
            (b"M-SEARCH /a?b HTTP/1.1", b"M-SEARCH", b"/a?b", b"", b""),
            (b"get //a HTTP/1.1", b"get", b"//a", b"", b""),
            (b"OPTIONS * HTTP/1.1", b"OPTIONS", b"*", b"", b""),
            (b"GET http://a HTTP/1.1", b"GET", b"/", b"a", b"http"),
            (b"OPTIONS http://a:8080 HTTP/1.1", b"OPTIONS", b"*", b"a:8080", b"http"),
            (b"OPTIONS http://a?b HTTP/1.1", b"OPTIONS", b"/?b", b"a", b"http"),
            (b"GET HTTPS://[::1]:443/a?b HTTP/1.1", b"GET", b"/a?b", b"[::1]:443", b"https"),
            (b"GET http://a/b@c HTTP/1.1", b"GET", b"/b@c", b"a", b"http"),
            (b"GET http://a?b@c HTTP/1.1", b"GET", b"/?b@c", b"a", b"http"),
        ):
            for ahead in (b"", b"\r\n"):
                for version in ((1, 1), (1, 0)):
                    data = ahead + line[:-1] + b"%d\r\n" % version[1]
                    self.assertEqual(
                        read_request_line(data + b"A: b\r\n\r\n", len(ahead)),
                        RequestLine(method, target, authority, scheme, version, len(data)),
                    )

    def test_bad(self) -> None:
        for line, word in (
            (b"", "bad_request_line"), (b"GET", "bad_request_line"), (b"GET /", "bad_request_line"),
            (b"GET  / HTTP/1.1", "bad_request_line"), (b"GET / HTTP/1.1 ", "bad_request_line"),
            (b"GET /a b HTTP/1.1", "bad_request_line"), (b"GET\t/ HTTP/1.1", "bad_request_line"),
            (b"GET /\0 HTTP/1.1", "bad_request_line"), (b"GET /# HTTP/1.1", "bad_request_line"),
            (b"G(T / HTTP/1.1", "bad_request_line"), (b"GET / HTTP/1.2", "bad_request_line"),
            (b"GET / HTTP/0.9", "bad_request_line"), (b"GET / http/1.1", "bad_request_line"),
            (b"GET / HTTP/2.0", "bad_version"), (b"PRI * HTTP/2.0", "bad_version"),
            (b"GET / HTTP/10.0", "bad_version"),
            (b"GET / HTTP/" + b"9" * 10_000 + b".0", "bad_version"),
            (b"GET a HTTP/1.1", "bad_target"), (b"GET * HTTP/1.1", "bad_target"),
            (b"GET a:80 HTTP/1.1", "bad_target"),
            (b"GET ftp://a/ HTTP/1.1", "bad_target"), (b"GET http:/a HTTP/1.1", "bad_target"),
            (b"GET http:///a HTTP/1.1", "bad_target"), (b"GET http://u@a/ HTTP/1.1", "bad_target"),
            (b"GET http://a:b/ HTTP/1.1", "bad_target"), (b"GET http://a\\b/ HTTP/1.1", "bad_target"),
            (b"CONNECT a:80 HTTP/1.1", "connect_refused"), (b"CONNECT / HTTP/1.1", "connect_refused"),
            (b"GET / HTTP/1.1\r", "bad_line_ending"), (b"GET /\r HTTP/1.1", "bad_line_ending"),
            (b"GET / HTTP/1.1\nA: b", "bad_line_ending"),
        ):  # fmt: skip
            self.refused(word, read_request_line, line + b"\r\n\r\n", 0)


class Authorities(Case):
    def line(self, target: bytes, version: bytes = b"1.1") -> RequestLine:
        return read_request_line(b"GET " + target + b" HTTP/" + version + b"\r\n", 0)

    def authority(self, line: RequestLine, headers: Headers) -> bytes:
        return authority_of(headers, line.version, line.authority, line.scheme)

    def test_from_host(self) -> None:
        for host in (
            "a",
            "A.example.",
            "a:8080",
            "a:",
            "127.0.0.1:80",
            "[::1]",
            "[::ffff:1.2.3.4]:443",
            "a_b~c",
            "a:0",
        ):
            self.assertEqual(self.authority(self.line(b"/"), fields(("hOst", host))), host.encode())

    def test_bad_host(self) -> None:
        for host in (
            "", "a b", "a,b", "a/b", "a?b", "a#b", "u@a", "http://a", "a:b", "a:1:2", "a:123456", "::1",
            "[::1", "[a]:b",
            "a\\b", "a%41", "\xe4", "'a'", "*", "a;b", ":80",
        ):  # fmt: skip
            for version in (b"1.1", b"1.0"):
                self.refused("bad_host", self.authority, self.line(b"/", version), fields(("Host", host)))

    def test_missing(self) -> None:
        self.refused("bad_host", self.authority, self.line(b"/"), Headers())
        self.refused("bad_host", self.authority, self.line(b"http://a/"), Headers())
        self.assertEqual(self.authority(self.line(b"/", b"1.0"), Headers()), b"")
        headers = Headers()
        self.assertEqual(self.authority(self.line(b"http://a:81/", b"1.0"), headers), b"a:81")
        self.assertEqual(headers.fields, [(b"Host", b"a:81")])

    def test_host_and_target(self) -> None:
        for target, host, same in (
            (b"http://a/", "a", True), (b"http://a/", "A", True), (b"http://a:80/", "a", True),
            (b"http://a/", "a:80", True), (b"http://a:/", "a", True), (b"https://a/", "a:443", True),
            (b"http://a:8080/", "a:8080", True), (b"http://[::1]:80/", "[::1]", True),
            (b"http://a/", "b", False), (b"http://a/", "a.", False), (b"http://a:8080/", "a", False),
            (b"http://a:443/", "a", False), (b"https://a:80/", "a", False), (b"http://a:80/", "a:443", False),
        ):  # fmt: skip
            if same:
                self.assertEqual(self.authority(self.line(target), fields(("Host", host))), host.encode())
            else:
                self.refused("host_mismatch", self.authority, self.line(target), fields(("Host", host)))


class StatusLines(Case):
    def test_good(self) -> None:
        for line, status, reason, version in (
            (b"HTTP/1.1 200 OK", 200, b"OK", (1, 1)),
            (b"HTTP/1.0 404 Not\tFound \xff", 404, b"Not\tFound \xff", (1, 0)),
            (b"HTTP/1.1 999 ", 999, b"", (1, 1)),
            (b"HTTP/1.1 100", 100, b"", (1, 1)),
        ):
            read = read_status_line(line + b"\r\n\r\n")
            self.assertEqual((read.status, read.reason, read.version), (status, reason, version))
            self.assertEqual(read.end, len(line) + 2)

    def test_bad(self) -> None:
        for line, word in (
            (b"", "bad_status_line"), (b"HTTP/1.1 2x0 OK", "bad_status_line"),
            (b"HTTP/1.1 020 OK", "bad_status_line"),
            (b"HTTP/1.1 200OK", "bad_status_line"), (b"HTTP/1.1  200", "bad_status_line"),
            (b"HTTP/2 200 OK", "bad_status_line"), (b"HTTP/1.1 200 \0", "bad_status_line"),
            (b"HTTP/1.1 200 OK\nA: b", "bad_line_ending"), (b"HTTP/1.1 200 OK\r", "bad_line_ending"),
        ):  # fmt: skip
            self.refused(word, read_status_line, line + b"\r\n\r\n")


class Starts(Case):
    """What came of a head so far, one more byte each time."""

    def last(self, check: object, data: bytes) -> str | None:
        for size in range(1, len(data) + 1):
            try:
                check(data[:size], size - 1)  # type: ignore[operator]
            except Malformed as error:
                self.assertEqual(size, len(data), f"{data[:size]!r} was good enough")
                return error.word
        return None

    def test_requests_that_may_become_something(self) -> None:
        for data in (
            b"GET / HTTP/1.1\r\nHost: a\r\n\r",
            b"\r\nGET / HTTP/1.1\r\nA: \xff\r\nx",
            b"\r",
            b"\r\n",
            b"\r\n\r",
        ):
            self.assertIsNone(self.last(check_request_start, data))
            check_request_start(bytearray(data), 0)

    def test_requests_that_may_not(self) -> None:
        for data, word in (
            (b"\0", "bad_request_line"), (b"\n", "bad_request_line"), (b"\rG", "bad_request_line"),
            (b"\r\n\0", "bad_request_line"), (b"GET /\r\n", "bad_request_line"),
            (b"\r\nGET /\r\n", "bad_request_line"),
            (b"GET / HTTP/3.0\r\n", "bad_version"), (b"GET / HTTP/1.1\n", "bad_line_ending"),
            (b"GET / HTTP/1.1\r\nA: b\n", "bad_line_ending"),
            (b"GET / HTTP/1.1\r\nA: b\rc", "bad_line_ending"),
        ):  # fmt: skip
            self.assertEqual(self.last(check_request_start, data), word, data)

    def test_responses_that_may_become_something(self) -> None:
        for data in (b"HTTP/1.1 200 OK\r\nA: b\r\n\r", b"HTTP/1.0 200\r\n"):
            self.assertIsNone(self.last(check_response_start, data))

    def test_responses_that_may_not(self) -> None:
        for data, word in (
            (b"S", "bad_status_line"), (b"\r", "bad_status_line"), (b"HTTP/2", "bad_status_line"),
            (b"HTTP/1.1 x\r\n", "bad_status_line"), (b"HTTP/1.1 200 OK\n", "bad_line_ending"),
            (b"HTTP/1.1 200 OK\r\nA: b\n", "bad_line_ending"),
        ):  # fmt: skip
            self.assertEqual(self.last(check_response_start, data), word, data)
