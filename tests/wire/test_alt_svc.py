"""The value of Alt-Svc is as RFC 7838 has it, and RFC 9114 section 3.1.1 names the protocol."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.wire.alt_svc import over_quic


class Values(SynchronousTestCase):
    def test_whole_seconds(self) -> None:
        self.assertEqual(over_quic(443, 86400.0), b'h3=":443"; ma=86400')
        self.assertEqual(over_quic(8443, 1.9), b'h3=":8443"; ma=1')
