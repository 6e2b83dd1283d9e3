"""Problems say what is wrong and what to do."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from toron.admin.problem import PROBLEM, Mistake, Refused, unknown


class Problems(SynchronousTestCase):
    def test_a_problem_as_a_page(self) -> None:
        mistake = Mistake("a.yaml", 3, 4, "error", "no")
        page = Refused(422, "rejected", "why", "do", problems=[mistake], headers=[("x", "y")]).page
        self.assertEqual((page.status, page.content_type, page.headers), (422, PROBLEM, (("x", "y"),)))
        self.assertEqual(
            json.loads(page.body),
            {
                "title": "Unprocessable Entity", "status": 422, "detail": "why", "next": "do",
                "word": "rejected",
                "problems": [
                    {"file": "a.yaml", "line": 3, "column": 4, "severity": "error", "message": "no"}
                ],
            },
        )  # fmt: skip

    def test_what_is_not_there(self) -> None:
        refused = unknown("server", "x", range(60), " in backend api")
        self.assertEqual(str(refused), "there is no server 'x' in backend api")
        self.assertEqual((refused.details.status, refused.details.word), (404, "unknown_server"))
        self.assertEqual(len(refused.details.known), 50, "of thousands only some are named")
        refused = unknown("certificate that renews itself", "x", [])
        self.assertEqual(refused.details.word, "unknown_certificate", "programs read it")
        self.assertEqual(refused.details.next, "there is none: add one to the configuration")
