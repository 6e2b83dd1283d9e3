"""gRPC's own words: content types, timeouts, and how a call is told no."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import unquote_to_bytes

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core import grpc
from toron.core.refusal import (
    BODY_TOO_LARGE,
    CLIENT_GONE,
    CONNECT_FAILED,
    CONNECT_REFUSED,
    CONNECT_TIMEOUT,
    DEADLINE,
    DRAINED,
    EXTRA_MISSING,
    INTERNAL,
    NO_ROUTE,
    NO_SERVER,
    NO_TOKEN,
    RATE_LIMITED,
    REASONS,
    RESPONSE_TIMEOUT,
    TOKEN_CLAIMS,
    TOTAL_TIMEOUT,
    UNKNOWN_HOST,
    UPSTREAM_CLOSED,
    UPSTREAM_IDLE,
    UPSTREAM_RESET,
    Reason,
    Refusal,
)
from toron.wire.headers import Field, Headers

GRPC, WEB, WEB_TEXT = grpc.GRPC, grpc.WEB, grpc.WEB_TEXT
NOT_GRPC = (b"", b"")


class Types(SynchronousTestCase):
    def test_what_is_grpc(self) -> None:
        for written, read in (
            (b"application/grpc", (GRPC, b"")),
            (b"application/grpc+proto", (GRPC, b"+proto")),
            (b"Application/gRPC+JSON", (GRPC, b"+json")),
            (b"application/grpc; charset=utf-8", (GRPC, b"")),
            (b"application/grpc+proto;a=b\t", (GRPC, b"+proto")),
            (b" application/grpc ", (GRPC, b"")),
            (b"application/grpc-web", (WEB, b"")),
            (b"application/grpc-web+proto", (WEB, b"+proto")),
            (b"application/grpc-web-text", (WEB_TEXT, b"")),
            (b"application/grpc-web-text+proto; x", (WEB_TEXT, b"+proto")),
        ):
            with self.subTest(written):
                self.assertEqual(grpc.read_type(written), read)

    def test_what_is_not(self) -> None:
        for written in (
            None,
            b"",
            b"application/json",
            b"application/grpcx",
            b"application/grpc-",
            b"application/grpc-web-",
            b"application/grpc-web-texts",
            b"application/grpc+",
            b"application/grpc +proto",
            b"application/grpc, text/plain",
            b"xapplication/grpc",
            b"text/plain; application/grpc",
        ):
            with self.subTest(written):
                self.assertEqual(grpc.read_type(written), NOT_GRPC)

    def test_what_the_answer_is(self) -> None:
        def answer(kind: bytes, *accept: bytes) -> bytes:
            fields = [(b"Content-Type", kind), *[(b"Accept", value) for value in accept]]
            return grpc.answer_type(Headers(fields))

        self.assertEqual(answer(GRPC + b"+proto"), GRPC + b"+proto")
        self.assertEqual(answer(GRPC, WEB), GRPC)
        self.assertEqual(answer(b"text/plain", WEB), b"")
        self.assertEqual(answer(WEB), WEB)
        self.assertEqual(answer(WEB + b"+proto", b"*/*"), WEB + b"+proto")
        self.assertEqual(answer(WEB + b"+proto", WEB_TEXT), WEB_TEXT + b"+proto")
        self.assertEqual(answer(WEB_TEXT, b"text/html", WEB + b"+proto, " + WEB_TEXT), WEB)
        self.assertEqual(answer(WEB_TEXT, GRPC), WEB_TEXT)
        self.assertEqual(grpc.answer_type(Headers()), b"")


def timeout(*values: bytes, kind: bytes = GRPC) -> float | None:
    fields: list[Field] = [(b"Grpc-Timeout", value) for value in values]
    return grpc.timeout(Headers([(b"Content-Type", kind), *fields]))


class Timeouts(SynchronousTestCase):
    def test_units(self) -> None:
        for written, seconds in (
            (b"2H", 7200.0),
            (b"3M", 180.0),
            (b"10S", 10.0),
            (b"250m", 0.25),
            (b"99999999u", 99.999999),
            (b"5n", 5e-9),
            (b"0n", 0.0),
            (b"00000001S", 1.0),
            (b"99999999H", 359_999_996_400.0),
        ):
            with self.subTest(written):
                self.assertAlmostEqual(timeout(written) or 0.0, seconds, 12)

    def test_none(self) -> None:
        self.assertIsNone(timeout())
        self.assertIsNone(grpc.timeout(Headers()))

    def test_what_is_not_well_formed(self) -> None:
        for written in (
            b"", b"1", b"S", b"1s", b"1h", b"-1S", b"+1S", b"1.5S", b"100000000S", b"1 S", b" ", b"1S1S",
            b"1S\n", b"\xd9\xa1S", b"0x1S", b"infinity",
        ):  # fmt: skip
            with self.subTest(written):
                refusal = self.assertRaises(Refusal, timeout, written)
                self.assertEqual(
                    (refusal.reason.word, grpc.status_of(refusal.reason)), ("bad_grpc_timeout", 13)
                )

    def test_twice(self) -> None:
        self.assertRaises(Refusal, timeout, b"1S", b"2S")

    def test_of_something_else(self) -> None:
        self.assertIsNone(timeout(b"1S", kind=b"application/json"))
        self.assertIsNone(timeout(b"what", kind=WEB))


class Statuses(SynchronousTestCase):
    def test_of_reasons(self) -> None:
        for reason, status in (
            (CLIENT_GONE, 1),
            (RESPONSE_TIMEOUT, 4),
            (UPSTREAM_IDLE, 4),
            (TOTAL_TIMEOUT, 4),
            (DEADLINE, 4),
            (TOKEN_CLAIMS, 7),
            (RATE_LIMITED, 8),
            (BODY_TOO_LARGE, 8),
            (REASONS["head_too_large"], 8),
            (NO_ROUTE, 12),
            (UNKNOWN_HOST, 12),
            (EXTRA_MISSING, 12),
            (INTERNAL, 13),
            (REASONS["bad_header"], 13),
            (NO_SERVER, 14),
            (CONNECT_REFUSED, 14),
            (CONNECT_FAILED, 14),
            (CONNECT_TIMEOUT, 14),
            (UPSTREAM_RESET, 14),
            (UPSTREAM_CLOSED, 14),
            (DRAINED, 14),
            (NO_TOKEN, 16),
            # Of layer 4, and of a plug-in.
            (REASONS["idle_timeout"], 14),
            (Reason("teapot", 418, "Tea."), 2),
        ):
            with self.subTest(reason.word):
                self.assertEqual(grpc.status_of(reason), status)


class Refused(SynchronousTestCase):
    def test_a_call(self) -> None:
        refusal = Refusal(RATE_LIMITED, "/etc/secret", ((b"Retry-After", b"3"),))
        response = grpc.refused(refusal, GRPC + b"+proto", "id-1")
        self.assertEqual((response.status, response.body, response.word), (200, b"", "rate_limited"))
        self.assertEqual(
            response.headers.fields,
            [
                (b"Content-Type", b"application/grpc+proto"),
                (b"Retry-After", b"3"),
                (b"grpc-status", b"8"),
                (b"grpc-message", b"Too many requests. (rate_limited id-1)"),
            ],
        )

    def test_a_call_from_a_browser(self) -> None:
        lines = b"grpc-status: 12\r\ngrpc-message: No route leads anywhere from here. (no_route id-1)\r\n"
        frame = b"\x80\x00\x00\x00" + bytes([len(lines)]) + lines
        response = grpc.refused(Refusal(NO_ROUTE, "", ((b"X-A", b"1"),)), WEB, "id-1")
        self.assertEqual((response.status, response.body), (200, frame))
        self.assertEqual(response.headers.fields, [(b"Content-Type", WEB), (b"X-A", b"1")])
        response = grpc.refused(Refusal(NO_ROUTE), WEB_TEXT + b"+proto", "id-1")
        assert isinstance(response.body, bytes)
        self.assertEqual(b64decode(response.body, validate=True), frame)
        self.assertEqual(response.headers.get(b"content-type"), b"application/grpc-web-text+proto")

    def test_every_reason(self) -> None:
        for reason in REASONS.values():
            fields = grpc.refused(Refusal(reason), GRPC, "id").headers
            self.assertRegex(fields.get(b"grpc-status") or b"", rb"\A([1-9]|1[0-6])\Z")
            message = unquote_to_bytes(fields.get(b"grpc-message") or b"").decode()
            self.assertEqual(message, f"{reason.text} ({reason.word} id)")

    def test_messages(self) -> None:
        for text, written in (
            ("plain ~", b"plain ~"),
            ("100%", b"100%25"),
            ("a\r\nb", b"a%0D%0Ab"),
            ("ä\x7f\x00", b"%C3%A4%7F%00"),
        ):
            self.assertEqual(grpc.percent_encoded(text), written)

    @given(st.text(max_size=40))
    def test_any_message(self, text: str) -> None:
        written = grpc.percent_encoded(text)
        self.assertRegex(written, rb"\A[ -~]*\Z")
        self.assertEqual(unquote_to_bytes(written).decode(), text)

    def test_trailers_as_a_frame(self) -> None:
        self.assertEqual(grpc.trailer_frame([]), b"\x80\x00\x00\x00\x00")
        frame = grpc.trailer_frame([(b"Grpc-Status", b"0"), (b"X-Long", b"x" * 300)])
        self.assertEqual(frame, b"\x80\x00\x00\x01\x46grpc-status: 0\r\nx-long: " + b"x" * 300 + b"\r\n")
