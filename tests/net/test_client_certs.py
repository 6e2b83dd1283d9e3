"""What clients have to show, and what is made of it, in memory."""

from __future__ import annotations

import gc
from typing import Any

from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.loopback.authority import Pair
from tests.loopback.client_authority import ClientAuthority
from tests.net.certificates_made import p256
from tests.net.tls_accepted import TlsAccepted
from toron.core.refusal import Refusal
from toron.net import client_certs
from toron.net.accept_tls import accept_tls
from toron.net.certificate_source import Source
from toron.net.certificates import Certificates
from toron.net.client_certs import (
    AskedClients,
    ClientRule,
    ClientRules,
    refusal,
    revocation_lists,
)
from toron.net.tls import TlsFailed, TlsLayer


class Asked(TlsAccepted):
    """A client of a listener with rules."""

    def setUp(self) -> None:
        super().setUp()
        self.authority = ClientAuthority()
        self.addCleanup(self.authority.close)

    def rule(self, required: bool = True, revoked: bytes = b"", ca: bytes = b"") -> ClientRule:
        return ClientRule(required, ca or self.authority.ca.read_bytes(), revoked, ("subject",))

    def accept(
        self, rest: ClientRule | None, shown: Pair | None, name: str = "a.test", **by_name: Any
    ) -> Any:
        """The connection's TlsInfo, or why there is none; and what the client was told."""
        certificates = Certificates([Source(p256("a.test", "b.test"))], "intermediate", (), strict=True)
        rules = ClientRules(rest, {f"{key}.test": rule for key, rule in by_name.items()})
        asked = AskedClients(rules, certificates)
        self.begin(accept_tls(self.connection, certificates, 5.0, clients=asked))
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        if shown is not None:
            context.use_certificate_chain_file(str(shown.cert))
            context.use_privatekey_file(str(shown.key))
        self.told: list[TlsFailed | None] = []
        layer = TlsLayer(context, server=False, ready=self.told.append, name=name)
        layer.protocol = self.client
        self.wire.near.protocol = layer
        layer.makeConnection(self.wire.near)
        self.wire.run()
        (result,) = self.results
        return self.connection.tls if result is None else result

    def reason(self) -> str:
        (result,) = self.results
        assert isinstance(result, Refusal)
        return result.reason.word

    def test_a_good_one(self) -> None:
        info = self.accept(self.rule(), self.authority.client("alice"))
        self.assertEqual(info.client.subject, "CN=alice,O=Example")
        self.assertEqual(info.client.fields, ((b"X-Client-Cert-Subject", b"CN=alice,O=Example"),))
        self.assertEqual(info.rule, self.rule())
        self.assertEqual((info.host, list(info.names)), (b"a.test", ["a.test", "b.test"]))

    def test_none(self) -> None:
        self.accept(self.rule(), None)
        self.assertEqual(self.reason(), "client_certificate_missing")
        self.setUp()
        info = self.accept(self.rule(required=False), None)
        self.assertEqual((info.client, info.rule), (None, self.rule(required=False)))

    def test_the_rule_of_the_name(self) -> None:
        for name, good in (("a.test", False), ("b.test", True), ("", False)):
            self.setUp()
            result = self.accept(self.rule(), None, name, b=None)
            self.assertEqual(not isinstance(result, Refusal), good, name)
            if good:
                self.assertIsNone(result.rule)

    def test_what_is_wrong_with_others(self) -> None:
        stranger = ClientAuthority(self.authority.folder, "stranger")
        gone = self.authority.client("gone")
        late = self.authority.revoked(days=-1)
        for word, pair, more in (
            ("unknown_ca", stranger.client("eve"), {}),
            ("expired", self.authority.client("late", days=-1), {}),
            ("expired", self.authority.client("early", days=1000), {}),
            ("purpose", self.authority.client("srv", purpose=ExtendedKeyUsageOID.SERVER_AUTH), {}),
            ("revoked", gone, {"revoked": self.authority.revoked(gone)}),
            ("bad", self.authority.client("x"), {"revoked": late}),
            ("bad", self.authority.client("x"), {"revoked": stranger.revoked()}),
        ):
            super().setUp()
            given: Any = more
            for required in (True, False):
                super().setUp()
                self.accept(self.rule(required, **given), pair)
                self.assertEqual(self.reason(), f"client_certificate_{word}")
                self.assertIsNone(self.connection.tls)

    def test_trust_that_begins_in_between(self) -> None:
        middle = self.authority.below("middle")
        pair, gone = middle.client("bob"), middle.client("gone")
        for shown, ca, revoked, word in (
            (pair, middle.ca.read_bytes(), b"", None),
            (pair, middle.ca.read_bytes(), middle.revoked(gone), None),
            (gone, middle.ca.read_bytes(), middle.revoked(gone), "client_certificate_revoked"),
            (pair, middle.ca.read_bytes() + self.authority.ca.read_bytes(), b"", None),
            (pair, self.authority.ca.read_bytes(), b"", "client_certificate_unknown_ca"),
        ):
            super().setUp()
            result = self.accept(self.rule(True, revoked, ca), shown)
            self.assertEqual(result.reason.word if isinstance(result, Refusal) else None, word)

    def test_who_was_revoked_below_where_trust_begins(self) -> None:
        middle = self.authority.below("middle", deep=1)
        low = middle.below("low")
        gone = Pair(low.ca, low.ca)
        shown = low.client("bob", above=low.ca.read_bytes())
        for lists, word in (
            (middle.revoked() + low.revoked(), None),
            (middle.revoked(gone) + low.revoked(), "client_certificate_revoked"),
            (self.authority.revoked() + middle.revoked() + low.revoked(), None),
            (low.revoked(), "client_certificate_bad"),
        ):
            super().setUp()
            result = self.accept(self.rule(True, lists, middle.ca.read_bytes()), shown)
            self.assertEqual(result.reason.word if isinstance(result, Refusal) else None, word)

    def test_one_that_only_openssl_can_read(self) -> None:
        stranger = ClientAuthority(self.authority.folder, "stranger")
        for authority, word, said in (
            (stranger, "unknown_ca", "of somebody whose name can not be read is of an unknown authority"),
            (self.authority, "bad", "the certificate can not be read"),
        ):
            super().setUp()
            result = self.accept(self.rule(), authority.unreadable("eve"))
            self.assertEqual(self.reason(), f"client_certificate_{word}")
            self.assertIn(said, result.detail)
            self.assertFalse(self.wire.far.connected)

    def test_lists_are_held_once_for_all_certificates(self) -> None:
        certificates = Certificates(
            [Source(p256(name)) for name in ("a.test", "b.test")], "intermediate", (), strict=True
        )
        rule = self.rule(True, self.authority.revoked())
        shown = AskedClients(ClientRules(rule, {}), certificates).shown(rule)
        certificates.sources[0].serve(p256("a.test"))
        stores: list[Any] = [served.context.get_cert_store() for served in shown.served()]
        self.assertEqual(stores[0]._store, stores[1]._store)

    def test_where_they_can_not_be_shared(self) -> None:
        self.patch(client_certs, "_set_store", None)
        self.test_a_good_one()
        self.setUp()
        gone = self.authority.client("gone")
        self.accept(self.rule(True, self.authority.revoked(gone)), gone)
        self.assertEqual(self.reason(), "client_certificate_revoked")

    def test_certificates_that_come_later(self) -> None:
        certificates = Certificates([Source(p256("a.test"))], "intermediate", (), strict=True)
        rule = self.rule()
        asked = AskedClients(ClientRules(rule, {}), certificates)
        later = Source(p256("c.test"))
        certificates.add(later)
        self.assertEqual(asked.shown(rule).which("c.test"), 1)
        later.serve(p256("d.test"))
        self.assertEqual(asked.shown(rule).which("d.test"), 1)
        certificates.remove(later)
        self.assertIsNone(asked.shown(rule).which("d.test"))
        del asked
        gc.collect()
        self.assertEqual(len(certificates._twins), 0)


