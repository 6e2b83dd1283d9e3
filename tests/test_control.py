"""What the admin API does with the configuration; how it answers is tested in tests.admin.v1.test_config."""

from __future__ import annotations

from typing import Any

from tests.admin.case import ApiCase
from toron import control
from toron.core.wait import as_deferred


class Controls(ApiCase):
    def setUp(self) -> None:
        super().setUp()
        self.control: Any = self.gateway.configuring

    def now(self, awaitable: Any) -> Any:
        done = as_deferred(awaitable)
        for _ in range(100):
            self.reactor.advance(0)
        return self.successResultOf(done)

    def test_it_is_worked_out_once(self) -> None:
        calls: list[Any] = []
        effective = control.effective
        self.patch(control, "effective", lambda loaded: calls.append(loaded) or effective(loaded))
        first = self.now(self.control.written())
        self.assertEqual(self.now(self.control.written()), first)
        self.assertEqual(self.now(self.control.etag()), first.etag)
        self.assertEqual(len(calls), 1)
        self.now(self.control.load_again())
        self.assertEqual(self.now(self.control.written()), first)
        self.assertEqual(len(calls), 2)

    def test_nothing_of_a_configuration_that_was_rejected_is_told(self) -> None:
        before = self.now(self.control.written())
        outcome = self.now(self.control.apply(b"listeners: 5", ".yaml"))
        self.assertEqual((outcome.result, outcome.problems[0].file), ("rejected", "api.yaml"))
        self.assertEqual(self.now(self.control.written()), before)

    def test_as_yaml(self) -> None:
        self.assertIn(b"body: rest", self.now(self.control.yaml()))

    def test_an_address_that_is_taken(self) -> None:
        def taken(*_: Any) -> None:
            raise OSError(98, "Address already in use")

        self.patch(self.reload._place, "compose", taken)
        outcome = self.now(self.control.load_again())
        self.assertEqual(outcome.result, "rejected")
        self.assertIn("Address already in use", outcome.problems[0].message)
        self.assertEqual(outcome.problems[0].file, str(self.control.path))
