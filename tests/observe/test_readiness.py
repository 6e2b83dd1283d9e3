"""Tests of readiness."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.observe.readiness import Readiness


class ReadinessTests(SynchronousTestCase):
    """Ready while nothing holds it."""

    def test_reasons_come_and_go(self) -> None:
        readiness = Readiness("starting")
        for act, word, reasons in (
            (readiness.hold, "draining", ["starting", "draining"]),
            (readiness.hold, "starting", ["starting", "draining"]),
            (readiness.release, "starting", ["draining"]),
            (readiness.release, "never held", ["draining"]),
            (readiness.release, "draining", []),
            (readiness.hold, "draining", ["draining"]),
        ):
            act(word)
            self.assertEqual((readiness.reasons, readiness.ready), (reasons, not reasons))

    def test_without_a_reason_it_is_ready(self) -> None:
        self.assertTrue(Readiness().ready)
