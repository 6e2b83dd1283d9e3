"""What is read in certificates of clients."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SynchronousTestCase

from tests.loopback.client_authority import ClientAuthority, fingerprint, loaded
from toron.net.client_identity import FIELDS, UNREADABLE, distinguished, identity


class Identities(SynchronousTestCase):
    def setUp(self) -> None:
        self.authority = ClientAuthority()
        self.addCleanup(self.authority.close)

    def test_the_fields(self) -> None:
        middle = self.authority.below("middle")
        pair = middle.client("bob", x509.DNSName("b.example"), x509.RFC822Name("b@c.example"))
        chain = [loaded(pair.cert), loaded(middle.ca), loaded(self.authority.ca)]
        shown = identity(chain, FIELDS)
        told = dict(shown.fields)
        self.assertEqual(told[b"X-Client-Cert-Subject"], b"CN=bob,O=Example")
        self.assertEqual(told[b"X-Client-Cert-Issuer"], b"CN=middle")
        self.assertEqual(told[b"X-Client-Cert-San"], b"DNS:b.example, email:b@c.example")
        self.assertEqual(shown.fingerprint, fingerprint(pair.cert))
        self.assertEqual(told[b"X-Client-Cert-Fingerprint"].decode(), fingerprint(pair.cert))
        self.assertEqual(int(told[b"X-Client-Cert-Serial"], 16), chain[0].serial_number)
        self.assertEqual(told[b"Client-Cert-Chain"].count(b":"), 2, "one, and not the root")
        self.assertTrue(told[b"Client-Cert"].startswith(b":MII"))

    def test_what_can_not_be_read(self) -> None:
        pair = self.authority.unreadable("eve")
        self.assertRaises(UNREADABLE, identity, [loaded(pair.cert)], FIELDS)

    def test_what_is_not_there_is_not_told(self) -> None:
        pair = self.authority.client("x")
        shown = identity([loaded(pair.cert), loaded(self.authority.ca)], ("san", "chain", "serial"))
        self.assertEqual([name for name, _ in shown.fields], [b"X-Client-Cert-Serial"])

    def test_nothing_ends_a_line_or_begins_another_name(self) -> None:
        for text in ("a\r\nX-Forged: 1", "a\nb", "a\0b", "Zoë", 'a"b', "a,CN=admin", "\x7f"):
            found = distinguished(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]))
            self.assertTrue(found.isascii() and found.isprintable(), found)
            self.assertNotRegex(found, r"(?<!\\),")
        self.assertEqual(
            distinguished(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Zoë\n")])), r"CN=Zo\C3\AB\0A"
        )
        pair = self.authority.client("x", x509.UniformResourceIdentifier("urn:a,DNS:b c"))
        self.assertEqual(identity([loaded(pair.cert)], ()).names, ("URI:urn:a%2CDNS:b%20c",))

    def test_it_is_of_der(self) -> None:
        pair = self.authority.client("x")
        der = loaded(pair.cert).public_bytes(serialization.Encoding.DER)
        self.assertEqual(
            len(dict(identity([loaded(pair.cert)], FIELDS).fields)[b"Client-Cert"]), 2 + -(-len(der) // 3) * 4
        )
