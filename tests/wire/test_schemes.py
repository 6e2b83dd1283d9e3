"""The schemes are those that a configuration may have, and agree with each other."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.config.check_backend import ENCRYPTED, KINDS
from toron.wire.schemes import OVER_TLS, PORTS, SHARED


class Schemes(SynchronousTestCase):
    def test_they_are_those_of_the_configuration(self) -> None:
        self.assertEqual((PORTS.keys(), OVER_TLS), (KINDS.keys(), ENCRYPTED))

    def test_they_are_known(self) -> None:
        self.assertLessEqual(OVER_TLS | SHARED, PORTS.keys())
        self.assertEqual({PORTS[scheme] for scheme in OVER_TLS}, {443})
