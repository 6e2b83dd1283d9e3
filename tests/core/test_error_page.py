"""Answers to refused requests: the form the client reads, and nothing it must not know."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.error_page import preferred
from toron.core.error_page import refused as answer
from toron.core.message import Response
from toron.core.refusal import INTERNAL, NO_ROUTE, RATE_LIMITED, REASONS, Reason, Refusal
from toron.wire.headers import Headers

JSON, HTML, TEXT = b"application/json", b"text/html", b"text/plain"


def refused(refusal: Refusal, accept: bytes | None, request_id: str) -> Response:
    """The answer to a request with that Accept field."""
    return answer(refusal, Headers([] if accept is None else [(b"Accept", accept)]), request_id)


class Preferred(SynchronousTestCase):
    def test_forms(self) -> None:
        for accept, form in (
            (None, TEXT),
            (b"", TEXT),
            (b"*/*", TEXT),
            (b"text/plain", TEXT),
            (b"text/*", TEXT),
            (b"application/json", JSON),
            (b"Application/JSON", JSON),
            (b"application/problem+json", JSON),
            (b"application/*", JSON),
            (b"text/html", HTML),
            (b"application/xhtml+xml", HTML),
            # What there is not.
            (b"image/png", TEXT),
            (b"image/png, application/json;q=0.1", JSON),
            (b"json", TEXT),
            (b"*", TEXT),
            # As browsers, curl and fetch write it.
            (b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", HTML),
            (b"application/json, text/plain, */*", JSON),
            (b"image/avif,image/webp,*/*;q=0.8", TEXT),
            # The quality decides, then how specific it is, then the order.
            (b"text/html;q=0.5, application/json;q=0.9", JSON),
            (b"application/json;q=0.5,text/html;q=0.501", HTML),
            (b"text/plain;q=0.1, */*", JSON),
            (b"*/*, application/json", JSON),
            (b"*/*, text/html", HTML),
            (b"application/*, text/html", HTML),
            (b"text/html, application/json", HTML),
            (b"application/json, text/html", JSON),
            (b"text/plain, application/json", TEXT),
            # What is not wanted is not given, also where a wider range would have it.
            (b"text/plain;q=0, text/*", HTML),
            (b"text/html;q=0, text/plain;q=0, */*", JSON),
            (b"application/json;q=0", TEXT),
            (b"application/json;q=0, */*;q=0", TEXT),
            (b"text/html;q=0.000, application/json;q=0.001", JSON),
            # Blanks, other parameters, odd members.
            (b" text/html ; q=0.2 ,\tapplication/json ; q=0.3", JSON),
            (b"text/html;level=1;q=0.2, application/json;q=0.3", JSON),
            (b"text/html;Q=0.2, application/json;q=0.3", JSON),
            (b",,text/html,", HTML),
            (b";q=1, text/html", HTML),
            (b"application/json;q=0.4, application/json;q=0.9, text/html;q=0.5", HTML),
        ):
            with self.subTest(accept):
                self.assertEqual(preferred(accept), form)

    def test_a_weight_that_is_none_does_not_count(self) -> None:
        for weight in (
            b"2",
            b"1.001",
            b"-1",
            b"nan",
            b"inf",
            b"1e0",
            b"",
            b"0x1",
            b"0.1234",
            b".5",
            b"0,5",
            b"1_0",
        ):
            with self.subTest(weight):
                self.assertEqual(preferred(b"application/json;q=" + weight + b", text/html;q=0.001"), HTML)
        for weight in (b"1", b"1.", b"1.000", b"0.9", b"0.999"):
            with self.subTest(weight):
                self.assertEqual(preferred(b"application/json;q=" + weight + b", text/html;q=0.8"), JSON)

    @given(st.one_of(st.binary(max_size=60), st.text("*/;q=.,01 texhmljsonap+", max_size=40).map(str.encode)))
    def test_any_bytes(self, accept: bytes) -> None:
        self.assertIn(preferred(accept), (JSON, HTML, TEXT))


class Answers(SynchronousTestCase):
    def test_json(self) -> None:
        response = refused(Refusal(NO_ROUTE), JSON, "id-1")
        assert isinstance(response.body, bytes)
        self.assertEqual(
            json.loads(response.body),
            {"status": 404, "error": "no_route", "message": NO_ROUTE.text, "id": "id-1"},
        )
        self.assertEqual(response.headers.get(b"content-type"), b"application/json; charset=utf-8")
        self.assertEqual((response.status, response.word), (404, "no_route"))

    def test_html(self) -> None:
        response = refused(Refusal(NO_ROUTE), HTML, "id-1")
        assert isinstance(response.body, bytes)
        self.assertTrue(response.body.startswith(b"<!doctype html><meta charset=utf-8>"))
        for part in (b"<title>404 No route leads anywhere from here</title>", b"no_route", b"id-1"):
            self.assertIn(part, response.body)
        self.assertEqual(response.headers.get(b"content-type"), b"text/html; charset=utf-8")

    def test_text(self) -> None:
        response = refused(Refusal(NO_ROUTE), None, "id-1")
        self.assertEqual(response.body, b"404 No route leads anywhere from here. (no_route id-1)\n")
        self.assertEqual(response.headers.get(b"content-type"), b"text/plain; charset=utf-8")

    def test_everything_is_escaped(self) -> None:
        reason = Reason("a<b", 400, '<script>"&ä')
        page = refused(Refusal(reason), HTML, "<id>").body
        assert isinstance(page, bytes)
        for part in (b"<script", b"<id>", b"a<b"):
            self.assertNotIn(part, page)
        self.assertIn("&lt;script&gt;&quot;&amp;ä".encode(), page)
        said = refused(Refusal(reason), JSON, '"}\n').body
        assert isinstance(said, bytes)
        self.assertEqual(json.loads(said)["id"], '"}\n')

    def test_the_detail_is_for_the_log_only(self) -> None:
        for accept in (JSON, HTML, TEXT):
            response = refused(Refusal(INTERNAL, "/etc/secret 10.0.0.1"), accept, "id-1")
            assert isinstance(response.body, bytes)
            self.assertNotIn(b"secret", response.body + repr(response.headers).encode())

    def test_the_refusal_s_headers_come_along(self) -> None:
        response = refused(
            Refusal(RATE_LIMITED, "", ((b"Retry-After", b"3"), (b"X-A", b"1"), (b"X-A", b"2"))), None, ""
        )
        self.assertEqual(response.status, 429)
        self.assertEqual(response.headers.get(b"retry-after"), b"3")
        self.assertEqual(response.headers.get_all(b"x-a"), [b"1", b"2"])

    def test_nobody_keeps_it(self) -> None:
        self.assertEqual(
            refused(Refusal(NO_ROUTE), None, "").headers.get_all(b"cache-control"), [b"no-store"]
        )

    def test_accept_in_several_lines(self) -> None:
        asked = Headers([(b"Accept", b"image/png"), (b"accept", JSON)])
        self.assertEqual(
            answer(Refusal(NO_ROUTE), asked, "").headers.get(b"content-type"), JSON + b"; charset=utf-8"
        )

    def test_what_grpc_reads(self) -> None:
        for called in (b"application/grpc", b"application/grpc-web+proto"):
            asked = Headers([(b"Accept", JSON), (b"Content-Type", called)])
            response = answer(Refusal(NO_ROUTE), asked, "id-1")
            self.assertEqual((response.status, response.headers.get(b"content-type")), (200, called))
        response = answer(Refusal(NO_ROUTE), Headers([(b"Content-Type", JSON)]), "id-1")
        self.assertEqual(response.status, 404)

    def test_what_has_no_status_is_unavailable(self) -> None:
        self.assertEqual(refused(Refusal(REASONS["idle_timeout"]), None, "").status, 503)

    def test_every_reason_in_every_form(self) -> None:
        for word, reason in REASONS.items():
            for accept in (JSON, HTML, TEXT):
                response = refused(Refusal(reason, "x"), accept, "id-1")
                assert isinstance(response.body, bytes)
                self.assertIn(word.encode(), response.body)
                self.assertTrue(response.body.endswith(b"\n"))
                self.assertEqual(response.word, word)
