"""A new process takes over, or there is a reason why not."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from tests.admin.case import CONFIG, ApiCase
from toron.upgrading.upgrade import Outcome


class Upgrades(ApiCase):
    def outcome(self, outcome: Outcome) -> None:
        self.root.upgrade = lambda: succeed(outcome)

    def test_it_is_done(self) -> None:
        self.outcome(Outcome("upgraded", "", 9, "2", 8, 3, 60.0, ["a.yaml:1:1: warning: hm"]))
        self.assertEqual(
            self.ask("POST /upgrade").body,
            {"pid": 9, "version": "2", "old_pid": 8, "connections": 3, "linger": 60.0,
             "printed": ["a.yaml:1:1: warning: hm"]},
        )  # fmt: skip
        self.assertIn("POST /api/v1/upgrade: 200 process 9 serves", self.said[-1])

    def test_the_answer_comes_when_it_is_known(self) -> None:
        asked: Deferred[Outcome] = Deferred()
        self.root.upgrade = lambda: asked
        answer = self.begin("POST /upgrade")
        self.assertNoResult(answer)
        asked.callback(Outcome("upgraded"))
        self.assertEqual(self.successResultOf(answer).status, 200)

    def test_it_fails(self) -> None:
        self.outcome(
            Outcome(
                "failed", "it ended with 1", 8, printed=["a.yaml:1:2: no", "a.yaml:3:4: warning: hm", "x"]
            )
        )
        got = self.refused(422, "not_upgraded", "POST /upgrade")
        self.assertIn("it ended with 1 (x)", got.body["detail"])
        self.assertEqual(
            got.body["problems"],
            [{"file": "a.yaml", "line": 1, "column": 2, "severity": "error", "message": "no"},
             {"file": "a.yaml", "line": 3, "column": 4, "severity": "warning", "message": "hm"}],
        )  # fmt: skip
        self.outcome(Outcome("failed", "it is not ready in time", 8))
        self.refused(422, "not_upgraded", "POST /upgrade")

    def test_it_is_not_possible(self) -> None:
        self.outcome(Outcome("refused", "it is in a chroot", 8))
        got = self.refused(409, "no_upgrade", "POST /upgrade")
        self.assertEqual(got.body["detail"], "nothing was done: it is in a chroot")

    def test_a_gateway_that_somebody_composed(self) -> None:
        self.refused(409, "no_upgrade", "POST /upgrade")

    def test_a_configuration_that_is_in_no_file(self) -> None:
        self.ask("POST /config", CONFIG.replace("rest", "other"), content_type="application/yaml")
        self.refused(409, "not_in_file", "POST /upgrade")