class Rules(SynchronousTestCase):
    def test_by_name(self) -> None:
        rest, one, two = (ClientRule(True, ca) for ca in (b"rest", b"one", b"two"))
        rules = ClientRules(rest, {"a.test": one, "*.b.test": two, "c.test": None})
        for name, rule in (
            ("a.test", one), ("x.b.test", two), ("b.test", rest), ("x.y.b.test", rest), ("c.test", None),
            ("", rest), ("other", rest),
        ):  # fmt: skip
            self.assertIs(rules.of(name), rule, name)
        self.assertEqual(rules.rules, [rest, one, two])

    def test_the_same(self) -> None:
        def made(ca: bytes = b"a", **names: Any) -> ClientRules:
            return ClientRules(ClientRule(True, ca), names)

        self.assertEqual(made(), made())
        self.assertNotEqual(made(), made(b"b"))
        self.assertNotEqual(made(), made(x=None))
        self.assertNotEqual(made(), None)

    def test_files_that_are_none(self) -> None:
        for rule in (ClientRule(True, b"nothing"), ClientRule(True, p256().chain, b"nothing")):
            self.assertRaises(ValueError, rule.prepare, SSL.Context(SSL.TLS_SERVER_METHOD))
        self.assertRaises(ValueError, revocation_lists, b"")
        self.assertRaises(
            ValueError, revocation_lists, b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"
        )

    def test_other_failures(self) -> None:
        self.assertEqual(refusal(TlsFailed("no shared cipher")).reason.word, "handshake_failed")
        self.assertEqual(refusal(TlsFailed()).reason.word, "handshake_failed")
