"""Who waits sends when the batch is over, or before where many wait; who sent already does not again."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.net.late import MOST, Late


class Stream:
    def __init__(self) -> None:
        self.waits = True
        self.sent = 0

    def send(self) -> None:
        self.waits = False
        self.sent += 1


class LateTests(SynchronousTestCase):
    def test_at_the_end(self) -> None:
        late, streams = Late(), [Stream(), Stream(), Stream()]
        late.open = True
        for stream in streams:
            late.add(stream)
        self.assertEqual([stream.sent for stream in streams], [0, 0, 0])
        streams[1].send()
        late.close()
        self.assertEqual([stream.sent for stream in streams], [1, 1, 1])
        self.assertFalse(late.open)
        late.close()
        self.assertEqual([stream.sent for stream in streams], [1, 1, 1])

    def test_not_for_ever(self) -> None:
        late, streams = Late(), [Stream() for _ in range(MOST)]
        for stream in streams:
            self.assertEqual(streams[0].sent, 0)
            late.add(stream)
        self.assertEqual({stream.sent for stream in streams}, {1})
