"""Which hosts a connection over TLS may be asked for."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.core.agreement import Agreement, covers
from toron.core.refusal import Refusal
from toron.net.tls import TlsInfo

NAMES = ("a.example", "b.example", "*.w.example", "192.0.2.1", "2001:db8::1")


def tls(sni: str, rule: Any = None) -> TlsInfo:
    return TlsInfo("TLSv1.3", "", "", "", sni, names=NAMES, rule=rule)


class Covers(SynchronousTestCase):
    def test_names_and_one_label(self) -> None:
        for host, good in (
            ("a.example", True),
            ("c.example", False),
            ("x.w.example", True),
            ("x.y.w.example", False),
            ("w.example", False),
            (".w.example", True),  # no request has such a host
            ("192.0.2.1", True),
            ("192.0.2.2", False),
            ("2001:db8::1", True),
            ("2001:DB8:0::1", True),
            ("2001:db8::2", False),
            ("example", False),
            ("", False),
        ):
            self.assertEqual(covers(NAMES, host), good, host)

    def test_an_address_is_no_label(self) -> None:
        self.assertFalse(covers(["*.0.2.1"], "192.0.2.1"))


class Agreements(SynchronousTestCase):
    def agree(self, agreement: Agreement, info: TlsInfo, *hosts: bytes) -> None:
        for host in hosts:
            agreement.check(info, host)
            self.assertEqual(info.host, host)

    def refuse(self, agreement: Agreement, info: TlsInfo, *hosts: bytes) -> list[str]:
        details = []
        for host in hosts:
            before = info.host
            refusal = self.assertRaises(Refusal, agreement.check, info, host)
            self.assertEqual((refusal.reason.word, refusal.reason.status), ("misdirected", 421))
            self.assertEqual(info.host, before, "nothing is remembered")
            details.append(refusal.detail)
        return details

    def test_what_the_certificate_is_for(self) -> None:
        agreement, info = Agreement(), tls("a.example")
        self.agree(
            agreement, info, b"a.example", b"b.example", b"x.w.example", b"192.0.2.1", b"2001:db8:0::1", b""
        )
        details = self.refuse(agreement, info, b"c.example", b"192.0.2.9", b"\xff.w")
        self.assertEqual(details[0], "the handshake named a.example, the certificate is not for c.example")

    def test_the_name_itself_whatever_the_certificate_is_for(self) -> None:
        self.agree(Agreement(), tls("z.example"), b"z.example")

    def test_no_name(self) -> None:
        agreement = Agreement()
        self.agree(agreement, tls(""), b"a.example", b"192.0.2.9", b"2001:db8::9", b"")
        self.assertIn("named nothing", self.refuse(agreement, tls(""), b"c.example")[0])

    def test_the_same_client_certificates(self) -> None:
        rules = {"a.example": "one", "b.example": "one", "x.w.example": "two", "": "rest"}
        for any_host in (False, True):
            agreement = Agreement(lambda name: rules.get(name, "rest"), any_host=any_host)
            info = tls("a.example", "one")
            self.agree(agreement, info, b"a.example", b"b.example")
            self.assertIn(
                "another client certificate", self.refuse(agreement, info, b"x.w.example", b"192.0.2.1")[0]
            )
            self.agree(agreement, tls("", "rest"), b"192.0.2.1", b"192.0.2.77")
            self.refuse(agreement, tls("", "rest"), b"a.example")

    def test_any_host(self) -> None:
        agreement = Agreement(lambda name: None, any_host=True)
        self.agree(agreement, tls("a.example"), b"c.example", b"192.0.2.9")
