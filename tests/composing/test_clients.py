"""What a listener asks of its clients is made of what is written, and kept where that is the same."""

from __future__ import annotations

from tests.composing.composed import ComposedCase
from tests.loopback.client_authority import ClientAuthority
from toron.compose import Composition
from toron.config.place import Invalid
from toron.core.agreement import Agreement
from toron.net.accept import StreamListener
from toron.net.client_certs import ClientRules

TEXT = """
listeners:
  - {name: plain, protocol: http, port: 80}
  - {name: own, protocol: https, port: 443, certificates: [{self_signed: [a.example, b.example]}], tls: {%s}}
  - {name: quic, protocol: http3, port: 444, certificates: [{self_signed: a.example}], tls: {%s}}
routes: [{respond: {}}]
"""


class Clients(ComposedCase):
    def setUp(self) -> None:
        super().setUp()
        self.authority = ClientAuthority(self.folder, "ca")
        (self.folder / "ca.crl").write_bytes(self.authority.revoked())

    def made(self, own: str, before: Composition | None = None, quic: str = "") -> Composition:
        return self.composition(TEXT % (own, quic), before)

    def rules(self, composition: Composition) -> ClientRules | None:
        """What is asked of those who come in."""
        listener = composition.listeners[1]
        assert isinstance(listener, StreamListener)
        assert listener.admits is None or isinstance(listener.admits, ClientRules)
        return listener.admits

    def agreement(self, composition: Composition, name: str) -> Agreement | None:
        site = composition.doors.entrances[name].site
        assert site is not None
        return site.agreement

    def test_nobody_is_asked(self) -> None:
        for own in ("", "client: []", "client: {verify: none}"):
            made = self.made(own)
            self.assertIsNone(self.rules(made))
            self.assertIsNotNone(self.agreement(made, "own"))
            self.assertIsNone(self.agreement(made, "plain"))
            self.assertIsNotNone(self.agreement(made, "quic"))

    def test_any_host_will_do(self) -> None:
        made = self.made("misdirected: pass", quic="misdirected: pass")
        self.assertIsNone(self.agreement(made, "own"))
        self.assertIsNone(self.agreement(made, "quic"))
        self.assertIsNotNone(self.agreement(self.made("misdirected: pass, client: {ca: ca.pem}"), "own"))

    def test_by_name(self) -> None:
        rules = self.rules(
            self.made(
                "client: [{ca: ca.pem, crl: ca.crl, headers: [cert]},"
                " {names: [A.example, '*.x'], verify: none},"
                " {names: b.example, ca: ca.pem, verify: optional}]"
            )
        )
        assert rules is not None
        rest, b = rules.of(""), rules.of("b.example")
        assert rest is not None and b is not None
        self.assertEqual((rest.required, rest.fields, bool(rest.revoked)), (True, ("cert",), True))
        self.assertEqual((b.required, len(b.fields), b.revoked), (False, 4, b""))
        self.assertEqual((rules.of("a.example"), rules.of("y.x"), rules.of("z")), (None, None, rest))

    def test_kept_and_read_again(self) -> None:
        client = "client: {ca: ca.pem, crl: ca.crl}"
        first = self.made(client)
        second = self.made(client, first, "policy: modern")
        self.assertIs(self.rules(second), self.rules(first))
        (self.folder / "ca.crl").write_bytes(self.authority.revoked(self.authority.client("gone")))
        third = self.made(client, second)
        self.assertNotEqual(self.rules(third), self.rules(second))
        self.assertEqual(self.rules(self.made(f"policy: modern, {client}", third)), self.rules(third))

    def test_files_that_openssl_does_not_take(self) -> None:
        """They are looked at before; what is left is said with its place."""
        pem = (self.folder / "ca.pem").read_text()
        (self.folder / "ca.pem").write_text(pem)
        first = self.made("client: {ca: ca.pem}")
        (self.folder / "ca.pem").write_text("nothing")
        said = str(self.assertRaises(Invalid, self.made, "client: {ca: ca.pem}", first))
        self.assertIn("a.yaml:4:", said)
        self.assertIn("ca.pem is not a certificate", said)
