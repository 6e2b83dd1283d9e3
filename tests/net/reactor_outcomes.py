"""Runs Twisted's own tests of reactors against one that is named; prints the outcomes as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.trial.reporter import TestResult
from twisted.trial.runner import TestLoader

WHAT = ("tcp", "udp", "unix", "tls", "process", "time", "threads", "fdset", "core")
"""The parts of a reactor, as Twisted's test modules are called."""


class Outcomes(TestResult):
    """One word for each test."""

    def __init__(self) -> None:
        super().__init__()
        self.by_test: dict[str, str] = {}
        self.told: list[str] = []

    def addSuccess(self, test: Any) -> None:
        super().addSuccess(test)
        # Trial calls this after an error in a clean-up too.
        self.by_test.setdefault(test.id(), "passed")

    def addFailure(self, test: Any, fail: Any) -> None:
        super().addFailure(test, fail)
        self._bad(test, "failed", fail)

    def addError(self, test: Any, error: Any) -> None:
        super().addError(test, error)
        self._bad(test, "broken", error)

    def addSkip(self, test: Any, reason: Any) -> None:
        super().addSkip(test, reason)
        self.by_test[test.id()] = "skipped"

    def addExpectedFailure(self, test: Any, failure: Any, todo: Any = None) -> None:
        super().addExpectedFailure(test, failure, todo)
        self.by_test[test.id()] = "expected to fail"

    def addUnexpectedSuccess(self, test: Any, todo: Any = None) -> None:
        super().addUnexpectedSuccess(test, todo)
        self.by_test[test.id()] = "passed unexpectedly"

    def _bad(self, test: Any, word: str, why: Any) -> None:
        self.by_test[test.id()] = word
        text = why.getTraceback() if hasattr(why, "getTraceback") else repr(why)
        self.told.append(f"{test.id()}: {text}")


def main(reactor: str) -> None:
    """Run them all; the classes are made while the modules are imported, so the reactor comes first."""
    ReactorBuilder._reactors = [reactor]
    ReactorBuilder.timeout = 20  # type: ignore[attr-defined]
    result = Outcomes()
    loader = TestLoader()
    for part in WHAT:
        loader.loadByName(f"twisted.internet.test.test_{part}", recurse=True).run(result)
    json.dump(result.by_test, sys.stdout)
    sys.stderr.write("\n".join(result.told))


if __name__ == "__main__":
    main(sys.argv[1])
