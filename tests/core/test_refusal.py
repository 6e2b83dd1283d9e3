"""Refusals: every word is told apart, said somewhere, and known where it is said."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import toron
from toron.core import refusal
from toron.core.refusal import NO_ROUTE, REASONS, Refusal
from toron.wire.events import Malformed

ROOT = Path(toron.__file__).parent

CLIENT_CLOSED_REQUEST = 499
"""No status of any RFC: it is for the log, when nobody is left to answer."""


def sources() -> Iterator[tuple[Path, ast.Module]]:
    """Every source but the one that lists the reasons."""
    for path in sorted(ROOT.rglob("*.py")):
        if path != Path(refusal.__file__):
            yield path, ast.parse(path.read_text())


def texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


class Reasons(SynchronousTestCase):
    def test_words(self) -> None:
        for word, reason in REASONS.items():
            self.assertEqual(reason.word, word)
            self.assertRegex(word, r"\A[a-z]+(_[a-z]+)*\Z")

    def test_no_word_is_given_twice(self) -> None:
        tree = ast.parse(Path(refusal.__file__).read_text())
        words = [
            node.args[0].value
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_reason"
            if isinstance(node.args[0], ast.Constant)
        ]
        self.assertEqual(sorted(words), sorted(REASONS))

    def test_statuses(self) -> None:
        """Errors that HTTP knows; 0 where there is no HTTP to answer in."""
        known = {status.value for status in HTTPStatus if status.value >= 400}
        for reason in REASONS.values():
            self.assertIn(reason.status, known | {0, CLIENT_CLOSED_REQUEST}, reason.word)

    def test_texts(self) -> None:
        """Sentences that the client may read."""
        for reason in REASONS.values():
            self.assertRegex(reason.text, r"\A[A-Z][^<>&\"\n]+\.\Z")
        texts = [reason.text for reason in REASONS.values()]
        self.assertEqual(len(texts), len(set(texts)))

    def test_each_is_used(self) -> None:
        """By its word or by one of its names, in some other source."""
        said: set[str] = set()
        for _, tree in sources():
            said.update(texts(tree))
            said.update(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
        unused = []
        for reason in REASONS.values():
            names = {name for name, value in vars(refusal).items() if value is reason}
            if not said & {reason.word, *names}:
                unused.append(reason.word)
        self.assertEqual(unused, [])

    def test_each_word_that_is_said_is_known(self) -> None:
        """What a codec calls malformed, and what is looked up in REASONS."""
        said: dict[str, str] = {}
        for path, tree in sources():
            for node in ast.walk(tree):
                where: ast.AST | None = None
                if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name):
                    where = node.args[0] if node.func.id == "Malformed" else None
                elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                    where = node.slice if node.value.id == "REASONS" else None
                if where is not None:
                    said.update((word, str(path)) for word in texts(where) if word)
        self.assertGreater(len(said), 10)
        self.assertEqual({word: path for word, path in said.items() if word not in REASONS}, {})


class Refusals(SynchronousTestCase):
    def test_says_why(self) -> None:
        self.assertEqual(str(Refusal(NO_ROUTE)), "no_route: No route leads anywhere from here.")
        self.assertEqual(str(Refusal(NO_ROUTE, "a.test")), "no_route: a.test")

    def test_headers(self) -> None:
        self.assertEqual(Refusal(NO_ROUTE).headers, ())
        fields = ((b"Retry-After", b"1"),)
        self.assertEqual(Refusal(NO_ROUTE, headers=fields).headers, fields)

    def test_is_no_malformed_message(self) -> None:
        self.assertFalse(issubclass(Refusal, Malformed) or issubclass(Malformed, Refusal))
