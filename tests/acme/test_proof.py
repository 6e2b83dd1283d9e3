"""What every kind of challenge has in common."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.acme.dns_01 import Records
from toron.acme.http_01 import Answers
from toron.acme.proof import Proof
from toron.acme.tls_alpn_01 import Handshakes
from toron.net.certificate_source import Source


class Kinds(SynchronousTestCase):
    def test_the_words_of_directories(self) -> None:
        proofs: list[Proof] = [Answers(), Handshakes(Source(), float), Records(None, ("x",), 1.0)]
        self.assertEqual([proof.kind for proof in proofs], ["http-01", "tls-alpn-01", "dns-01"])
