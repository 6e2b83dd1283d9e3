"""What is asked of responders, and which of their answers may be shown."""

from __future__ import annotations

from cryptography import x509
from cryptography.x509 import ocsp
from twisted.trial.unittest import SynchronousTestCase

from tests.net.ocsp_authority import (
    DAY,
    DER,
    HOUR,
    MUST_STAPLE,
    NOW,
    PEM,
    REVOKED,
    UNKNOWN,
    URL,
    Issuer,
    key,
)
from toron.net.key_pair import KeyPair
from toron.net.ocsp import Revoked, answer, must_staple, question

STRANGER = Issuer("stranger")


class Questions(SynchronousTestCase):
    def test_what_is_asked(self) -> None:
        issuer = Issuer()
        pair = issuer.pair()
        asked = question(pair)
        self.assertEqual((asked.url, asked.serial), (URL, pair.leaf.serial_number))
        self.assertEqual(ocsp.load_der_ocsp_request(asked.request).serial_number, asked.serial)
        self.assertEqual(asked.issuer, issuer.certificate)

    def test_nobody_to_ask(self) -> None:
        error = self.assertRaises(ValueError, question, Issuer().pair(responder=False))
        self.assertEqual(str(error), "the certificate names no OCSP responder")

    def test_nothing_to_ask_with(self) -> None:
        pair = Issuer().pair(chain=False)
        other = KeyPair(pair.chain + STRANGER.certificate.public_bytes(PEM), pair.key)
        for each in (pair, other):
            error = self.assertRaises(ValueError, question, each)
            self.assertEqual(str(error), "the certificate of its issuer is not behind it in the file")

    def test_who_must_have_an_answer(self) -> None:
        issuer = Issuer()
        self.assertTrue(must_staple(issuer.pair(MUST_STAPLE)))
        self.assertFalse(must_staple(issuer.pair()))
        self.assertFalse(must_staple(issuer.pair(x509.TLSFeature([x509.TLSFeatureType.status_request_v2]))))


class Answers(SynchronousTestCase):
    def setUp(self) -> None:
        self.issuer = Issuer()
        self.pair = self.issuer.pair()
        self.leaf = self.pair.leaf
        self.question = question(self.pair)

    def refused(self, response: bytes) -> str:
        """Why it is not shown."""
        return str(self.assertRaises(ValueError, answer, self.question, response, NOW.timestamp()))

    def test_a_good_one_of_every_kind_of_key(self) -> None:
        for kind in ("ecdsa", "rsa", "ed25519"):
            issuer = Issuer(kind=kind)
            pair = issuer.pair()
            said = issuer.answer(pair.leaf)
            got = answer(question(pair), said, NOW.timestamp())
            self.assertEqual(got.response, said)
            self.assertEqual((got.begins, got.ends), ((NOW - HOUR).timestamp(), (NOW + 7 * DAY).timestamp()))

    def test_one_by_name(self) -> None:
        said = self.issuer.answer(self.leaf, encoding=ocsp.OCSPResponderEncoding.NAME)
        answer(self.question, said, NOW.timestamp())

    def test_one_without_an_end(self) -> None:
        got = answer(self.question, self.issuer.answer(self.leaf, ends=None), NOW.timestamp())
        self.assertEqual(got.ends, (NOW + HOUR).timestamp())

    def test_by_a_delegate(self) -> None:
        got = answer(self.question, self.issuer.answer(self.leaf, by=self.issuer.delegate()), NOW.timestamp())
        self.assertGreater(got.ends, NOW.timestamp())

    def test_by_who_may_not(self) -> None:
        stranger = (STRANGER.certificate, STRANGER.key)
        for by in (self.issuer.delegate(may=False), STRANGER.delegate(), stranger):
            why = self.refused(self.issuer.answer(self.leaf, by=by))
            self.assertEqual(why, "the response is not signed by who may sign it")
        late = self.issuer.delegate(begins=NOW - 100 * DAY)
        why = self.refused(self.issuer.answer(self.leaf, by=late))
        self.assertEqual(why, "the certificate of the responder is not valid now")
        missing = self.issuer.answer(self.leaf, by=self.issuer.delegate(), with_certificate=False)
        self.assertEqual(self.refused(missing), "the response is not signed by who may sign it")

    def test_changed_on_the_way(self) -> None:
        said = self.issuer.answer(self.leaf)
        at = said.find(b"20260608")
        self.assertGreater(at, 0)
        changed = said[:at] + b"20270608" + said[at + 8 :]
        self.assertEqual(self.refused(changed), "the response is not signed by who may sign it")

    def test_about_another(self) -> None:
        other = self.issuer.sign("a.test", key())
        self.assertEqual(self.refused(self.issuer.answer(other)), "the response is about another certificate")
        self.assertEqual(
            self.refused(STRANGER.answer(self.leaf, by=(self.issuer.certificate, self.issuer.key))),
            "the response is about another certificate",
        )

    def test_not_good(self) -> None:
        revoked = self.issuer.answer(self.leaf, REVOKED)
        error = self.assertRaises(Revoked, answer, self.question, revoked, NOW.timestamp())
        self.assertEqual(str(error), "the certificate was revoked on 2026-05-31")
        unknown = self.issuer.answer(self.leaf, UNKNOWN)
        self.assertEqual(self.refused(unknown), "the responder does not know the certificate")

    def test_times(self) -> None:
        old = self.issuer.answer(self.leaf, begins=NOW - 9 * DAY, ends=NOW - DAY)
        self.assertEqual(self.refused(old), "the response is too old: it held until 2026-05-31 00:00 UTC")
        early = self.issuer.answer(self.leaf, begins=NOW + HOUR)
        self.assertEqual(self.refused(early), "the response is for later: 2026-06-01 01:00 UTC")
        answer(self.question, self.issuer.answer(self.leaf, begins=NOW + HOUR / 30), NOW.timestamp())

    def test_no_answer_at_all(self) -> None:
        for nonsense in (b"", b"<html>", self.issuer.answer(self.leaf)[:-5]):
            self.assertEqual(self.refused(nonsense), "it is no OCSP response")
        later = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
        self.assertEqual(self.refused(later.public_bytes(DER)), "the responder says try later")
