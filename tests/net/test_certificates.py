"""Certificates by name, and how strict the contexts are that serve them."""

from __future__ import annotations

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from toron.net.certificates import Certificates, KeyPair, self_signed, server_context

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def pair(*names: str) -> KeyPair:
    """A certificate for these names."""
    return self_signed(names, NOW)


def common_name_alone(name: str) -> KeyPair:
    """A certificate of the old kind."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    return KeyPair(
        certificate.public_bytes(pem), key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )


class Names(SynchronousTestCase):
    """Which certificate answers to which name."""

    def chosen(self, certificates: Certificates, *names: str) -> list[SSL.Context | None]:
        """The contexts for these names."""
        return [certificates.choose(name) for name in names]

    def test_exact_then_wildcard_then_none(self) -> None:
        made = Certificates([pair("a.test"), pair("*.b.test"), pair("x.b.test")], "modern", (), strict=True)
        first, wild, exact = self.chosen(made, "a.test", "y.b.test", "x.b.test")
        self.assertEqual(len({first, wild, exact}), 3)
        self.assertNotIn(None, (first, wild, exact))
        self.assertEqual(self.chosen(made, "b.test", "z.y.b.test", "a", "*.b.test"), [None] * 3 + [wild])

    def test_which_certificate_it_is(self) -> None:
        made = Certificates([pair("a.test"), pair("*.b.test", "a.test")], "modern", (), strict=True)
        found = [made.which(name) for name in ("a.test", "x.b.test", "b.test", "")]
        self.assertEqual(found, [0, 1, None, 0])

    def test_no_name_is_the_first(self) -> None:
        made = Certificates([pair("a.test"), pair("b.test")], "modern", (), strict=True)
        self.assertIs(made.choose(""), made.choose("a.test"))

    def test_an_unknown_name_where_not_strict(self) -> None:
        made = Certificates([pair("a.test"), pair("b.test")], "modern", (), strict=False)
        self.assertIs(made.choose("c.test"), made.choose("a.test"))

    def test_the_first_that_has_a_name_keeps_it(self) -> None:
        made = Certificates([pair("a.test", "c.test"), pair("c.test")], "modern", (), strict=True)
        self.assertIs(made.choose("c.test"), made.choose("a.test"))

    def test_letters_of_a_certificate_may_be_large(self) -> None:
        self.assertIsNotNone(Certificates([pair("A.Test")], "modern", (), strict=True).choose("a.test"))

    def test_expiry(self) -> None:
        made = Certificates([pair("a.test", "b.test"), pair("c.test")], "modern", (), strict=True)
        end = (NOW + datetime.timedelta(days=30)).timestamp()
        self.assertEqual(made.expiry, {"a.test": end, "c.test": end})


class Pairs(SynchronousTestCase):
    """Certificates with their keys."""

    def test_a_self_signed_one(self) -> None:
        certificate = x509.load_pem_x509_certificate(pair("a.test", "127.0.0.1", "::1").chain)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(names.get_values_for_type(x509.DNSName), ["a.test"])
        self.assertEqual(
            names.get_values_for_type(x509.IPAddress),
            [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")],
        )
        self.assertLess(certificate.not_valid_before_utc, NOW)
        self.assertEqual(certificate.not_valid_after_utc, NOW + datetime.timedelta(days=30))

    def test_names(self) -> None:
        self.assertEqual(pair("A.test", "*.b.test", "127.0.0.1").names(), ["a.test", "*.b.test", "127.0.0.1"])
        self.assertEqual(common_name_alone("Old.test").names(), ["old.test"])

    def test_a_key_of_another_certificate(self) -> None:
        mixed = KeyPair(pair("a.test").chain, pair("b.test").key)
        self.assertRaises(SSL.Error, server_context, mixed, "modern", ())

    def test_no_pem(self) -> None:
        self.assertRaises(ValueError, server_context, KeyPair(b"nothing", b"nothing"), "modern", ())

    def test_a_chain_is_served_whole(self) -> None:
        leaf, other = pair("a.test"), pair("ca.test")
        context = server_context(KeyPair(leaf.chain + other.chain, leaf.key), "modern", ())
        server = SSL.Connection(context, None)
        client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        server.set_accept_state()
        client.set_connect_state()
        with self.assertRaises(SSL.WantReadError):
            client.do_handshake()
        server.bio_write(client.bio_read(65536))
        with self.assertRaises(SSL.WantReadError):
            server.do_handshake()
        client.bio_write(server.bio_read(65536))
        client.do_handshake()
        chain = client.get_peer_cert_chain()
        assert chain is not None
        self.assertEqual([each.get_subject().CN for each in chain], ["a.test", "ca.test"])
