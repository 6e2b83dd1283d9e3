"""Tests of the certificates that QUIC has, and for which name each is."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SynchronousTestCase

from toron.net.certificate_source import Source
from toron.net.certificates import Certificates
from toron.net.key_pair import KeyPair, self_signed
from toron.net.quic_identities import Identities, Identity, identity
from toron.wire.clienthello import ClientHello

NOW = datetime.datetime.now(datetime.UTC)


def pair(key: object, form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8) -> KeyPair:
    """A certificate for a key, self-signed."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.test")])
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else hashes.SHA256()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())  # type: ignore[attr-defined]
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + datetime.timedelta(days=1))
        .sign(key, digest)  # type: ignore[arg-type]
    )
    return KeyPair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()),  # type: ignore[attr-defined]
    )


class Keys(SynchronousTestCase):
    def test_keys_of_every_usual_kind_in_every_usual_form(self) -> None:
        old = serialization.PrivateFormat.TraditionalOpenSSL
        small = rsa.generate_private_key(65537, 2048)
        for made in (
            pair(ec.generate_private_key(ec.SECP256R1())),
            pair(ec.generate_private_key(ec.SECP256R1()), old),
            pair(ec.generate_private_key(ec.SECP384R1())),
            pair(ec.generate_private_key(ec.SECP521R1())),
            pair(small),
            pair(small, old),
            pair(ed25519.Ed25519PrivateKey.generate()),
        ):
            self.assertTrue(identity(made).key.sign)

    def test_keys_that_can_not_be_used(self) -> None:
        for key in (ec.generate_private_key(ec.SECP256K1()), ed448.Ed448PrivateKey.generate()):
            error = self.assertRaises(ValueError, identity, pair(key))
            self.assertIn("its key can not be used for QUIC", str(error))

    def test_the_certificates_above_it(self) -> None:
        first, second = self_signed(["a.test"], NOW), self_signed(["b.test"], NOW)
        made = identity(KeyPair(first.chain + second.chain, first.key))
        self.assertEqual(len(made.chain), 1)


class Names(SynchronousTestCase):
    def setUp(self) -> None:
        self.pairs = [self_signed(["a.test"], NOW), self_signed(["b.test", "*.wild.test"], NOW)]
        self.identities = Identities(
            Certificates([Source(pair) for pair in self.pairs], "modern", (), strict=True)
        )

    def choose(self, name: str) -> Identity | None:
        return self.identities.choose(ClientHello(sni=name))

    def test_each_name_has_its_certificate(self) -> None:
        first, second = (self.choose(name) for name in ("a.test", "b.test"))
        self.assertIsNot(first, second)
        self.assertIs(self.choose("x.wild.test"), second)
        self.assertIs(self.choose(""), first)
        self.assertIs(self.identities.first, first)
        self.assertIsNone(self.choose("c.test"))

    def test_the_proof_of_resets_lasts_as_long_as_the_key(self) -> None:
        again = Identities(Certificates([Source(pair) for pair in self.pairs], "modern", (), strict=True))
        other = Identities(Certificates([Source(pair) for pair in self.pairs[1:]], "modern", (), strict=True))
        self.assertEqual(again.reset_key, self.identities.reset_key)
        self.assertNotEqual(other.reset_key, self.identities.reset_key)

    def test_a_new_pair_is_followed(self) -> None:
        source = Source(self.pairs[0])
        identities = Identities(Certificates([source], "modern", (), strict=True))
        before, key = identities.choose(ClientHello(sni="a.test")), identities.reset_key
        source.serve(self_signed(["a.test", "new.test"], NOW))
        after = identities.choose(ClientHello(sni="new.test"))
        assert before is not None and after is not None
        self.assertNotEqual(before.certificate, after.certificate)
        self.assertEqual(identities.reset_key, key)

    def test_a_new_pair_that_quic_can_not_use(self) -> None:
        source = Source(self.pairs[0])
        identities = Identities(Certificates([source], "modern", (), strict=True))
        before = identities.choose(ClientHello(sni="a.test"))
        self.assertRaises(ValueError, source.serve, pair(ed448.Ed448PrivateKey.generate()))
        self.assertIs(identities.choose(ClientHello(sni="a.test")), before)

    def test_nothing_to_serve_yet(self) -> None:
        source = Source()
        identities = Identities(Certificates([source], "modern", (), strict=True))
        self.assertIsNotNone(identities.first)
        self.assertIsNone(identities.choose(ClientHello(sni="a.test")))
        source.serve(self.pairs[0])
        self.assertIsNotNone(identities.choose(ClientHello(sni="a.test")))
