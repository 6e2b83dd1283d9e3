"""A record is plain data that JSON can hold, and says the same in it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.explain.record import (
    Asked,
    BackendStep,
    Ended,
    GuardStep,
    MiddlewareStep,
    Missed,
    Outcome,
    Record,
    RouteStep,
    ServerStep,
    TryStep,
    record_of,
)


class Records(SynchronousTestCase):
    def test_json(self) -> None:
        record = Record(
            Asked("http://a/", "GET", [("A", "b")], "192.0.2.1"), Outcome("server"),
            guards=[GuardStep("allow", "a:1:1", "passes")],
            near=[RouteStep("r", "a:2:1", Missed("path", "/a", "/b", "a:2:9"))],
            middlewares=[MiddlewareStep("jwt", "a:3:1")],
            backend=BackendStep("b", "a:4:1", "random", [ServerStep("s", "a:5:1", "picked", "why")]),
        )  # fmt: skip
        found: dict[str, Any] = json.loads(json.dumps(record.as_json()))
        self.assertEqual(list(found), [field.name for field in dataclasses.fields(Record)])
        self.assertEqual(found["asked"]["headers"], [["A", "b"]])
        self.assertEqual(found["near"][0]["missed"]["wanted"], "/a")
        self.assertEqual(found["backend"]["servers"][0]["verdict"], "picked")
        self.assertIsNone(found["certificate"])

    def test_verdicts_in_their_order(self) -> None:
        record = Record(
            Asked("", None, [], ""), Outcome("refused"),
            guards=[GuardStep("a", "", "passes")], middlewares=[MiddlewareStep("b", "")],
        )  # fmt: skip
        self.assertEqual([step.name for step in record.verdicts], ["a", "b"])

    def test_back_from_json(self) -> None:
        record = Record(
            Asked("http://a/", "GET", [("A", "b")], "192.0.2.1"), Outcome("refused", 502, "upstream_reset"),
            backend=BackendStep("b", "a:4:1", "random", [], tries=[TryStep("s", "a:5:1", "why", "failed")]),
            ended=Ended({"id": "1"}, "so"),
        )  # fmt: skip
        self.assertEqual(record_of(json.loads(json.dumps(record.as_json()))), record)
        self.assertRaises(ValueError, record_of, {"asked": 1})
