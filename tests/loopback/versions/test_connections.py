"""A connection serves one exchange after the other, and many at a time where the version can."""

from __future__ import annotations

import threading

from tests.loopback.versions.asked import Asked
from tests.loopback.versions.case import VersionCase, ok


class Connections(VersionCase):
    """What HTTP/1.1 needs several connections for, the other ways do on one."""

    def test_one_after_the_other(self) -> None:
        self.answering(lambda asked: asked.answer(200, asked.body()))
        connection = self.connect()
        for number in range(30):
            got = connection.ask("POST", f"{self.path()}/{number}", body=b"%d" % number)
            self.assertEqual((got.head().status, got.body()), (200, b"%d" % number))
        self.assertEqual(connection.opened, 1)
        self.assertFalse(connection.is_closing)
        self.assertEqual([asked.target for asked in self.asked], [f"{self.path()}/{n}" for n in range(30)])

    def test_many_at_a_time(self) -> None:
        together = threading.Barrier(20)

        def answer(asked: Asked) -> None:
            body = asked.body()
            together.wait(10)
            asked.answer(200, asked.target.encode() + body)

        self.answering(answer)
        connection = self.connect()
        targets = [f"{self.path()}/{number}" for number in range(20)]
        got = {target: connection.ask("POST", target, body=b"!") for target in targets}
        for target in reversed(targets):
            self.assertEqual(got[target].body(), target.encode() + b"!")
        self.assertEqual(connection.opened, 1 if self.way.one_connection else 20)

    def test_a_slow_one_holds_up_no_other(self) -> None:
        go_on = threading.Event()

        def answer(asked: Asked) -> None:
            if asked.target.endswith("slow"):
                go_on.wait(10)
            ok(asked)

        self.answering(answer)
        connection = self.connect()
        slow = connection.ask("GET", self.path() + "/slow")
        for _ in range(3):
            self.assertEqual(connection.ask("GET", self.path()).body(), b"ok")
        self.assertFalse(slow.has_answer())
        go_on.set()
        self.assertEqual(slow.body(), b"ok")

    def test_uploads_side_by_side(self) -> None:
        self.echoing()
        connection = self.connect()
        exchanges = [connection.ask("POST", f"{self.path()}/{number}", end=False) for number in range(5)]
        for word in (b"a", b"bc", b"def"):
            for number, exchange in enumerate(exchanges):
                exchange.send(word * (number + 1))
        for number, exchange in enumerate(exchanges):
            exchange.end()
            said = b"".join(word * (number + 1) for word in (b"a", b"bc", b"def"))
            self.assertEqual(exchange.body(), said)

    def test_one_that_is_given_up_leaves_the_others_alone(self) -> None:
        go_on = threading.Event()

        def answer(asked: Asked) -> None:
            asked.begin()
            asked.say(b"first ")
            go_on.wait(10)
            asked.say(b"last")
            asked.finish()

        self.answering(answer)
        connection = self.connect()
        given_up, kept = (connection.ask("GET", f"{self.path()}/{number}") for number in range(2))
        for exchange in (given_up, kept):
            self.assertEqual(exchange.read_exactly(6), b"first ")
        given_up.reset()
        self.assertEqual(self.line(self.path() + "/0")["reason"], "client_gone")
        go_on.set()
        self.assertEqual(kept.body(), b"last")
        self.assertNotIn("reason", self.line(self.path() + "/1"))
