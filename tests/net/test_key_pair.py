"""What is read of a certificate with its key, and a pair that is made for development."""

from __future__ import annotations

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.trial.unittest import SynchronousTestCase

from tests.net.certificates_made import made_with
from toron.net.key_pair import KeyPair, self_signed

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class Pairs(SynchronousTestCase):
    """Certificates with their keys."""

    def test_a_self_signed_one(self) -> None:
        made = self_signed(["a.test", "127.0.0.1", "::1"], NOW)
        certificate = made.leaf
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(names.get_values_for_type(x509.DNSName), ["a.test"])
        self.assertEqual(
            names.get_values_for_type(x509.IPAddress),
            [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")],
        )
        self.assertLess(certificate.not_valid_before_utc, NOW)
        self.assertEqual(certificate.not_valid_after_utc, NOW + datetime.timedelta(days=30))
        self.assertEqual(made.not_after, (NOW + datetime.timedelta(days=30)).timestamp())

    def test_names(self) -> None:
        made = self_signed(["A.test", "*.b.test", "127.0.0.1"], NOW)
        self.assertEqual(made.names(), ["a.test", "*.b.test", "127.0.0.1"])

    def test_a_certificate_of_the_old_kind(self) -> None:
        made = made_with(ec.generate_private_key(ec.SECP256R1()), ())
        self.assertEqual(made.names(), ["old.test"])

    def test_no_certificate(self) -> None:
        with self.assertRaises(ValueError):
            KeyPair(b"nothing", b"nothing").names()
