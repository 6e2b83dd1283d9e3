"""Bodies of every kind come through whole, in both directions, and as they are sent."""

from __future__ import annotations

import hashlib
import random
import threading

from tests.loopback.versions.asked import Asked
from tests.loopback.versions.case import VersionCase, ok, saying

LARGE = random.Random(7).randbytes(4 << 20)


class Bodies(VersionCase):
    """Over HTTP/1.1, and over each other way where that is chosen."""

    def test_none(self) -> None:
        got = self.exchange(saying(200, b"fine"))
        self.assertEqual(
            (got.head().status, got.head().get("content-length"), got.body()), (200, "4", b"fine")
        )
        (asked,) = self.asked
        self.assertEqual((asked.method, asked.version), ("GET", "HTTP/1.1"))
        self.assertEqual(asked.all("content-length") + asked.all("transfer-encoding"), [])
        line = self.line(self.path())
        self.assertEqual((line["bytes_in"], line["bytes_out"]), (0, 4))

    def test_of_a_known_length(self) -> None:
        seen: list[bytes] = []

        def answer(asked: Asked) -> None:
            seen.append(asked.body())
            asked.answer()

        got = self.exchange(answer, "POST", body=b"x\0y")
        self.assertEqual((got.head().status, got.body()), (200, b""))
        self.assertEqual((self.asked[0].all("content-length"), seen), (["3"], [b"x\0y"]))
        self.assertNotIn("transfer-encoding", self.asked[0].text.lower())

    def test_of_no_known_length(self) -> None:
        self.echoing()
        got = self.connect().ask("POST", self.path(), end=False)
        got.send(b"some")
        got.send(b" more")
        got.end()
        self.assertIsNone(got.head().get("content-length"))
        self.assertEqual((got.body(), got.trailers), (b"some more", None))
        self.assertEqual(self.asked[0].all("content-length"), [])
        line = self.line(self.path())
        self.assertEqual((line["bytes_in"], line["bytes_out"]), (9, 9))

    def test_empty(self) -> None:
        self.answering(ok)
        connection = self.connect()
        self.assertEqual(connection.ask("POST", self.path()).body(), b"ok")
        got = connection.ask("POST", self.path(), end=False)
        got.end()
        self.assertEqual(got.body(), b"ok")
        self.assertEqual(self.asked[0].all("content-length"), ["0"])
        for line in self.lines(self.path(), 2):
            self.assertEqual((line["status"], line["bytes_in"]), (200, 0))

    def test_an_empty_answer_of_no_known_length(self) -> None:
        def answer(asked: Asked) -> None:
            asked.begin()
            asked.finish()

        got = self.exchange(answer)
        self.assertEqual((got.head().status, got.body()), (200, b""))

    def test_large_upload(self) -> None:
        digests: list[bytes] = []

        def answer(asked: Asked) -> None:
            digests.append(hashlib.sha256(asked.body()).digest())
            asked.answer()

        got = self.exchange(answer, "PUT", body=LARGE)
        self.assertEqual((got.head().status, digests), (200, [hashlib.sha256(LARGE).digest()]))
        self.assertEqual(self.line(self.path())["bytes_in"], len(LARGE))

    def test_large_download(self) -> None:
        got = self.exchange(saying(200, LARGE))
        self.assertEqual(got.head().get("content-length"), str(len(LARGE)))
        self.assertEqual(hashlib.sha256(got.body()).digest(), hashlib.sha256(LARGE).digest())
        self.assertEqual(self.line(self.path())["bytes_out"], len(LARGE))

    def test_both_directions_at_once_piece_by_piece(self) -> None:
        self.echoing()
        got = self.connect().ask("POST", self.path(), end=False)
        for number in range(300):
            piece = b"%d." % number * (number % 90 + 1)
            got.send(piece)
            # It is back before the next one leaves: nothing waits for more.
            self.assertEqual(got.read_exactly(len(piece)), piece)
        got.end()
        self.assertEqual(got.body(), b"")

    def test_an_upload_arrives_as_it_is_sent(self) -> None:
        pieces: list[bytes] = []
        arrived = threading.Semaphore(0)

        def answer(asked: Asked) -> None:
            while piece := asked.piece():
                pieces.append(piece)
                arrived.release()
            asked.answer(200, b"ok")

        self.answering(answer)
        got = self.connect().ask("POST", self.path(), end=False)
        for piece in (b"one", b"two"):
            got.send(piece)
            self.assertTrue(arrived.acquire(timeout=5))
        got.end()
        self.assertEqual((got.body(), pieces), (b"ok", [b"one", b"two"]))

    def test_an_answer_arrives_as_it_is_said(self) -> None:
        go_on = threading.Semaphore(0)

        def answer(asked: Asked) -> None:
            asked.begin()
            for word in (b"one", b"two", b"three"):
                asked.say(word)
                go_on.acquire(timeout=5)
            asked.finish()

        got = self.exchange(answer)
        for word in (b"one", b"two", b"three"):
            self.assertEqual(got.read_exactly(len(word)), word)
            go_on.release()
        self.assertEqual(got.body(), b"")

    def test_head_has_the_length_and_no_body(self) -> None:
        got = self.exchange(
            lambda asked: asked.bare(200, ("Content-Length", "7"), ("X-From", "there")), "HEAD"
        )
        self.assertEqual((got.head().get("content-length"), got.head().get("x-from")), ("7", "there"))
        self.assertEqual((got.body(), self.line(self.path())["bytes_out"]), (b"", 0))
        got = self.connect().ask("HEAD", "/text")
        self.assertEqual((got.head().get("content-length"), got.body()), ("9", b""))

    def test_head_of_what_has_no_known_length(self) -> None:
        got = self.exchange(lambda asked: asked.bare(200, ("Transfer-Encoding", "chunked")), "HEAD")
        self.assertIsNone(got.head().get("content-length"))
        self.assertEqual(got.body(), b"")

    def test_statuses_without_a_body(self) -> None:
        statuses = iter([(204, ()), (304, (("Content-Length", "5"),)), (205, (("Content-Length", "0"),))])

        def answer(asked: Asked) -> None:
            status, fields = next(statuses)
            asked.bare(status, *fields, ("ETag", '"x"'))

        self.answering(answer)
        connection = self.connect()
        for status, length in ((204, {None}), (304, {None, "5"}), (205, {None, "0"})):
            got = connection.ask("GET", self.path())
            self.assertEqual((got.head().status, got.head().get("etag"), got.body()), (status, '"x"', b""))
            self.assertIn(got.head().get("content-length"), length)
        self.assertEqual(connection.opened, 1)
        self.assertEqual([line["status"] for line in self.lines(self.path(), 3)], [204, 304, 205])

    def test_the_gateways_own_answers(self) -> None:
        connection = self.connect()
        got = connection.ask("GET", "/text")
        self.assertEqual((got.head().get("x-from"), got.body()), ("here", b"from here"))
        got = connection.ask("GET", "/nothing")
        self.assertEqual((got.head().status, got.head().get("content-length"), got.body()), (204, None, b""))
        got = connection.ask("POST", "/echo", body=b"hi there")
        self.assertIn(b'"body": "hi there"', got.body())
        self.assertEqual(connection.opened, 1)
