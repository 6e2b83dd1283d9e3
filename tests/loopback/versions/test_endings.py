"""What ends early ends for the other side too, and nothing that was cut short looks whole."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from tests.loopback.conversation import Ended
from tests.loopback.sockets import eventually
from tests.loopback.versions.asked import Asked
from tests.loopback.versions.case import VersionCase, ok
from tests.loopback.versions.exchange import Broken, Exchange, Unwanted

PIECE = bytes(1 << 14)
NO_ERROR = (0, 0x100)
"""The codes that say nothing is wrong, of HTTP/2 and of HTTP/3."""


class Endings(VersionCase):
    """Early answers, clients that leave, servers that break off."""

    def upload(self, answer: Any, **more: Any) -> Exchange:
        """An upload that has begun."""
        return self.exchange(answer, "POST", end=False, **more)

    # --- early answers ------------------------------------------------------------------------

    def test_an_answer_before_the_body_was_sent(self) -> None:
        def answer(asked: Asked) -> None:
            asked.answer(403, b"no")
            asked.conversation.read_all()

        got = self.upload(answer)
        self.assertEqual((got.head().status, got.body()), (403, b"no"))
        got.until_unwanted()
        line = self.line(self.path())
        self.assertEqual((line["status"], line["bytes_in"]), (403, 0))
        self.assertNotIn("reason", line)

    def test_an_answer_while_the_body_is_sent(self) -> None:
        def answer(asked: Asked) -> None:
            for _ in range(10):
                asked.piece()
            asked.answer(401, b"who?")
            asked.conversation.read_all()

        got = self.upload(answer)
        with contextlib.suppress(Unwanted):
            while not got.has_answer():
                got.send(PIECE)
        self.assertEqual((got.head().status, got.body()), (401, b"who?"))
        got.until_unwanted()
        self.assertEqual(self.line(self.path())["status"], 401)

    def test_an_answer_that_goes_on_while_the_body_is_sent(self) -> None:
        def answer(asked: Asked) -> None:
            asked.begin(200)
            asked.say(b"early ")
            asked.say(asked.body())
            asked.finish()

        got = self.upload(answer)
        self.assertEqual((got.head().status, got.read_exactly(6)), (200, b"early "))
        got.send(b"late")
        got.end()
        self.assertEqual(got.body(), b"late")

    def test_after_an_early_answer_others_are_served(self) -> None:
        def answer(asked: Asked) -> None:
            asked.answer(403 if asked.method == "POST" else 200, b"said")

        self.answering(answer)
        connection = self.connect()
        for number in range(3):
            path = f"{self.path()}/{number}"
            got = connection.ask("POST", path, end=False)
            got.send(b"some")
            self.assertEqual((got.head().status, got.body()), (403, b"said"))
            self.assertEqual(connection.ask("GET", path).body(), b"said")
        self.assertEqual(connection.opened == 1, self.way.one_connection)

    # --- the client leaves --------------------------------------------------------------------

    def leaves(self, begin: Any, status: int, leave: str) -> None:
        """The client leaves when the exchange has begun; the server is told, and the log says so."""
        arrived, told = threading.Event(), threading.Event()

        def answer(asked: Asked) -> None:
            begin(asked)
            arrived.set()
            try:
                asked.conversation.read_all()
            finally:
                told.set()

        connection = self.connect()
        backend = self.answering(answer)
        got = connection.ask("POST", self.path(), end=False)
        got.send(b"part")
        self.assertTrue(arrived.wait(5))
        if status != 499:
            self.assertEqual((got.head().status, got.read_exactly(4)), (200, b"half"))
        if leave == "reset":
            got.reset()
        else:
            connection.close()
        self.assertTrue(told.wait(5))
        line = self.line(self.path())
        self.assertEqual((line["status"], line["reason"], line["bytes_in"]), (status, "client_gone", 4))
        eventually(lambda: backend.open == 0, what="the server's connection is closed")

    def half(self, asked: Asked) -> None:
        self.assertEqual(asked.piece(), b"part")
        asked.begin()
        asked.say(b"half")

    def test_a_reset_in_the_middle_of_a_request(self) -> None:
        self.leaves(Asked.piece, 499, "reset")

    def test_a_close_in_the_middle_of_a_request(self) -> None:
        self.leaves(Asked.piece, 499, "close")

    def test_a_reset_in_the_middle_of_an_answer(self) -> None:
        self.leaves(self.half, 200, "reset")

    def test_a_close_in_the_middle_of_an_answer(self) -> None:
        self.leaves(self.half, 200, "close")

    def test_a_reset_while_the_server_is_silent(self) -> None:
        told = threading.Event()

        def answer(asked: Asked) -> None:
            try:
                asked.conversation.read_all()
            finally:
                told.set()

        self.answering(answer)
        connection = self.connect()
        got = connection.ask("GET", self.path())
        eventually(lambda: self.asked, what="the request arrives")
        got.reset()
        self.assertTrue(told.wait(5))
        line = self.line(self.path())
        self.assertEqual((line["status"], line["reason"]), (499, "client_gone"))

    def test_a_body_that_is_given_up_never_looks_whole(self) -> None:
        cut = threading.Event()

        def answer(asked: Asked) -> None:
            try:
                asked.body()
            except (Ended, OSError):
                cut.set()
                raise

        got = self.upload(answer)
        got.send(b"part")
        eventually(lambda: self.asked, what="the request arrives")
        got.reset()
        self.assertTrue(cut.wait(5))

    def test_a_body_that_is_shorter_than_announced_never_looks_whole(self) -> None:
        cut = threading.Event()

        def answer(asked: Asked) -> None:
            try:
                asked.body()
            except (Ended, OSError):
                cut.set()
                raise

        got = self.upload(answer, length=10)
        got.send(b"part")
        eventually(lambda: self.asked, what="the request arrives")
        got.end()
        self.assertTrue(cut.wait(5))
        self.assertGreaterEqual(self.line(self.path())["status"], 400)

    # --- the server breaks off ----------------------------------------------------------------

    def broken(self, end: str, length: int | None) -> None:
        """The server breaks off; the client never takes what it has got for all."""

        def answer(asked: Asked) -> None:
            asked.begin(200, length=length)
            asked.say(b"half")
            asked.conversation.wait(0.05)
            if end == "reset":
                asked.conversation.reset()
            raise Ended

        got = self.exchange(answer)
        self.assertEqual((got.head().status, got.read_exactly(4)), (200, b"half"))
        broken = self.assertRaises(Broken, got.body)
        self.assertNotIn(broken.code, NO_ERROR)
        self.assertFalse(got.answered_whole)
        line = self.line(self.path())
        self.assertEqual((line["status"], line["bytes_out"]), (200, 4))
        self.assertIn(line["reason"], ("upstream_reset", "upstream_closed"))

    def test_a_server_that_closes_in_the_middle_of_a_known_length(self) -> None:
        self.broken("close", 100)

    def test_a_server_that_closes_in_the_middle_of_chunks(self) -> None:
        self.broken("close", None)

    def test_a_server_that_resets_in_the_middle_of_a_known_length(self) -> None:
        self.broken("reset", 100)

    def test_a_server_that_resets_in_the_middle_of_chunks(self) -> None:
        self.broken("reset", None)

    def test_a_server_that_stops_in_the_middle(self) -> None:
        def answer(asked: Asked) -> None:
            asked.begin()
            asked.say(b"half")
            asked.conversation.read_all()

        got = self.exchange(answer, first="/quick")
        self.assertEqual(got.read_exactly(4), b"half")
        self.assertRaises(Broken, got.body)
        self.assertEqual(self.line(self.path("/quick"))["reason"], "upstream_idle_timeout")

    def test_a_server_that_breaks_off_before_its_answer(self) -> None:
        def answer(asked: Asked) -> None:
            asked.conversation.reset()
            raise Ended

        self.answering(answer)
        connection = self.connect()
        got = connection.ask("POST", self.path(), body=b"x")
        self.assertEqual(got.head().status, 502)
        self.assertIn(b"upstream_reset", got.body())
        self.assertEqual(self.line(self.path())["reason"], "upstream_reset")
        self.assertEqual(connection.ask("GET", "/text").body(), b"from here")
        self.assertEqual(connection.opened, 1)

    def test_a_server_that_does_not_answer(self) -> None:
        got = self.exchange(lambda asked: asked.conversation.read_all(), first="/quick")
        self.assertEqual(got.head().status, 504)
        self.assertEqual(self.line(self.path("/quick"))["reason"], "upstream_response_timeout")

    def test_a_server_that_talks_nonsense(self) -> None:
        got = self.exchange(lambda asked: asked.conversation.send(b"nonsense\r\n\r\n"))
        self.assertEqual(got.head().status, 502)
        self.assertEqual(self.line(self.path())["reason"], "upstream_bad_response")

    def test_a_connection_goes_on_after_a_broken_answer(self) -> None:
        def answer(asked: Asked) -> None:
            if asked.method == "GET":
                ok(asked)
                return
            asked.begin()
            asked.say(b"half")
            raise Ended

        self.answering(answer)
        connection = self.connect()
        got = connection.ask("POST", self.path())
        self.assertRaises(Broken, got.body)
        self.assertEqual(connection.ask("GET", self.path()).body(), b"ok")
        self.assertEqual(connection.opened == 1, self.way.one_connection)
