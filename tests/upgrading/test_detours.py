"""Each listener that reads from a UDP socket gets a way to the process that takes over."""

from __future__ import annotations

import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.turns import Turns
from toron.upgrading.detours import Detours

DNS, WEB = (True, None, 53, ""), (False, None, 80, "")


class Listener:
    def __init__(self, opened: Any) -> None:
        self.opened = opened
        self.steps: list[Any] = []

    def pass_on(self, detour: Any) -> None:
        self.steps.append(detour)

    def pause(self) -> None:
        self.steps.append("paused")


class DetoursTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Turns()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.udp.close)
        self.listener, self.other = Listener(self.udp), Listener(None)
        self.detours = Detours(self.reactor)
        self.addCleanup(self.detours.drop)

    def theirs(self) -> socket.socket:
        """A copy of the end that is for the new process."""
        listeners = [self.listener, self.other, object(), self.listener]
        with self.detours.theirs({WEB: [object()], DNS: [self.udp]}, listeners) as theirs:
            self.assertEqual(list(theirs), [DNS])
            kept = theirs[DNS].dup()
        self.addCleanup(kept.close)
        self.assertEqual(theirs[DNS].fileno(), -1)
        return kept

    def test_one_is_taken(self) -> None:
        kept = self.theirs()
        self.assertEqual(self.listener.steps, [])
        self.detours.take()
        (passing,) = self.listener.steps
        passing.send(b"hello", ("192.0.2.1", 5), b"")
        self.assertIn(b"hello", kept.recv(100))
        self.assertEqual(self.other.steps, [])

    def test_the_other_process_ends_first(self) -> None:
        kept = self.theirs()
        self.detours.take()
        kept.close()
        self.reactor.until(lambda: "paused" in self.listener.steps)
        self.assertEqual(self.listener.steps[1:], [None, "paused"])

    def test_nobody_takes_over(self) -> None:
        self.theirs()
        self.detours.take()
        self.detours.drop()
        self.assertEqual((self.listener.steps[1:], self.reactor.readers), ([None], set()))
        self.detours.drop()
        self.theirs()
        self.detours.drop()
        self.assertEqual(len(self.listener.steps), 2)
