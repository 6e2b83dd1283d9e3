"""What a directory says about an error is one line, whoever wrote it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.acme.failure import KIND, AcmeFailed, problem


class Problems(SynchronousTestCase):
    def test_kind_and_detail(self) -> None:
        found = problem({"type": KIND + "rateLimited", "detail": "too many"}, 429, 7.0)
        self.assertEqual(
            (found.kind, str(found), found.wait, found.word),
            ("rateLimited", "rateLimited: too many", 7.0, "rateLimited"),
        )

    def test_of_each_name(self) -> None:
        parts = [{"detail": "no", "identifier": {"type": "dns", "value": "a.test"}}, {"detail": "hm"}, 7]
        found = problem({"type": KIND + "compound", "detail": "several", "subproblems": parts}, 403)
        self.assertEqual(str(found), "compound: several; a.test: no; hm")

    def test_kinds_nobody_knows_are_counted_together(self) -> None:
        found = problem({"type": "urn:x" * 100}, 400)
        self.assertEqual(found.word, "other")
        self.assertLess(len(str(found)), 510)

    def test_no_document(self) -> None:
        for document in (None, [], "x", 3):
            self.assertEqual(str(problem(document, 502)), "the directory answered with status 502")

    def test_one_line_that_can_be_printed(self) -> None:
        self.assertEqual(str(AcmeFailed("a\nb\x1b[31m\r\n  c")), "a b [31m c")
