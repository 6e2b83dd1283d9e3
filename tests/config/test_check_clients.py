"""What is asked of clients: certificates, and that they come over https."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.config.case import ConfigCase
from tests.config.test_check_certificate import DAY, KEYS, TODAY, certificate, pem


def authority(days: int = 30, ca: bool = True) -> bytes:
    """An authority that ends in so many days."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "clients")])
    builder = x509.CertificateBuilder(subject, subject, KEYS[0].public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(TODAY - 90 * DAY).not_valid_after(TODAY + days * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    return pem(builder.sign(KEYS[0], hashes.SHA256()))


def revoked(end: datetime.datetime) -> bytes:
    """A list of nothing, which ends then."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "clients")])
    builder = x509.CertificateRevocationListBuilder().issuer_name(subject)
    made = builder.last_update(end - 9 * DAY).next_update(end).sign(KEYS[0], hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


class ClientsTestCase(ConfigCase):
    def setUp(self) -> None:
        super().setUp()
        for name, data in (
            ("a.key", pem(KEYS[0])),
            ("a.pem", pem(certificate("a.example", "b.example", "*.a.example", "*.b.example", "*.example"))),
            ("ca.pem", authority()),
            ("old.pem", authority(-1)),
            ("both.pem", authority() + authority(ca=False)),
            ("ca.crl", revoked(TODAY + DAY)),
            ("old.crl", revoked(TODAY - DAY)),
        ):
            self.write(name, data)


class Rules(ClientsTestCase):
    def one(
        self, tls: str, *expected: str, protocol: str = "https", more: str = "routes: [{echo: {}}]"
    ) -> None:
        self.says(
            f"listeners:\n  - {{protocol: {protocol}, port: 8443, certificates: [{{cert: a.pem, key: a.key}}],\n"
            f"     {tls}}}\n{more}\n",
            *expected,
        )

    def test_good_ones(self) -> None:
        for client in (
            "{ca: ca.pem}",
            "{ca: ca.pem, crl: ca.crl, verify: optional, headers: [cert, chain, issuer]}",
            "[{ca: ca.pem, names: [a.example, '*.a.example']}, {ca: ca.pem, verify: optional}]",
            "[{names: b.example, verify: none}, {ca: ca.pem}]",
            "[]",
        ):
            self.one(f"tls: {{client: {client}}}")

    def test_files(self) -> None:
        for client, said in (
            ("{}", "3:20: the key 'ca' is missing: add ca: with a PEM file of the authorities that sign for clients"),
            ("{ca: a.key}", "3:25: a.key is not a certificate in PEM form: write a file that has BEGIN CERTIFICATE"),
            ("{ca: no.pem}", "3:25: no.pem cannot be read: No such file or directory: check the path and its mode"),
            ("{ca: a.pem}", "3:25: '' is not an authority: write a file with those that sign for clients"),
            ("{ca: both.pem}", "3:25: 'CN=clients' is not an authority: write a file with those that sign for clients"),
            ("{ca: old.pem}", "3:25: warning: the authority 'CN=clients' expired on {yesterday}: nobody it signed for gets in"),
            ("{ca: ca.pem, crl: ca.pem}", "3:38: ca.pem is not a revocation list in PEM form: write a file that has BEGIN X509 CRL"),
            ("{ca: ca.pem, crl: old.crl}", "3:38: warning: the list of 'CN=clients' ended on {yesterday}: nobody gets in until there is a new one"),
            ("{ca: ca.pem, verify: always}", "3:41: 'always' is not known here: write required, optional or none"),
            ("{ca: ca.pem, headers: [sujet]}", "3:43: 'sujet' is not known here: write subject, issuer, san, serial, fingerprint, cert or chain (did you mean 'subject'?)"),
            ("{verify: none, ca: ca.pem}", "3:35: with verify: none nobody is asked for a certificate: take it or ca out"),
        ):  # fmt: skip
            yesterday = f"{TODAY - DAY:%Y-%m-%d}"
            self.one(f"tls: {{client: {client}}}", said.format(yesterday=yesterday))

    def test_names(self) -> None:
        self.one(
            "tls: {client: [{ca: ca.pem, names: ['^a', A.example, 'a b']},\n {ca: ca.pem, names: a.example},\n"
            " {ca: ca.pem},\n {ca: ca.pem}]}",
            "3:42: '^a' is an expression: write names, exact or *. and a name",
            "3:59: 'a b' is not a host: write a name such as example.com or *.example.com",
            "4:22: 'a.example' is in the rule at line 3 already: take one out",
            "6:2: the rule at line 5 is for all other names already: add names: to one of them",
        )
        self.one(
            "tls: {client: [{ca: ca.pem, names: a.example}, {ca: ca.pem, names: a.example}]}",
            "3:73: 'a.example' is in the rule at line 3 already: take one out",
        )

    def test_names_that_nobody_can_ask_for(self) -> None:
        """A rule for a name with a wrong letter in it would protect nothing."""
        self.one(
            "tls: {client: [{ca: ca.pem, names: [a.example, a.exampel, '*.a.example', '*.b.example', x.example]}]}",
            "3:53: warning: no certificate here is for 'a.exampel': nobody can ask for it, correct the name",
        )
        self.one("tls: {default_cert: first, client: {ca: ca.pem, names: a.exampel}}")

    def test_protocols_that_can_not(self) -> None:
        self.one(
            "tls: {client: {ca: ca.pem}}",
            "3:12: over HTTP/3 no client can be asked for a certificate here: take it out, and serve these names over"
            " https alone",
            protocol="http3",
        )
        self.one(
            "tls: {misdirected: pass}, echo: {}",
            "3:12: a tls listener sees no requests: take it out",
            protocol="tls", more="",
        )  # fmt: skip
        self.one("tls: {client: {ca: ca.pem}}, echo: {}", protocol="tls", more="")

    def test_a_way_past(self) -> None:
        quic = "listeners:\n  - {protocol: http3, port: 8443, certificates: [{cert: a.pem, key: a.key}]}\n"
        https = (
            "  - {protocol: https, port: %d, certificates: [{cert: a.pem, key: a.key}], tls: {client: %s}}\n"
        )
        routes = "routes: [{echo: {}}]\n"
        said = (
            "2:5: over HTTP/3 nobody is asked for a certificate, and the https listener at line 3 asks: take one of"
            " them out, or write another port"
        )
        self.says(quic + https % (8443, "{ca: ca.pem}") + routes, said)
        self.says(quic + https % (8444, "{ca: ca.pem}") + routes)
        self.says(quic + https % (8443, "{verify: none}") + routes)


class OfRoutes(ClientsTestCase):
    def one(self, route: str, *expected: str, client: str = "{ca: ca.pem}") -> None:
        self.says(
            "listeners:\n  - {name: s, protocol: https, port: 443, certificates: [{cert: a.pem, key: a.key}],\n"
            f"     tls: {{client: {client}}}}}\n  - {{name: p, protocol: http, port: 80}}\n"
            f"routes:\n  - {{echo: {{}}, {route}}}\n",
            *expected,
        )

    def test_good_ones(self) -> None:
        digits = "ab" * 32
        for wanted in (
            "required", "{}", "{subject: CN=a}", "{san: ['^spiffe://', '*.x']}", f"{{fingerprint: {digits}}}",
            f"{{fingerprint: '{':'.join(['AB'] * 32)}'}}",
        ):  # fmt: skip
            self.one(f"client_cert: {wanted}")
        self.one("client_cert: required, listeners: s")

    def test_what_is_wrong(self) -> None:
        for route, said in (
            ("client_cert: optional", "6:29: 'optional' is not known here: write required, or what it must say, {subject: CN=a}"),
            ("client_cert: {subject: '^('}", None),
            ("client_cert: {subject: ''}", "6:39: nothing is written here: write a subject, or take it out"),
            ("client_cert: {fingerprint: '12'}", "6:43: not a fingerprint: write the 64 hexadecimal digits of openssl x509 -fingerprint -sha256"),
            ("client_cert: required, listeners: p", "6:50: the listener 'p' asks for no certificates: add tls: {client: ...} there"),
        ):  # fmt: skip
            text = (
                "listeners:\n  - {name: s, protocol: https, port: 443, certificates: [{cert: a.pem, key: a.key}],\n"
                "     tls: {client: {ca: ca.pem}}}\n  - {name: p, protocol: http, port: 80}\n"
                f"routes:\n  - {{echo: {{}}, {route}}}\n"
            )
            found = self.said(text)
            self.assertEqual(len(found), 1, found)
            if said is None:
                self.assertIn("6:39: not a regular expression", found[0])
            else:
                self.assertEqual(found, [said])

    def test_nobody_asks(self) -> None:
        said = "6:16: no listener asks for certificates: add tls: {client: {ca: ...}} to an https listener"
        self.one("client_cert: required", said, client="[]")
        self.one("client_cert: required", said, client="{verify: none}")


class Redirects(ClientsTestCase):
    def one(self, *listeners: str, expected: tuple[str, ...] = ()) -> None:
        text = "".join(f"  - {{{listener}}}\n" for listener in listeners)
        self.says(f"listeners:\n{text}routes: [{{echo: {{}}}}]\n", *expected)

    HTTPS = "protocol: https, port: 443, certificates: [{cert: a.pem, key: a.key}]"
    HTTP = "protocol: http, port: 80"

    def test_good_ones(self) -> None:
        for wish in ("true", "false", "{}", "{port: 8443}", "{port: 8443, status: 302}"):
            self.one(self.HTTP, f"{self.HTTPS}, redirect_http: {wish}")
            self.one(f"{self.HTTP}, redirect_http: {wish}", self.HTTPS)

    def test_nothing_to_redirect(self) -> None:
        self.one(
            f"{self.HTTPS}, redirect_http: true",
            expected=("2:77: there is no http listener to redirect from: add {protocol: http, port: 80}",),
        )
        self.one(
            f"{self.HTTP}, redirect_http: true",
            expected=("2:32: there is no https listener to redirect to: add one, with certificates",),
        )

    def test_what_is_wrong(self) -> None:
        self.one(
            self.HTTP, f"{self.HTTPS}, redirect_http: {{status: 200}}",
            expected=("3:101: 200 is not known here: write 301, 302, 307 or 308",),
        )  # fmt: skip
        self.one(
            "protocol: tcp, port: 1, echo: {}, redirect_http: true",
            expected=(
                "2:40: only http and https listeners have redirects from http to https: take it out",
                "3:1: warning: no listener speaks http or https: these routes are never used",
            ),
        )
