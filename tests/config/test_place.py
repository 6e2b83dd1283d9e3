"""Problems print with their places, in the order of the file."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.config.place import Document, Invalid, Problem, Report, printable, quote


class Problems(SynchronousTestCase):
    """What prints."""

    def test_a_problem(self) -> None:
        self.assertEqual(str(Problem("a.yaml", 3, 7, "no: write yes")), "a.yaml:3:7: no: write yes")
        self.assertEqual(str(Problem("a", 3, 7, "old", warning=True)), "a:3:7: warning: old")

    def test_the_order_of_the_file(self) -> None:
        places = [(10, 1), (2, 9), (2, 10), (1, 1)]
        error = Invalid(Problem("a", line, column, "x") for line, column in places)
        self.assertEqual(str(error), "a:1:1: x\na:2:9: x\na:2:10: x\na:10:1: x")

    def test_quotes(self) -> None:
        self.assertEqual(quote("a'b\n"), '"a\'b\\n"')
        self.assertEqual(len(quote("x" * 1000)), 74)
        self.assertEqual(quote("\udc80"), "'\\udc80'")

    def test_what_a_terminal_would_obey(self) -> None:
        self.assertEqual(printable("a b/\u00fc \u2514 '"), "a b/\u00fc \u2514 '")
        self.assertEqual(
            printable("\x1b[31m\n\x9b2J\u202e\ud800\\x1b'"), r"\x1b[31m\n\x9b2J\u202e\ud800" + "\\x1b'"
        )


class Documents(SynchronousTestCase):
    """What is nearest to a path."""

    def setUp(self) -> None:
        self.document = Document("a", {"a": [{"b": 1}], "c": 2})
        self.document.keys = {("a",): (1, 1), ("a", 0, "b"): (2, 3), ("c",): (3, 1)}
        self.document.values = {(): (1, 1), ("a",): (2, 1), ("a", 0): (2, 3), ("a", 0, "b"): (2, 6)}

    def test_places(self) -> None:
        place, key = self.document.value_place, self.document.key_place
        self.assertEqual([place(("a", 0, "b")), key(("a", 0, "b")), key(("a", 0))], [(2, 6), (2, 3), (2, 3)])
        self.assertEqual([place(("a", 0, "x", "y")), place(("x",)), key(("c",))], [(2, 3), (1, 1), (3, 1)])
        self.assertEqual(Document("a").value_place(("x",)), (1, 1))

    def test_items(self) -> None:
        self.assertEqual(self.document.item(("a",), 0), ("a", 0))
        self.assertEqual(self.document.item(("c",), 0), ("c",))
        self.assertEqual(self.document.item(("c", "x", "y"), 0), ("c", "x", "y"))

    def test_put(self) -> None:
        self.document.put(("a", 0, "b"), 5)
        self.assertEqual(self.document.data, {"a": [{"b": 5}], "c": 2})

    def test_no_data_in_a_repr(self) -> None:
        self.assertNotIn("'b'", repr(self.document))


class Reports(SynchronousTestCase):
    """What is collected."""

    def setUp(self) -> None:
        self.report = Report(Document("a", keys={("a",): (1, 1)}, values={("a",): (1, 4), ("b",): (2, 4)}))

    def test_errors_and_warnings(self) -> None:
        self.report.error(("b",), "two")
        self.report.warn(("a",), "one", key=True)
        self.report.error(("b",), "two")
        self.report.at((9, 9), "three")
        self.assertEqual([str(one) for one in self.report.errors()], ["a:2:4: two", "a:9:9: three"])
        self.assertEqual([str(one) for one in self.report.warnings()], ["a:1:1: warning: one"])

    def test_nothing_more_about_what_is_muted(self) -> None:
        self.report.muted.add(("b",))
        self.report.error(("b", 0), "more")
        self.report.error(("a",), "other")
        self.assertEqual([str(one) for one in self.report.errors()], ["a:1:4: other"])

    def test_hidden_texts(self) -> None:
        self.report.hide(("b",), "hunter2")
        self.report.hide(("b",), "hunter2-more")
        self.report.hide(("b",), "abc")
        self.report.error(("b", "c"), "hunter2-more, hunter2, abc")
        self.report.error(("a",), "hunter2")
        self.assertEqual(
            [str(one) for one in self.report.errors()], ["a:1:4: hunter2", "a:2:4: <secret>, <secret>, abc"]
        )
