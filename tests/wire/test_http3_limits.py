"""Tests of what one HTTP/3 connection may cost."""

from __future__ import annotations

import dataclasses

from twisted.trial.unittest import SynchronousTestCase

from toron.wire.http3_limits import Http3Limits


class Limits(SynchronousTestCase):
    def test_nothing_is_without_a_limit(self) -> None:
        self.assertGreater(min(dataclasses.astuple(Http3Limits())), 0)

    def test_they_are_shared_and_do_not_change(self) -> None:
        with self.assertRaises(dataclasses.FrozenInstanceError):
            Http3Limits().resets = 1  # type: ignore[misc]
