"""Access lines go to the parent in order, wait while it is behind, and are counted when they are lost."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.workers.line_frames import HELD, LineFrames
from toron.workers.messages import Lines


class LineFramesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.sent: list[Any] = []
        self.ended = 0
        self.frames = LineFrames(self.tell, self.end)

    def tell(self, message: Any) -> None:
        self.sent.append(message)

    def end(self) -> None:
        self.ended += 1

    def test_it_sends_what_it_is_given(self) -> None:
        self.frames.open()
        self.frames.start()
        self.assertTrue(self.frames.is_open)
        self.assertTrue(self.frames.put(b"a\n"))
        self.frames.reopen()
        self.assertTrue(self.frames.put(b"b\nc\n"))
        self.assertEqual(self.sent, [Lines(b"a\n"), Lines(b"b\nc\n")])
        self.frames.stop()
        self.assertEqual((self.ended, self.frames.lost), (1, 0))

    def test_a_parent_that_is_behind(self) -> None:
        self.frames.pauseProducing()
        for line in (b"a\n", b"b\n"):
            self.assertTrue(self.frames.put(line))
        self.assertEqual(self.sent, [])
        self.frames.stop()
        self.assertEqual(self.ended, 0)
        self.frames.resumeProducing()
        self.assertEqual(self.sent, [Lines(b"a\n"), Lines(b"b\n")])
        self.assertEqual(self.ended, 1)

    def test_it_falls_behind_again(self) -> None:
        self.frames.pauseProducing()
        for line in (b"a\n", b"b\n", b"c\n"):
            self.frames.put(line)

        def tell(message: Any) -> None:
            self.sent.append(message)
            if len(self.sent) == 2:
                self.frames.pauseProducing()

        self.frames._tell = tell
        self.frames.resumeProducing()
        self.assertEqual(len(self.sent), 2)
        self.frames.resumeProducing()
        self.assertEqual(self.sent[2], Lines(b"c\n"))

    def test_there_is_an_end_to_waiting(self) -> None:
        self.frames.pauseProducing()
        half = b"x" * (HELD // 2 - 1) + b"\n"
        self.assertEqual([self.frames.put(half) for _ in range(3)], [True, True, False])
        self.frames.stop()
        self.frames.give_up()
        self.assertEqual(self.frames.lost, 2)
        self.frames.resumeProducing()
        self.assertEqual(self.sent, [])

    def test_the_parent_is_gone(self) -> None:
        self.frames.pauseProducing()
        self.frames.put(b"a\nb\n")
        self.frames.stopProducing()
        self.assertEqual(self.frames.lost, 2)
