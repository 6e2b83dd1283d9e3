"""Client certificates: who has to show one, which are good, and what servers are told of them."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.loopback.authority import Authority, Pair
from tests.loopback.client_authority import ClientAuthority, fingerprint, loaded
from tests.loopback.peers import Gateway, Nginx, eventually, run
from tests.loopback.shared import SharedTestCase

CONFIG = """
listeners:
  - name: required
    protocol: https
    address: 127.0.0.1
    port: @PORT@
    certificates: [{pair}]
    tls: {{client: {{ca: {root}, headers: [subject, issuer, san, serial, fingerprint, cert, chain]}}}}
  - name: optional
    protocol: https
    address: 127.0.0.1
    port: @OPTIONAL@
    certificates: [{pair}]
    tls: {{client: {{ca: {root}, crl: {crl}, verify: optional}}}}
  - name: named
    protocol: https
    address: 127.0.0.1
    port: @NAMED@
    certificates: [{pair}]
    tls:
      client:
        - {{names: [admin.example, "*.wild.example"], ca: {root}}}
        - {{names: b.example, ca: {other}, verify: optional}}
  - name: middle
    protocol: tls
    address: 127.0.0.1
    port: @MIDDLE@
    certificates: [{pair}]
    tls: {{client: {{ca: {middle}, crl: {crl}}}}}
    backend: web-tcp
routes:
  - {{match: {{path: /}}, backend: web, middlewares: [who]}}
  - {{match: {{path: /any}}, backend: web, client_cert: required}}
  - {{match: {{path: /alice}}, backend: web, client_cert: {{subject: "^CN=alice,"}}}}
  - {{match: {{path: /machines}}, backend: web, client_cert: {{san: ["*.machines.example", "spiffe://x/a"]}}}}
  - {{match: {{path: /known}}, backend: web, client_cert: {{fingerprint: "{known}"}}}}
middlewares: {{who: {{type: headers, response: {{set: {{X-Who: "{{client_cert.subject}}"}}}}}}}}
backends:
  web: {{url: "http://127.0.0.1:{web}"}}
  web-tcp: {{url: "tcp://127.0.0.1:{web}"}}
