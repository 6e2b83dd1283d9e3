"""What routes ask of a client's certificate."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.core.client_certificate import ClientCertificate, Requirement
from toron.core.message import Request, Response
from toron.core.refusal import Refusal
from toron.core.wait import Task
from toron.net.tls import TlsInfo
from toron.wire.headers import Headers

ALICE = ClientCertificate(
    subject="CN=alice,O=Example",
    issuer="CN=clients",
    names=("DNS:a.machines.example", "URI:spiffe://x/a", "email:A@b.example", "IP:192.0.2.1"),
    serial="1f",
    fingerprint="ab" * 32,
)


def request(shown: ClientCertificate | None = ALICE, over_tls: bool = True) -> Request:
    made = Request(b"GET", b"/", Headers())
    if over_tls:
        made.tls = TlsInfo("TLSv1.3", "", "", "", "a.example", client=shown)
    return made


class Requirements(SynchronousTestCase):
    def reason(self, requirement: Requirement, asked: Request) -> tuple[str, str]:
        refusal = self.assertRaises(Refusal, requirement.check, asked)
        self.assertEqual(refusal.reason.status, 403)
        return refusal.reason.word, refusal.detail

    def test_any_certificate_will_do(self) -> None:
        Requirement().check(request())
        for asked in (request(None), request(over_tls=False)):
            self.assertEqual(self.reason(Requirement(), asked)[0], "client_certificate_required")

    def test_what_fits(self) -> None:
        for more in (
            {"subjects": ["CN=alice,O=Example"]},
            {"subjects": ["CN=bob", "^CN=alice,"]},
            {"names": ["a.machines.example"]},
            {"names": ["A.MACHINES.example"]},
            {"names": ["*.machines.example"]},
            {"names": ["spiffe://x/a"]},
            {"names": ["^spiffe://x/"]},
            {"names": ["192.0.2.1"]},
            {"fingerprints": ["AB:" * 31 + "AB"]},
            {"subjects": ["^CN=a"], "names": ["*.machines.example"], "fingerprints": ["ab" * 32]},
        ):
            wanted: Any = more
            Requirement(**wanted).check(request())

    def test_what_does_not(self) -> None:
        for more, detail in (
            ({"subjects": ["CN=alice"]}, "CN=alice,O=Example"),
            ({"subjects": ["^^O=Example"]}, "CN=alice,O=Example"),
            ({"subjects": ["cn=alice,o=example"]}, ""),
            ({"names": ["machines.example"]}, "a.machines.example"),
            ({"names": ["*.example"]}, ""),
            ({"names": ["DNS:a.machines.example"]}, ""),
            ({"names": ["a@b.example"]}, ""),
            ({"names": ["*.0.2.1"]}, ""),
            ({"fingerprints": ["cd" * 32]}, "ab" * 32),
            ({"subjects": ["^CN=alice"], "names": ["b.machines.example"]}, ""),
        ):
            wanted: Any = more
            word, said = self.reason(Requirement(**wanted), request())
            self.assertEqual(word, "client_certificate_not_allowed")
            self.assertIn(detail, said)

    def test_a_certificate_without_names(self) -> None:
        bare = ClientCertificate("CN=x", "CN=y", (), "1", "00" * 32)
        self.assertIn("none", self.reason(Requirement(names=["x"]), request(bare))[1])

    def test_before_a_service(self) -> None:
        asked: list[Request] = []

        async def service(request: Request) -> Response:
            asked.append(request)
            return Response(200)

        results: list[Any] = []
        for shown in (ALICE, None):
            checked = Requirement().before(service)(request(shown))
            Task(checked, lambda response, error: results.append(error or response)).start()
        self.assertEqual((results[0].status, results[1].reason.status, len(asked)), (200, 403, 1))

    def test_an_expression_that_is_none(self) -> None:
        self.assertRaises(ValueError, Requirement, ["^("])
