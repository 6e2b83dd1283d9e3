"""Certificates go on from one composition to the next, whatever is in their files by then."""

from __future__ import annotations

import datetime

from cryptography.hazmat.primitives.asymmetric import ec

from tests.composing.composed import ComposedCase
from tests.net.certificates_made import made_with
from toron.config.place import Invalid
from toron.net.key_pair import KeyPair

NOW = datetime.datetime.fromtimestamp(1_800_000_000.0, datetime.UTC)

TEXT = """
listeners:
  - {name: one, protocol: https, port: 443, certificates: [{cert: c.pem, key: k.pem}, {self_signed: b.test}]}
  - {name: two, protocol: tls, port: 444, echo: {}, certificates: [{cert: c.pem, key: k.pem}]}
routes: [{respond: {}}]
"""


class Sources(ComposedCase):
    def setUp(self) -> None:
        super().setUp()
        self.pair = self.place()

    def place(self) -> KeyPair:
        """Write a new pair."""
        pair = made_with(ec.generate_private_key(ec.SECP256R1()), begins=NOW - datetime.timedelta(days=1))
        (self.folder / "c.pem").write_bytes(pair.chain)
        (self.folder / "k.pem").write_bytes(pair.key)
        return pair

    def test_listeners_share_them(self) -> None:
        made = self.composition(TEXT).certificates
        one, two = made.made
        self.assertIs(one.sources[0], two.sources[0])
        self.assertEqual(made.sources, one.sources)
        self.assertEqual([source.label for source in made.sources], ["c.pem", "self-signed"])
        self.assertEqual(made.sources[0].pair, self.pair)

    def test_they_go_on(self) -> None:
        first = self.composition(TEXT)
        second = self.composition(TEXT.replace("port: 444", "port: 445"), first)
        self.assertEqual(second.certificates.sources, first.certificates.sources)
        self.assertEqual(second.certificates.made, first.certificates.made)
        self.assertIs(second.care, first.care)

    def test_a_new_listener_serves_the_same(self) -> None:
        first = self.composition(TEXT)
        second = self.composition(
            TEXT.replace("protocol: tls", "tls: {policy: modern}, protocol: tls"), first
        )
        self.assertIsNot(second.certificates.made[1], first.certificates.made[1])
        self.assertEqual(second.certificates.sources, first.certificates.sources)

    def test_new_files_are_served_by_a_reload(self) -> None:
        first = self.composition(TEXT)
        fresh = self.place()
        self.assertEqual(first.certificates.sources[0].pair, self.pair)
        second = self.composition(TEXT, first)
        self.assertEqual(second.certificates.sources[0].pair, fresh)
        self.assertEqual(second.certificates.made, first.certificates.made)

    def test_only_what_is_served_is_cared_for(self) -> None:
        first = self.composition(TEXT)
        self.assertEqual(sorted(name for name, _ in first.care.ends()), ["a.test", "b.test"])
        second = self.composition(TEXT.replace(", {self_signed: b.test}", ""), first)
        second.settle()
        self.assertEqual([name for name, _ in first.care.ends()], ["a.test"])

    def test_the_place_of_what_can_not_be_served(self) -> None:
        weak = made_with(ec.generate_private_key(ec.SECP192R1()))
        (self.folder / "c.pem").write_bytes(weak.chain)
        (self.folder / "k.pem").write_bytes(weak.key)
        error = str(self.assertRaises(Invalid, self.composition, TEXT))
        self.assertIn("a.yaml:3:", error)
        self.assertIn("the certificate can not be used: ", error)
