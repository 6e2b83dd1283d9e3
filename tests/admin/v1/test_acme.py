"""Certificates that renew themselves are told of, and renewed when somebody asks."""

from __future__ import annotations

from tests.admin.case import CLOCK, ApiCase
from tests.admin.case import CONFIG as PLAIN
from toron.acme.failure import AcmeFailed

CONFIG = PLAIN.replace(
    "admin: {}",
    """\
  - protocol: https
    port: 8443
    certificates:
      - acme:
          {names: [b.example, a.example], directory: "https://ca.example/", state: s, challenge: tls-alpn-01}
      - {acme: {names: [c.example, a.example], directory: "https://ca.example/", state: s}}
admin: {}""",
)


class Renewals(ApiCase):
    config = CONFIG

    def test_how_they_are(self) -> None:
        keeper = self.composition.acme.keeper
        assert keeper is not None
        keeper.upkeeps[1].record.failed(AcmeFailed("nobody there"), CLOCK + 60, asked=False)
        found = self.ask("GET /acme").body["renewals"]
        self.assertEqual(
            found[0],
            {
                "names": ["b.example", "a.example"], "directory": "https://ca.example/",
                "challenge": "tls-alpn-01", "ends": None, "next": 0.0, "failures": 0, "why": "", "issued": 0,
            },
        )  # fmt: skip
        self.assertEqual(
            {key: found[1][key] for key in ("names", "next", "failures", "why")},
            {"names": ["c.example", "a.example"], "next": CLOCK + 60, "failures": 1, "why": "nobody there"},
        )

    def test_at_once(self) -> None:
        keeper = self.composition.acme.keeper
        assert keeper is not None
        for each in keeper.upkeeps:
            each.record.not_before = CLOCK + 60
        self.assertEqual(len(self.ask("POST /acme/C.example/renew").body["renewals"]), 1)
        self.assertEqual([each.due for each in keeper.upkeeps], [CLOCK + 60, 0.0])
        self.assertEqual(len(self.ask("POST /acme/a.example/renew").body["renewals"]), 2)

    def test_a_name_that_nobody_knows(self) -> None:
        got = self.ask("POST /acme/x.example/renew")
        self.assertEqual(
            (got.status, sorted(set(got.body["known"]))), (404, ["a.example", "b.example", "c.example"])
        )


class Without(ApiCase):
    def test_there_are_none(self) -> None:
        self.assertEqual(self.ask("GET /acme").body, {"renewals": []})
        self.assertEqual(self.ask("POST /acme/a.example/renew").status, 404)
