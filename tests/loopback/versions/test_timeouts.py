"""Who keeps the gateway waiting is not waited for, and nobody else suffers for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from tests.loopback.conversation import Ended
from tests.loopback.sockets import eventually
from tests.loopback.versions.asked import Asked
from tests.loopback.versions.case import VersionCase, ok
from tests.loopback.versions.exchange import Broken

HASTY = "HASTY_"
PIECE = bytes(1 << 16)
STEPS = 10
"""Of a tenth of a second: longer than a client may be silent."""


class Timeouts(VersionCase):
    """A listener that waits 600 ms for a client, and serves three requests on a connection."""

    def setUp(self) -> None:
        super().setUp()
        self.cut, self.go_on = threading.Event(), threading.Event()

    def answer(self, asked: Asked) -> None:
        """As the end of the path wants it."""
        match asked.target.rpartition("/")[2]:
            case "endless":
                asked.begin()
                while True:
                    asked.say(PIECE)
            case "ticks":
                asked.begin()
                for _ in range(STEPS):
                    asked.say(b"tick")
                    asked.conversation.wait(0.1)
                asked.finish()
            case "late":
                asked.conversation.wait(STEPS / 10)
                ok(asked)
            case "deaf":
                self.go_on.wait(10)
                asked.answer(200, b"%d" % len(asked.body()))
            case "cut":
                try:
                    asked.body()
                except (Ended, OSError):
                    self.cut.set()
                    raise
            case _:
                ok(asked)

    # --- the slow -----------------------------------------------------------------------------

    def test_who_is_slow_is_waited_for(self) -> None:
        self.answering(self.answer)
        scenes = [self.uploads_to_the_deaf(), self.drips(), self.reads_slowly(), self.waits_for_the_server()]
        # All at the same time, for it is time that they take; but the first takes a while to begin.
        next(scenes[0])
        while scenes:
            scenes = [scene for scene in scenes if next(scene, True) is None]
            time.sleep(0.1)

    def drips(self) -> Iterator[None]:
        got = self.connect(HASTY).ask("POST", self.path(), end=False)
        for _ in range(STEPS):
            got.send(b"x")
            yield
        got.end()
        self.assertEqual(got.body(), b"ok")

    def reads_slowly(self) -> Iterator[None]:
        got = self.connect(HASTY).ask("GET", self.path() + "/endless")
        for _ in range(STEPS):
            got.read_exactly(1 << 20)
            yield
        got.reset()

    def waits_for_the_server(self) -> Iterator[None]:
        got = self.connect(HASTY).ask("GET", self.path() + "/late")
        for _ in range(STEPS):
            yield
        self.assertEqual(got.body(), b"ok")

    def uploads_to_the_deaf(self) -> Iterator[None]:
        got = self.connect(HASTY).ask("POST", self.path() + "/deaf", end=False)
        with self.assertRaises(TimeoutError):
            while got.sent < 256 << 20:
                got.send(PIECE, within=0.3)
        for _ in range(STEPS):
            yield
        self.go_on.set()
        got.flush()
        got.end()
        self.assertEqual(got.body(), b"%d" % got.sent)

    # --- the stalled --------------------------------------------------------------------------

    def test_who_stops_is_not_waited_for(self) -> None:
        self.answering(self.answer)
        idle, busy, other = (self.connect(HASTY) for _ in range(3))
        self.assertEqual(idle.ask("GET", self.path()).body(), b"ok")
        stops = other.ask("POST", self.path() + "/cut", end=False)
        stops.send(b"part")
        left = busy.ask("GET", self.path() + "/endless")
        ticks = busy.ask("GET", self.path() + "/ticks")
        self.assertEqual(ticks.body(), b"tick" * STEPS)
        self.assertNotIn("reason", self.line(self.path() + "/ticks"))

        line = self.line(self.path() + "/endless")
        self.assertEqual((line["status"], line["reason"]), (200, "client_stalled"))
        self.assertRaises(Broken, left.body)

        self.assertEqual((stops.head().status, b"body_timeout" in stops.body()), (408, True))
        stops.until_unwanted()
        self.assertTrue(self.cut.wait(5))
        line = self.line(self.path() + "/cut")
        self.assertEqual((line["status"], line["reason"], line["bytes_in"]), (408, "body_timeout", 4))

        idle.until_closed(3)

    # --- connections --------------------------------------------------------------------------

    def test_a_connection_serves_no_more_than_its_share(self) -> None:
        self.answering(ok)
        connection = self.connect(HASTY)
        for _ in range(3):
            self.assertEqual(connection.ask("GET", self.path()).body(), b"ok")
        eventually(lambda: connection.is_closing, what="the client is told")
        connection.until_closed(3)
        self.assertEqual(len(self.lines(self.path(), 3)), 3)
