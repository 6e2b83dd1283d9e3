"""A gateway that stops lets clients know, and lets finish what is under way."""

from __future__ import annotations

import signal
import threading

from tests.loopback.conversation import Ended
from tests.loopback.gateway import Gateway
from tests.loopback.http_case import ADMIN
from tests.loopback.sockets import answers, eventually
from tests.loopback.versions.asked import Asked, accept
from tests.loopback.versions.case import CONFIG, VersionCase, ok
from tests.loopback.versions.connection import switched
from tests.loopback.versions.exchange import Broken, Exchange
from tests.loopback.versions.frames import CLOSE, TEXT, frame, hear


class Stopping(VersionCase):
    """Each test stops a gateway of its own."""

    def setUp(self) -> None:
        self.number, self.asked = 0, []
        self.go_on = threading.Event()
        self.gateway = self.start(Gateway(CONFIG + ADMIN))
        self.answering(self.answer)

    def tearDown(self) -> None:
        self.assertNotIn("Traceback", self.gateway.log())

    def answer(self, asked: Asked) -> None:
        if asked.get("upgrade"):
            accept(asked)
            asked.conversation.send(frame(TEXT, b"hi", masked=False))
            asked.conversation.read_all()
            raise Ended
        if not asked.target.endswith("slow"):
            ok(asked)
            return
        asked.begin()
        asked.say(b"begun ")
        self.go_on.wait(5)
        asked.say(asked.body())
        asked.finish()

    def test_all_that_is_open_comes_to_its_end(self) -> None:
        # One gateway for all of it: to start and to stop one takes longer than the rest.
        self.idle, self.busy, self.kept, self.last = (self.connect() for _ in range(4))
        for connection in (self.idle, self.kept):
            self.assertEqual(connection.ask("GET", self.path()).body(), b"ok")
        slow = self.busy.ask("POST", self.path() + "/slow", end=False)
        self.assertEqual(slow.read_exactly(6), b"begun ")
        tunnel = self.last.websocket(self.path())
        self.assertTrue(switched(tunnel))
        self.assertEqual(hear(tunnel), (TEXT, b"hi"))
        self.gateway.kill(signal.SIGTERM)
        self.another_request()
        self.idle.until_closed(3)
        self.slow_answer(slow)
        self.goodbye(tunnel)
        self.assertIn(self.gateway.wait(5), (0, -signal.SIGTERM))
        ends = {(line["status"], line.get("reason")) for line in self.gateway.access(4)}
        self.assertEqual(ends, {(200, None), (101, None)})

    def another_request(self) -> None:
        """What still comes on an open connection is answered, or the client knows better already."""
        eventually(lambda: not answers(self.gateway.port), what="the doors are closed")
        if not self.kept.is_closing:
            got = self.kept.ask("GET", self.path())
            self.assertEqual((got.head().status, got.body()), (200, b"ok"))
        eventually(lambda: self.kept.is_closing, what="the client is told")
        self.kept.until_closed(3)

    def slow_answer(self, slow: Exchange) -> None:
        """What is under way is finished, in both directions."""
        slow.send(b"and")
        if self.way.one_connection:
            # The head of HTTP/1.1's answer is out already: it cannot say that it is the last one.
            eventually(lambda: self.busy.is_closing, what="the client is told")
        self.go_on.set()
        slow.send(b" done")
        slow.end()
        self.assertEqual(slow.body(), b"and done")
        self.busy.until_closed(3)

    def goodbye(self, tunnel: Exchange) -> None:
        """A WebSocket is told with a frame, and the answer to that reaches the server."""
        self.assertEqual(hear(tunnel), (CLOSE, b"\x03\xe9"))
        answered = frame(CLOSE, b"\x03\xe9")
        tunnel.send(answered)
        tunnel.end()
        self.assertEqual(tunnel.body(), b"")
        (asked,) = [asked for asked in self.asked if asked.get("upgrade")]
        self.assertTrue(asked.conversation.received.endswith(answered))
        self.last.until_closed(3)

    def test_what_does_not_end_is_cut_when_told_twice(self) -> None:
        self.addCleanup(self.go_on.set)
        got = self.connect().ask("GET", self.path() + "/slow")
        self.assertEqual(got.read_exactly(6), b"begun ")
        self.gateway.kill(signal.SIGTERM)
        eventually(lambda: not answers(self.gateway.port), what="the doors are closed")
        self.gateway.kill(signal.SIGTERM)
        self.assertRaises(Broken, got.body)
        self.assertIn(self.gateway.wait(5), (0, -signal.SIGTERM))
        self.assertEqual(self.gateway.access(1)[-1]["reason"], "drained")
