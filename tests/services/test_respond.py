"""Answers from the configuration are as they were written."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import outcome
from tests.services.upstreams import request
from toron.services.respond import respond

PLAIN = (b"Content-Type", b"text/plain; charset=utf-8")


class Responding(SynchronousTestCase):
    """One answer for all."""

    def test_text_is_plain_unless_told_otherwise(self) -> None:
        (response,) = outcome(respond(418, {"X-A": "b"}, "tea é")(request()))
        self.assertEqual((response.status, response.body), (418, "tea é".encode()))
        self.assertEqual(response.headers.fields, [(b"X-A", b"b"), PLAIN])
        (response,) = outcome(respond(200, {"content-type": "text/html"}, "<p>")(request()))
        self.assertEqual(response.headers.fields, [(b"content-type", b"text/html")])

    def test_no_body_where_there_must_be_none(self) -> None:
        for status in (204, 304):
            (response,) = outcome(respond(status, {}, "text")(request()))
            self.assertEqual(response.body, b"")
        (response,) = outcome(respond(200, {}, "")(request()))
        self.assertEqual(response.headers.fields, [])

    def test_an_answer_that_is_changed_changes_no_other(self) -> None:
        service = respond(200, {}, "text")
        (response,) = outcome(service(request()))
        response.headers.add(b"X-Mine", b"yes")
        (response,) = outcome(service(request()))
        self.assertEqual(response.headers.fields, [PLAIN])
