"""The certificate that proves control of a name, as RFC 8737 section 3 wants it."""

from __future__ import annotations

import hashlib

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from toron.acme.tls_alpn_01 import Handshakes, proof_pair
from toron.core.wait import as_deferred
from toron.net.certificate_source import Source
from toron.net.certificates import Certificates
from toron.wire.clienthello import ClientHello

NOW = 1_800_000_000.0
HELLO = ClientHello(sni="a.test", alpn=[b"acme-tls/1"])


class Certificate(SynchronousTestCase):
    def test_names_and_extension(self) -> None:
        leaf = proof_pair("a.test", "tok.thumb", NOW).leaf
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(names.get_values_for_type(x509.DNSName), ["a.test"])
        found = leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31"))
        self.assertTrue(found.critical)
        digest = hashlib.sha256(b"tok.thumb").digest()
        self.assertEqual(found.value.public_bytes(), b"\x04\x20" + digest)
        self.assertLess(leaf.not_valid_before_utc.timestamp(), NOW)
        self.assertGreater(leaf.not_valid_after_utc.timestamp(), NOW)


class Shown(SynchronousTestCase):
    def test_only_while_it_is_shown(self) -> None:
        source = Source()
        listener = Certificates([source], "intermediate", [b"h2"], True)
        proof = Handshakes(source, lambda: NOW)
        self.assertIsNone(listener.choose(HELLO))
        self.successResultOf(as_deferred(proof.show("a.test", "tok", "tok.thumb")))
        served = listener.choose(HELLO)
        assert served is not None
        self.assertTrue(served.challenge)
        self.assertIsNone(listener.choose(ClientHello(sni="a.test", alpn=[b"h2"])))
        self.successResultOf(as_deferred(proof.hide("a.test", "tok", "tok.thumb")))
        self.assertIsNone(listener.choose(HELLO))
