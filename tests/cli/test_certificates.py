"""What is said of a certificate."""

from __future__ import annotations

import datetime

from twisted.trial.unittest import SynchronousTestCase

from tests.net.certificates_made import made_with, with_rsa
from tests.net.ocsp_authority import DAY, MUST_STAPLE, NOW, Issuer, key
from toron.cli._certificates import facts, left, lines


class Facts(SynchronousTestCase):
    def test_one_of_an_authority(self) -> None:
        pair = Issuer().pair(MUST_STAPLE)
        known = facts(pair.chain)
        self.assertEqual(
            {name: known[name] for name in ("names", "key", "issuer", "not_before", "not_after", "chain")},
            {
                "names": ["a.test"],
                "key": "ECDSA secp256r1",
                "issuer": "CN=ca",
                "not_before": "2026-05-31T00:00:00Z",
                "not_after": "2026-08-29T00:00:00Z",
                "chain": ["CN=ca"],
            },
        )
        self.assertEqual(known["renew_from"], "2026-07-30T00:00:00Z")
        self.assertEqual(known["serial"], f"{pair.leaf.serial_number:x}")
        self.assertEqual((known["ocsp"], known["must_staple"]), ("http://ocsp.test/", True))
        said = dict(lines(known, NOW))
        self.assertEqual(said["valid"], "2026-05-31T00:00:00Z to 2026-08-29T00:00:00Z, 89 days left")
        self.assertEqual(said["ocsp"], "http://ocsp.test/, must be stapled")
        self.assertEqual(said["chain"], "CN=ca")

    def test_keys(self) -> None:
        self.assertEqual(facts(with_rsa().chain)["key"], "RSA 2048")
        self.assertEqual(facts(made_with(key("ed25519")).chain)["key"], "Ed25519")

    def test_one_by_itself(self) -> None:
        said = dict(lines(facts(with_rsa().chain), NOW))
        self.assertEqual(said["chain"], "itself alone")
        self.assertNotIn("ocsp", said)

    def test_how_long_it_holds(self) -> None:
        known = facts(Issuer().pair().chain)
        for days, said in (
            (-3, "not valid for 3 days yet"),
            (10, "79 days left"),
            (100, "expired 11 days ago"),
        ):
            self.assertEqual(left(known, NOW + datetime.timedelta(days=days)), said)
        self.assertEqual(left(known, NOW + 89 * DAY), "expired 0 days ago")

    def test_no_certificate(self) -> None:
        self.assertRaises(ValueError, facts, b"nothing")