access_log: {{path: "@FOLDER@/access.log"}}
drain: {{limit: 500ms}}
"""

FIELDS = ("subject", "issuer", "san", "serial", "fingerprint")

SAYS = (
    "server {{ listen 127.0.0.1:@PORT@; location / {{ default_type text/plain; return 200 '{}'; }} }}".format(
        "\\n".join([f"{field}=$http_x_client_cert_{field}" for field in FIELDS])
        + "\\ncert=$http_client_cert\\nchain=$http_client_cert_chain\\n"
    )
)


class ClientCertificates(SharedTestCase):
    """One authority for the gateway, one for its clients, and one below that."""

    server: ClassVar[Authority]
    clients: ClassVar[ClientAuthority]
    middle: ClassVar[ClientAuthority]
    alice: ClassVar[Pair]
    gone: ClassVar[Pair]

    @classmethod
    def prepare(cls) -> None:
        cls.server, cls.clients = cls.keep(Authority()), cls.keep(ClientAuthority(name="clients"))
        cls.middle = cls.clients.below("middle")
        cls.alice = cls.clients.client(
            "alice", x509.DNSName("a.machines.example"), x509.RFC822Name("a@b.example")
        )
        cls.gone = cls.middle.client("gone", above=cls.middle.ca.read_bytes())
        crl = cls.clients.folder / "crl.pem"
        crl.write_bytes(cls.clients.revoked() + cls.middle.revoked(cls.gone))
        other = ClientAuthority(cls.clients.folder, "other")
        web = cls.keep(Nginx(SAYS))
        names = ("a.example", "b.example", "admin.example", "*.wild.example", "127.0.0.1")
        cls.gateway = cls.keep(
            Gateway(
                CONFIG.format(
                    pair=cls.server.issue(*names).yaml, root=cls.clients.ca, crl=crl, other=other.ca,
                    middle=cls.middle.ca, known=fingerprint(cls.alice.cert), web=web.port,
                )
            )
        )  # fmt: skip

    def _is_quiet(self) -> bool:
        # Exchanges have one line each.
        return any(line["peer"] == self._mark for line in self.gateway.access())

    def ask(
        self,
        path: str = "/",
        pair: Pair | None = None,
        *options: str,
        port: str = "PORT",
        host: str = "a.example",
    ) -> tuple[int, str]:
        """The status and the body; status 0 where there is no answer."""
        to = self.gateway.ports[port]
        shown = () if pair is None else ("--cert", str(pair.cert), "--key", str(pair.key))
        done = run(
            "curl", "-sS", "-w", "\n%{http_code}", "--cacert", str(self.server.ca), "--resolve",
            f"*:{to}:127.0.0.1", *shown, *options, f"https://{host}:{to}{path}",
        )  # fmt: skip
        body, _, status = done.stdout.decode().rpartition("\n")
        return int(status), body

    def refused(self, *cases: tuple[str, str, Pair | None, str]) -> None:
        """Each: the reason, the listener, what is shown there, and what the log says of it."""
        for _, port, pair, _ in cases:
            for version in ("--tls-max", "1.2"), ():
                self.assertEqual(self.ask("/", pair, *version, port=port)[0], 0)

        def found() -> list[dict[str, Any]]:
            return [line for line in self.lines() if "reason" in line]

        eventually(lambda: len(found()) >= 2 * len(cases), what="a line for each")
        lines = found()
        self.assertEqual({line["sni"] for line in lines}, {"a.example"})
        self.assertEqual([line["reason"] for line in lines[::2]], [case[0] for case in cases])
        self.assertEqual([line["reason"] for line in lines[1::2]], [case[0] for case in cases])
        for line, case in zip(lines[::2], cases, strict=True):
            self.assertIn(case[3], line["detail"])

    # --- at the door --------------------------------------------------------------------------

    def test_a_good_one(self) -> None:
        for version in ("--http1.1", "--http2"):
            self.assertEqual(self.ask("/", self.alice, version)[0], 200)
        line = self.lines(2)[-1]
        self.assertEqual((line["version"], line["tls"]["client"]), ("2", "CN=alice,O=Example"))

    def test_the_alerts(self) -> None:
        """What openssl says it got."""
        expired = self.clients.client("late", days=-1)
        for pair, alert in ((None, 116), (expired, 45), (self.gone, 44)):
            port = "PORT" if pair is not self.gone else "OPTIONAL"
            self.assertIn(f"SSL alert number {alert}", self.openssl(port, pair))

    def openssl(self, port: str, pair: Pair | None, *options: str) -> str:
        """What it prints about a request, or an alert."""
        to = f"127.0.0.1:{self.gateway.ports[port]}"
        if pair is not None:
            cert = str(pair.cert)
            options = ("-cert", cert, "-key", str(pair.key), "-cert_chain", cert, *options)
        done = run(
            "openssl", "s_client", "-ign_eof", "-connect", to, "-servername", "a.example", *options,
            stdin=b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
        )  # fmt: skip
        return (done.stdout + done.stderr).decode()

    def test_those_that_are_not_good(self) -> None:
        stranger = ClientAuthority(self.clients.folder, "stranger").client("eve")
        server = self.clients.client("server", purpose=ExtendedKeyUsageOID.SERVER_AUTH)
        late, bare = self.clients.client("late", days=-1), self.middle.client("bob")
        self.refused(
            ("client_certificate_missing", "PORT", None, "peer did not return"),
            ("client_certificate_unknown_ca", "PORT", stranger, "CN=eve,O=Example"),
            ("client_certificate_unknown_ca", "OPTIONAL", stranger, "unknown authority"),
            ("client_certificate_expired", "PORT", late, "CN=late,O=Example has expired"),
            ("client_certificate_purpose", "OPTIONAL", server, "is not for clients"),
            ("client_certificate_unknown_ca", "PORT", bare, "CN=bob,O=Example"),
            ("client_certificate_revoked", "OPTIONAL", self.gone, "was revoked"),
            ("client_certificate_revoked", "MIDDLE", self.gone, "was revoked"),
            ("client_certificate_unknown_ca", "MIDDLE", self.alice, "unknown authority"),
        )

    def test_authorities_in_between(self) -> None:
        chain = self.middle.client("bob", above=self.middle.ca.read_bytes())
        for port, pair in (
            ("PORT", chain),
            ("OPTIONAL", chain),
            ("MIDDLE", self.middle.client("bob")),
            ("PORT", self.gone),  # where nobody looks it up
        ):
            self.assertEqual(self.ask("/", pair, port=port)[0], 200)

    def test_nothing_is_resumed(self) -> None:
        session = self.clients.folder / "session"
        for version in ("-tls1_2", "-tls1_3"):
            for port, pair, resumed in (("PORT", self.alice, False), ("NAMED", None, True)):
                session.unlink(missing_ok=True)
                self.assertIn("\nNew, TLS", self.openssl(port, pair, version, "-sess_out", str(session)))
                if resumed or session.exists():
                    text = self.openssl(port, pair, version, "-sess_in", str(session))
                    self.assertIn("\nReused, TLS" if resumed else "\nNew, TLS", text)

    # --- by name ------------------------------------------------------------------------------

    def test_each_name_its_rule(self) -> None:
        for host, pair, status in (
            ("a.example", None, 200),
            ("admin.example", None, 0),
            ("admin.example", self.alice, 200),
            ("x.wild.example", None, 0),
            ("b.example", None, 200),
            ("b.example", self.alice, 0),
        ):
            with self.subTest(host=host, pair=pair):
                self.assertEqual(self.ask("/", pair, port="NAMED", host=host)[0], status)

    def test_no_way_round_by_another_name(self) -> None:
        """The certificate is for both names, but what is asked of clients is not the same."""
        for version in ("--http1.1", "--http2"):
            status, body = self.ask("/", None, version, "-H", "Host: ADMIN.example.:443", port="NAMED")
            self.assertEqual((status, "misdirected" in body), (421, True))
            self.assertEqual(self.ask("/", None, version, "-H", "Host: b.example", port="NAMED")[0], 421)
        status, _ = self.ask("/", None, "-H", "Host: admin.example", port="NAMED", host="127.0.0.1")
        self.assertEqual(status, 421)
        self.assertEqual({line.get("route") for line in self.lines(5)}, {""}, "before any route")

    # --- routes -------------------------------------------------------------------------------

    def test_a_route_that_asks_for_one(self) -> None:
        reasons: list[str | None] = []
        other = self.clients.client("carol", x509.UniformResourceIdentifier("spiffe://x/a"))
        for path, pair, status, reason in (
            ("/", None, 200, None),
            ("/any", None, 403, "client_certificate_required"),
            ("/any", self.alice, 200, None),
            ("/any", other, 200, None),
            ("/alice", self.alice, 200, None),
            ("/alice", other, 403, "client_certificate_not_allowed"),
            ("/machines", self.alice, 200, None),
            ("/machines", other, 200, None),
            ("/machines", self.clients.client("dave", x509.DNSName("machines.example")), 403,
             "client_certificate_not_allowed"),
            ("/known", self.alice, 200, None),
            ("/known", other, 403, "client_certificate_not_allowed"),
        ):  # fmt: skip
            for version in ("--http1.1", "--http2"):
                with self.subTest(path=path, reason=reason, version=version):
                    self.assertEqual(self.ask(path, pair, version, port="OPTIONAL")[0], status)
            reasons += [reason, reason]
        self.assertEqual([line.get("reason") for line in self.lines(len(reasons))], reasons)

    # --- what servers are told ----------------------------------------------------------------

    def test_the_fields(self) -> None:
        pair = self.middle.client(
            "eve, DNS:admin", x509.DNSName("e.example"), x509.UniformResourceIdentifier("spiffe://x/e,DNS:y"),
            above=self.middle.ca.read_bytes(),
        )  # fmt: skip
        for version in ("--http1.1", "--http2"):
            status, body = self.ask("/", pair, version)
            told = dict(line.split("=", 1) for line in body.splitlines())
            self.assertEqual(status, 200)
            self.assertEqual(told["subject"], r"CN=eve\, DNS:admin,O=Example")
            self.assertEqual(told["issuer"], "CN=middle")
            self.assertEqual(told["san"], "DNS:e.example, URI:spiffe://x/e%2CDNS:y")
            self.assertEqual(told["serial"], f"{loaded(pair.cert).serial_number:x}")
            self.assertEqual(told["fingerprint"], fingerprint(pair.cert))
            self.assertEqual(told["cert"], f":{_base64(pair.cert.read_text())}:")
            self.assertEqual(told["chain"], f":{_base64(self.middle.ca.read_text())}:", "not the root")

    def test_nobody_forges_them(self) -> None:
        forged = [
            f"{mark.join(('X', 'Client', 'Cert', field))}: forged" for field in FIELDS for mark in "-_"
        ] + ["Client-Cert: :Zm9yZ2Vk:", "client_cert_chain: :Zm9yZ2Vk:", "X_Client-Cert_Subject: forged"]
        lines = [part for line in forged for part in ("-H", line)]
        for version in ("--http1.1", "--http2"):
            for port, pair, subject in (
                ("PORT", self.alice, "CN=alice,O=Example"),
                ("OPTIONAL", self.alice, "CN=alice,O=Example"),
                ("OPTIONAL", None, ""),
                ("NAMED", None, ""),
            ):
                _, body = self.ask("/", pair, version, *lines, port=port)
                self.assertNotRegex(body, "forged|Zm9y")
                self.assertIn(f"subject={subject}\n", body)

    def test_variables(self) -> None:
        for pair, who in ((self.alice, "CN=alice,O=Example"), (None, "")):
            _, head = self.ask("/", pair, "-D", "-", "-o", "/dev/null", port="OPTIONAL")
            self.assertRegex(head, rf"(?im)^x-who: ?{re.escape(who)}\r?$")


def _base64(pem: str) -> str:
    """The first certificate, without the lines around it."""
    return "".join(pem.partition("-----END")[0].splitlines()[1:])
