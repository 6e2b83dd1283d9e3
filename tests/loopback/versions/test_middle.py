"""Middlewares, limits, redirects and retries do to every version what they do to one."""

from __future__ import annotations

import contextlib
import json

from tests.loopback.conversation import Ended
from tests.loopback.sockets import eventually
from tests.loopback.versions.asked import Asked
from tests.loopback.versions.case import VersionCase, ok, saying
from tests.loopback.versions.exchange import Unwanted


class Middle(VersionCase):
    """What is between the codecs."""

    def test_header_fields_are_changed_both_ways(self) -> None:
        got = self.exchange(
            saying(200, b"ok", ("X-Inside", "1"), ("X-Frame-Options", "ALLOW")),
            first="/marked",
            fields=[("x-secret", "s"), ("x-id", "spoofed"), ("x-many", "theirs")],
        )
        self.assertEqual(got.head().all("x-frame-options"), ["DENY"])
        self.assertEqual(got.head().all("x-inside"), [])
        (asked,) = self.asked
        self.assertEqual(asked.all("x-secret"), [])
        self.assertEqual(asked.all("x-id"), [f"GET {self.path('/marked')}"])
        self.assertEqual(asked.all("x-many"), ["theirs", "ours"])

    def test_a_prefix_is_stripped(self) -> None:
        self.exchange(ok, first="/stripped").head()
        (asked,) = self.asked
        self.assertEqual((asked.target, asked.all("x-forwarded-prefix")), (self.path(), ["/stripped"]))

    def test_too_many_requests(self) -> None:
        self.answering(ok)
        connection = self.connect()
        path = self.path("/few")
        for _ in range(2):
            self.assertEqual(connection.ask("GET", path, [("x-caller", path)]).body(), b"ok")
        got = connection.ask("POST", path, [("x-caller", path)], b"body")
        self.assertEqual(got.head().status, 429)
        self.assertIsNotNone(got.head().get("retry-after"))
        self.assertIn(b"rate_limited", got.body())
        self.assertEqual(len(self.asked), 2)
        last = self.lines(path, 3)[-1]
        self.assertEqual((last["status"], last["reason"], last["middleware"]), (429, "rate_limited", "few"))

    def test_redirects(self) -> None:
        connection = self.connect()
        got = connection.ask("POST", self.path("/moved") + "?x=1", body=b"not read")
        self.assertEqual((got.head().status, got.head().get("location")), (307, "/there?x=1"))
        got = connection.ask("GET", "/elsewhere/x?y")
        self.assertEqual(got.head().get("location"), "https://b.example/elsewhere/x?y")

    def test_errors_come_in_the_form_that_is_asked_for(self) -> None:
        connection = self.connect()
        for accept, form in (
            ("application/json", "application/json"),
            ("text/html", "text/html"),
            ("*/*", "text/plain"),
        ):
            got = connection.ask("GET", self.path("/dead"), [("accept", accept)])
            self.assertEqual(got.head().status, 502)
            self.assertEqual(got.head().get("content-type"), f"{form}; charset=utf-8")
            self.assertEqual(got.head().get("content-length"), str(len(body := got.body())))
            if form == "application/json":
                self.assertEqual(json.loads(body)["status"], 502)
        self.assertEqual(connection.opened, 1)

    def test_a_path_that_is_refused(self) -> None:
        backend = self.answering(ok)
        connection = self.connect()
        for path in ("/a%2Fb", "/a%zz", "/%00"):
            got = connection.ask("GET", self.path() + path)
            self.assertEqual((got.head().status, b"bad_path" in got.body()), (400, True), path)
        self.assertEqual(backend.connections, 0)

    # --- bodies that are too large ------------------------------------------------------------

    def test_a_length_that_is_too_large(self) -> None:
        backend = self.answering(ok)
        path = self.path("/small")
        connection = self.connect()
        got = connection.ask("POST", path, length=10_241, end=False)
        self.assertEqual((got.head().status, b"body_too_large" in got.body()), (413, True))
        got.until_unwanted()
        self.assertEqual(backend.connections, 0)
        self.assertEqual(connection.ask("POST", path, body=bytes(10_240)).body(), b"ok")
        first, second = self.lines(path, 2)
        self.assertEqual((first["status"], first["reason"], second["status"]), (413, "body_too_large", 200))

    def test_a_body_that_becomes_too_large(self) -> None:
        cut: list[bool] = []

        def answer(asked: Asked) -> None:
            try:
                asked.body()
            except (Ended, OSError):
                cut.append(True)
                raise

        got = self.exchange(answer, "POST", "/small", end=False)
        got.send(bytes(8000))
        eventually(lambda: self.asked, what="the first piece arrives")
        with contextlib.suppress(Unwanted):
            got.send(bytes(8000))
        self.assertEqual(got.head().status, 413)
        self.assertEqual(self.line(self.path("/small"))["reason"], "body_too_large")
        eventually(lambda: cut, what="the server is told")

    # --- retries ------------------------------------------------------------------------------

    def test_one_of_two_refuses(self) -> None:
        self.answering(ok, "OTHER")
        connection = self.connect()
        path = self.path("/one-of-two")
        for method in ("GET", "POST"):
            got = connection.ask(method, path, body=b"x" * 100 if method == "POST" else b"")
            self.assertEqual((got.head().status, got.body()), (200, b"ok"))
        self.assertEqual({line["status"] for line in self.lines(path, 2)}, {200})

    def two(self, first: str, method: str = "GET", body: bytes = b"") -> tuple[int, int]:
        """The status that a client gets of two servers, the first of which is bad; and the retries."""

        def bad(asked: Asked) -> None:
            asked.body()
            if first == "reset":
                asked.conversation.reset()
                raise Ended
            asked.answer(503, b"busy")

        self.answering(bad)
        self.answering(ok, "OTHER")
        got = self.connect().ask(method, self.path("/either"), body=body)
        status = got.head().status
        self.assertEqual(got.body() == b"ok", status == 200)
        return status, self.line(self.path("/either")).get("retries", 0)

    def test_one_that_resets(self) -> None:
        self.assertEqual(self.two("reset"), (200, 1))
        self.assertEqual(self.asked[1].all("x-retry-count"), ["1"])

    def test_one_that_is_busy(self) -> None:
        self.assertEqual(self.two("busy"), (200, 1))

    def test_a_kept_body_is_sent_again(self) -> None:
        # So little that it comes with the head in one datagram: only what is here already is kept.
        self.assertEqual(self.two("reset", "PUT", b"x" * 500), (200, 1))
        self.assertEqual([asked.get("content-length") for asked in self.asked], ["500", "500"])

    def test_a_post_that_was_sent_is_not_sent_again(self) -> None:
        self.assertEqual(self.two("reset", "POST", b"pay"), (502, 0))
        self.assertEqual(len(self.asked), 1)

    def test_a_post_that_a_busy_server_has_seen_is_not_sent_again(self) -> None:
        self.assertEqual(self.two("busy", "POST", b"pay"), (503, 0))
        self.assertEqual(len(self.asked), 1)
