"""Work is done in a thread, and its result or failure comes back."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.test_reload import Reactor
from toron.changing.beside import beside
from toron.core.wait import as_deferred


class Beside(SynchronousTestCase):
    def test_what_comes_back(self) -> None:
        self.assertEqual(self.successResultOf(as_deferred(beside(Reactor(), lambda: 5))), 5)

        def broken() -> int:
            raise ValueError("no")

        self.failureResultOf(as_deferred(beside(Reactor(), broken)), ValueError)
