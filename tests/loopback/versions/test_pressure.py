"""The slow side holds up the fast one: the gateway keeps little of what is on its way."""

from __future__ import annotations

import threading

from tests.loopback.sockets import eventually
from tests.loopback.versions.asked import Asked
from tests.loopback.versions.case import VersionCase

PIECE = bytes(1 << 16)
ENDLESS = 256 << 20
MOST = 32 << 20
"""Bytes that may be on their way: buffers of the system, and of the gateway."""
GROWTH = 24 << 20


class Pressure(VersionCase):
    """Endless bodies that one side does not read."""

    def setUp(self) -> None:
        super().setUp()
        self.said = 0

    def endless(self, asked: Asked) -> None:
        """Says more than anybody will read, and counts."""
        asked.begin(200, length=ENDLESS)
        while self.said < ENDLESS:
            asked.say(PIECE)
            self.said += len(PIECE)

    def stands_still(self) -> None:
        """Wait until the server has not said a byte more for a while."""
        seen = [-1]

        def stands() -> bool:
            seen.append(self.said)
            return len(seen) > 25 and seen[-1] == seen[-25]

        eventually(stands, 10, "the server is held up")

    def test_a_download_that_nobody_reads(self) -> None:
        before = self.gateway.rss()
        got = self.exchange(self.endless)
        self.assertEqual(got.head().status, 200)
        self.stands_still()
        self.assertLess(self.said, MOST)
        self.assertLess(self.gateway.rss() - before, GROWTH)
        stood = self.said
        # Read on, and it goes on.
        got.read_exactly(8 << 20)
        eventually(lambda: self.said > stood + (4 << 20), what="the server goes on")
        got.reset()
        self.assertEqual(self.line(self.path())["reason"], "client_gone")

    def test_a_download_that_nobody_reads_holds_up_no_other(self) -> None:
        def answer(asked: Asked) -> None:
            if asked.target.endswith("endless"):
                self.endless(asked)
            else:
                asked.answer(200, PIECE * 4)

        self.answering(answer)
        connection = self.connect()
        endless = connection.ask("GET", self.path() + "/endless")
        self.assertEqual(endless.head().status, 200)
        for _ in range(3):
            self.assertEqual(connection.ask("GET", self.path()).body(), PIECE * 4)
        self.stands_still()
        self.assertLess(self.said, MOST)
        endless.reset()

    def test_an_upload_that_the_server_does_not_read(self) -> None:
        go_on = threading.Event()
        sizes: list[int] = []

        def answer(asked: Asked) -> None:
            go_on.wait(10)
            sizes.append(len(asked.body()))
            asked.answer(200, b"ok")

        before = self.gateway.rss()
        got = self.exchange(answer, "POST", end=False)
        with self.assertRaises(TimeoutError):
            while got.sent < ENDLESS:
                got.send(PIECE, within=0.3)
        self.assertLess(got.sent, MOST)
        self.assertLess(self.gateway.rss() - before, GROWTH)
        # The server reads, and nothing was lost.
        go_on.set()
        got.flush()
        got.end()
        self.assertEqual(got.body(), b"ok")
        self.assertEqual(sizes, [got.sent])
        self.assertEqual(self.line(self.path())["bytes_in"], got.sent)

    def test_an_upload_that_the_server_does_not_read_holds_up_no_other(self) -> None:
        go_on = threading.Event()

        def answer(asked: Asked) -> None:
            if asked.target.endswith("deaf"):
                go_on.wait(10)
            asked.answer(200, b"%d" % len(asked.body()))

        self.answering(answer)
        connection = self.connect()
        deaf = connection.ask("POST", self.path() + "/deaf", end=False)
        with self.assertRaises(TimeoutError):
            while deaf.sent < ENDLESS:
                deaf.send(PIECE, within=0.3)
        for _ in range(3):
            got = connection.ask("POST", self.path(), body=PIECE * 4)
            self.assertEqual(got.body(), b"%d" % (4 * len(PIECE)))
        go_on.set()
        deaf.flush()
        deaf.end()
        self.assertEqual(deaf.body(), b"%d" % deaf.sent)

    def test_a_client_that_reads_late_misses_nothing(self) -> None:
        size = 2 << 20

        def answer(asked: Asked) -> None:
            asked.begin()
            for number in range(size // len(PIECE)):
                asked.say(bytes([number]) * len(PIECE))
            asked.finish()

        got = self.exchange(answer)
        got.head()
        eventually(lambda: self.asked, what="the request arrives")
        body = got.body()
        self.assertEqual([body[at] for at in range(0, size, len(PIECE))], [*range(size // len(PIECE))])
        self.assertEqual(len(body), size)
