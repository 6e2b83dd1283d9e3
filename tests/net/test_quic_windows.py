"""Tests of how much a client may send on each stream."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.net.quic_windows import Windows


def frame(text: str) -> bytes:
    return bytes.fromhex(text)


class Opening(SynchronousTestCase):
    def setUp(self) -> None:
        self.windows = Windows(100)

    def test_a_client_that_keeps_within_it(self) -> None:
        self.assertTrue(self.windows.came(0, 60))
        self.assertTrue(self.windows.came(4, 100))
        self.assertTrue(self.windows.came(0, 40))
        self.assertFalse(self.windows.came(0, 1))
        self.assertFalse(Windows(100).came(0, 101))

    def test_it_opens_when_half_of_it_was_taken(self) -> None:
        self.windows.came(4, 100)
        self.assertFalse(self.windows.take(4, 49))
        self.assertFalse(self.windows.pending)
        self.assertTrue(self.windows.take(4, 1))
        self.assertTrue(self.windows.pending)
        self.assertEqual(self.windows.frames(100), frame("11 04 4096"))
        self.assertTrue(self.windows.came(4, 50))
        self.assertFalse(self.windows.came(4, 1))

    def test_what_a_client_does_not_know_is_said_again(self) -> None:
        self.windows.came(4, 100)
        self.windows.take(4, 100)
        self.assertEqual(self.windows.frames(100), self.windows.frames(100))
        self.windows.known()
        self.assertEqual((self.windows.pending, self.windows.frames(100)), (False, b""))
        self.assertTrue(self.windows.came(4, 100))

    def test_a_client_that_waits_without_need(self) -> None:
        self.windows.came(4, 100)
        self.assertFalse(self.windows.blocked(4, 100))
        self.windows.take(4, 100)
        self.windows.known()
        self.assertFalse(self.windows.blocked(4, 200))
        self.assertTrue(self.windows.blocked(4, 100))
        self.assertEqual(self.windows.frames(100), frame("11 04 40c8"))

    def test_a_packet_has_only_so_much_room(self) -> None:
        for stream in range(0, 40, 4):
            self.windows.came(stream, 100)
            self.windows.take(stream, 100)
        self.assertEqual(self.windows.frames(3), b"")
        self.assertEqual(self.windows.frames(9), frame("11 00 40c8 11 04 40c8"))
        self.assertEqual(len(self.windows.frames(1000)), 40)

    def test_streams_that_are_over(self) -> None:
        self.windows.came(4, 100)
        self.windows.take(4, 100)
        self.windows.ended(4)
        self.assertFalse(self.windows.pending)
        self.assertFalse(self.windows.take(4, 100))
        self.assertFalse(self.windows.blocked(4, 0))
        self.windows.ended(4)
        self.assertEqual(
            [len(getattr(self.windows, name)) for name in ("_received", "_taken", "_granted", "_pending")],
            [0, 0, 0, 0],
        )
