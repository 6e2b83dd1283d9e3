"""The guard `connections`: counted from accept to end, however it ends."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.guards.seen import ENVIRONMENT, Outcome, Seen
from toron import plugin
from toron.core.wait import Wait

FULL, TOO_MANY = "too_many_connections", "too_many_per_client"


class Connections(SynchronousTestCase):
    def setUp(self) -> None:
        self.held: list[Wait[None]] = []

    async def serve(self, connection: Any) -> None:
        wait: Wait[None] = Wait()
        self.held.append(wait)
        await wait

    def limit(self, **options: int) -> Any:
        module = plugin.find("guards", "connections")
        guard = module.make(module.Options.model_validate(options), ENVIRONMENT)
        return lambda ip: Outcome(guard(Seen(ip), self.serve))

    def test_total(self) -> None:
        connect = self.limit(total=2)
        first = connect("10.0.0.1")
        connect("10.0.0.2")
        self.assertEqual(connect("10.0.0.3").word, FULL)
        self.held[0].fire(None)
        self.assertTrue(first.done)
        self.assertFalse(connect("10.0.0.3").done)
        self.assertEqual(connect("10.0.0.3").word, FULL)

    def test_per_client(self) -> None:
        connect = self.limit(per_client=1)
        self.assertFalse(connect("10.0.0.1").done)
        self.assertFalse(connect("10.0.0.2").done)
        self.assertEqual(connect("10.0.0.1").word, TOO_MANY)
        self.assertEqual(connect("::ffff:10.0.0.1").word, TOO_MANY)
        self.held[0].fire(None)
        self.assertFalse(connect("10.0.0.1").done)
        self.assertEqual(connect("10.0.0.2").word, TOO_MANY)

    def test_an_ipv6_network_is_one_client(self) -> None:
        connect = self.limit(per_client=1)
        self.assertFalse(connect("2001:db8:0:1::1").done)
        self.assertEqual(connect("2001:db8:0:1:ffff::2").word, TOO_MANY)
        self.assertFalse(connect("2001:db8:0:2::1").done)

    def test_both(self) -> None:
        connect = self.limit(total=2, per_client=1)
        connect("10.0.0.1")
        self.assertEqual(connect("10.0.0.1").word, TOO_MANY)
        connect("10.0.0.2")
        self.assertEqual(connect("10.0.0.3").word, FULL)

    def test_every_end_counts(self) -> None:
        connect = self.limit(total=1, per_client=1)
        ends = (
            lambda outcome: self.held[-1].fire(None),
            lambda outcome: self.held[-1].fail(RuntimeError("broken")),
            lambda outcome: outcome.task.cancel(),
        )
        for end in ends * 2:
            outcome = connect("10.0.0.1")
            self.assertFalse(outcome.done)
            self.assertNotEqual(connect("10.0.0.1").word, "")
            end(outcome)
            self.assertTrue(outcome.done)
        self.assertFalse(connect("10.0.0.1").done)

    def test_clients_that_left_are_forgotten(self) -> None:
        module = plugin.find("guards", "connections")
        guard = module.make(module.Options(per_client=2), ENVIRONMENT)
        [counted] = [cell.cell_contents for cell in guard.__closure__ if isinstance(cell.cell_contents, dict)]
        for number in range(10):
            Outcome(guard(Seen(f"10.0.0.{number % 5}"), self.serve))
        self.assertEqual(counted, {f"10.0.0.{number}": 2 for number in range(5)})
        for wait in self.held:
            wait.fire(None)
        self.assertEqual(counted, {})

    def test_options(self) -> None:
        options = plugin.options("guards", "connections")
        wrong: object
        for wrong in (
            {},
            None,
            [],
            {"total": 0},
            {"per_client": -1},
            {"total": "many"},
            {"most": 1},
            {"total": 1.5},
        ):
            self.assertRaises(ValidationError, options.model_validate, wrong)
        self.assertEqual(options.model_validate({"total": 5}).model_dump(), {"total": 5, "per_client": None})
