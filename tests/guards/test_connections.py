"""The guard `connections`: counted from accept to end, however it ends."""

from __future__ import annotations

import random
from typing import Any

from pydantic import ValidationError
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from tests.core.memory import FakeMemory
from tests.guards.seen import ENVIRONMENT, Outcome, Seen
from toron import plugin
from toron.core.counts import Counts
from toron.core.limits import SharedLimits
from toron.core.shared_counts import SharedCounts
from toron.core.wait import Wait
from toron.interfaces import Environment

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
        [counts] = [
            cell.cell_contents for cell in guard.__closure__ if isinstance(cell.cell_contents, Counts)
        ]
        for number in range(10):
            Outcome(guard(Seen(f"10.0.0.{number % 5}"), self.serve))
        self.assertEqual(len(counts), 5)
        for wait in self.held:
            wait.fire(None)
        self.assertEqual(len(counts), 0)

    def test_workers_share_it(self) -> None:
        module = plugin.find("guards", "connections")
        memory = FakeMemory(SharedCounts.bytes_for(2))
        guards = []
        for seat in (0, 1):
            limits = SharedLimits(lambda size: memory, 2, seat)
            environment = Environment("test", Clock(), random.Random(1), Logger(), ".", limits)
            guards.append(module.make(module.Options(total=3, per_client=2), environment))
        connect = [lambda ip, guard=guard: Outcome(guard(Seen(ip), self.serve)) for guard in guards]
        self.assertFalse(connect[0]("10.0.0.1").done or connect[1]("10.0.0.1").done)
        self.assertEqual(connect[0]("10.0.0.1").word, TOO_MANY)
        self.assertFalse(connect[1]("10.0.0.2").done)
        self.assertEqual(connect[0]("10.0.0.3").word, FULL)
        for wait in self.held:
            wait.fire(None)
        self.assertFalse(connect[0]("10.0.0.1").done or connect[0]("10.0.0.1").done)

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
