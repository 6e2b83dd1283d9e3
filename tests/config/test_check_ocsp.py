"""What is written on OCSP: possible, impossible, or of no use."""

from __future__ import annotations

import datetime

from tests.config.case import ConfigCase
from tests.config.fakes import NOW
from tests.net.ocsp_authority import DAY, MUST_STAPLE, Issuer

YESTERDAY = datetime.datetime.fromtimestamp(NOW, datetime.UTC) - DAY
ISSUER = Issuer()
TEXT = """listeners:
  - protocol: {protocol}
    port: 1
    certificates: [{{cert: a.pem, key: a.key{keys}}}]
routes: [{{echo: {{}}}}]
"""
MUST = "the certificate says that an OCSP response must come with it"


class Ocsp(ConfigCase):
    """Each: a certificate, and what is said about its keys."""

    def one(
        self, keys: str, *expected: str, protocol: str = "https", must: bool = False, **made: bool
    ) -> None:
        more = [MUST_STAPLE] if must else []
        pair = ISSUER.pair(
            *more, chain=made.get("chain", True), responder=made.get("responder", True), begins=YESTERDAY
        )
        self.write("a.pem", pair.chain)
        self.write("a.key", pair.key)
        self.says(TEXT.format(protocol=protocol, keys=keys), *expected)

    def test_possible(self) -> None:
        self.one("")
        self.one(", ocsp: true")
        self.one(", ocsp: true, ocsp_cache: a.ocsp")
        self.one(", ocsp: false")
        self.one("", must=True)
        self.one(", ocsp_cache: a.ocsp", must=True)

    def test_nobody_to_ask(self) -> None:
        why = "the certificate names no OCSP responder"
        self.one(", ocsp: true", f"4:46: {why}: take ocsp out", responder=False)
        message = f"4:27: warning: {MUST}, but {why}: use one without must-staple"
        self.one("", message, responder=False, must=True)

    def test_nothing_to_ask_with(self) -> None:
        why = "the certificate of its issuer is not behind it in the file"
        self.one(", ocsp: true", f"4:46: {why}: take ocsp out", chain=False)
        self.one("", f"4:27: warning: {MUST}, but {why}: use one without must-staple", chain=False, must=True)

    def test_over_quic(self) -> None:
        why = "over http3 no OCSP response can be shown"
        self.one(", ocsp: true", f"4:46: {why}: take ocsp out", protocol="http3")
        message = f"4:27: warning: {MUST}, but {why}: use one without must-staple"
        self.one("", message, protocol="http3", must=True)
        self.one("", protocol="http3")

    def test_of_no_use(self) -> None:
        message = "4:46: nobody is asked for what it would keep: add ocsp: true, or take it out"
        self.one(", ocsp_cache: a.ocsp", message)
        self.one(", ocsp: false, ocsp_cache: a.ocsp", "4:59: ocsp: false asks nobody: take one of them out")

    def test_one_that_must_and_may_not(self) -> None:
        self.one(", ocsp: false", f"4:46: warning: {MUST}: clients may refuse it", must=True)

    def test_self_signed(self) -> None:
        text = TEXT.format(protocol="https", keys="").replace("cert: a.pem, key: a.key", "@")
        why = "nobody answers for a self-signed certificate: take it out"
        warning = "for development: clients do not trust a self-signed certificate"
        self.says(
            text.replace("@", "self_signed: a.test, ocsp: true, ocsp_cache: x"),
            f"4:21: warning: {warning}",
            f"4:42: {why}",
            f"4:54: {why}",
        )
