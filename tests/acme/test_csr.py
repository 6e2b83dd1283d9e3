"""A request has all names, and is signed by the key it is for."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from twisted.trial.unittest import SynchronousTestCase

from toron.acme.csr import key_pem, new_key, signing_request


class Requests(SynchronousTestCase):
    def test_names(self) -> None:
        for kind in ("ecdsa", "rsa"):
            key = new_key(kind)
            request = x509.load_der_x509_csr(signing_request(key, ["*.a.test", "b.test"]))
            found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            self.assertEqual(found.get_values_for_type(x509.DNSName), ["*.a.test", "b.test"])
            self.assertTrue(request.is_signature_valid)
            self.assertEqual(request.public_key(), key.public_key())
            self.assertEqual(list(request.subject), [])

    def test_kinds(self) -> None:
        self.assertIsInstance(
            load_pem_private_key(key_pem(new_key("ecdsa")), None), ec.EllipticCurvePrivateKey
        )
        key = load_pem_private_key(key_pem(new_key("rsa")), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self.assertEqual(key.key_size, 2048)
