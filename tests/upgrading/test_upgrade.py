"""One process has another take over, or serves on; with processes that the test writes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger, formatEvent
from twisted.trial.unittest import TestCase

from tests.upgrading.test_successor import READY
from tests.upgrading.test_successor import program as made_program
from toron.net.gateway import Gateway
from toron.net.sockets import Sockets
from toron.observe.readiness import Readiness
from toron.upgrading import successor
from toron.upgrading import upgrade as module
from toron.upgrading.program import Program
from toron.upgrading.successor import Successor
from toron.upgrading.upgrade import Outcome, Upgrade

reactor: Any = installed

SLEEP = "import time\ntime.sleep(60)"
TAKES_OVER = READY + 'os.read(3, 99)\nsay(\'{"say": "serving"}\')\n' + SLEEP


class Door:
    """A listener that notes whether it lets people in."""

    listener, port, connections = "a", 80, (object(),)

    def __init__(self) -> None:
        self.steps: list[str] = []

    def pause(self) -> None:
        self.steps.append("paused")

    def resume(self) -> None:
        self.steps.append("resumed")


class Upgrades(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.said: list[str] = []
        self.told: list[str] = []
        self.left: list[str] = []
        self.stops: list[Callable[[], Any]] = []
        self.door = Door()
        self.root = Gateway(reactor, Readiness(), delay=0.0, limit=1.0, fatal=self.said.append)
        self.root.opened = True
        self.root.listeners = [self.door]
        self.root.notify = self.told.append
        self.root.linger = 7.0
        self.patch(module, "ANSWERS", 0.0)
        self.started: list[Successor] = []
        self.patch(module, "Successor", self.successor)
        self.addCleanup(self.end)
        self.patch(successor, "LAST_WORDS", 10.0)
        self.patch(reactor, "addSystemEventTrigger", lambda *call: self.stops.append(call[2]))
        self.upgrade = self.made("")

    def made(self, code: str, obstacle: str = "") -> Upgrade:
        program = made_program(code)
        if obstacle:
            program = Program((), "", {}, obstacle)
        made = Upgrade(reactor, self.root, Sockets(), program, lambda: 5, lambda: self.left.append("left"))
        made.log = Logger(observer=lambda event: self.said.append(formatEvent(event)))  # type: ignore[arg-type]
        self.upgrade = made
        return made

    def successor(self, reactor: Any) -> Successor:
        self.started.append(Successor(reactor))
        return self.started[-1]

    async def end(self) -> None:
        for each in self.started:
            each.kill()
            if each._process is not None:
                await each._how_it_ended()

    async def kept(self, code: str, why: str) -> Outcome:
        outcome = await self.made(code).ask()
        self.assertEqual((outcome.result, outcome.pid, self.left), ("failed", 5, []))
        self.assertRegex(outcome.why, why)
        self.assertRegex(
            self.said[-1], f"^no upgrade: process .* does not take over: {why}.*; this one serves on"
        )
        self.assertFalse(self.root.handing_over)
        return outcome

    async def test_it_is_handed_over(self) -> None:
        outcome = await self.made(TAKES_OVER).ask()
        new = self.upgrade._successor
        assert new is not None
        self.assertEqual(outcome, Outcome("upgraded", "", new.pid, "9", 5, 1, 7.0, []))
        self.assertEqual((self.door.steps, self.told), (["paused"], [f"MAINPID={new.pid}"]))
        self.assertTrue(self.root.handing_over)
        await deferLater(reactor, 0.01)
        self.assertEqual(self.left, ["left"])
        self.root.notify("STOPPING=1")
        self.assertEqual(len(self.told), 1, "that is for the new one to say")
        self.assertIn("finishes 1 connections, for at most 7 s", self.said[-1])
        again = await self.upgrade.ask()
        self.assertEqual((again.result, again.pid), ("refused", new.pid))
        self.assertIn("has taken over, ask that one", again.why)
        for stop in self.stops:
            stop()
        os.kill(new.pid, 0)

    async def test_one_that_ends(self) -> None:
        outcome = await self.kept("os.write(2, b'a.yaml:1:1: no')\nos._exit(1)", "it ended with 1")
        self.assertEqual(outcome.printed, ["a.yaml:1:1: no"])
        self.assertIn("the new process said: a.yaml:1:1: no", self.said)
        self.assertEqual(self.door.steps, [])

    async def test_one_that_is_late(self) -> None:
        self.root.start_within = 0.2
        await self.kept(SLEEP, "it is not ready in time")

    async def test_one_that_ends_when_it_should_serve(self) -> None:
        await self.kept(READY + "os.read(3, 99)\nos._exit(0)", "it ended with 0")
        self.assertEqual(self.door.steps, ["paused", "resumed"])

    async def test_one_that_does_not_serve(self) -> None:
        self.patch(module, "SWITCH", 0.1)
        await self.kept(READY + SLEEP, "it is not ready in time")
        self.assertEqual(self.door.steps, ["paused", "resumed"])

    async def test_a_mistake_of_our_own(self) -> None:
        made = self.made(READY + SLEEP)
        self.patch(Successor, "go", lambda new: 1 // 0)
        outcome = await made.ask()
        self.assertEqual((outcome.result, self.root.handing_over), ("failed", False))
        self.assertIn("ZeroDivisionError", outcome.why)
        self.assertRegex(await self.started[-1]._how_it_ended(), "died by signal 9")
        self.assertEqual(self.door.steps, ["paused", "resumed"])

    async def test_one_that_can_not_be_started(self) -> None:
        made = self.made("")
        made._program = Program((sys.executable,), "/nonexistent", {})
        outcome = await made.ask()
        self.assertEqual((outcome.result, self.root.handing_over), ("failed", False))
        made._program = Program(("/nonexistent/python",), os.getcwd(), {})
        outcome = await made.ask()
        self.assertIn("No such file", outcome.why)
        self.assertFalse(self.root.handing_over)

    async def test_again_after_a_failure(self) -> None:
        await self.kept("", "it ended with 0")
        self.upgrade._program = made_program(TAKES_OVER)
        self.assertEqual((await self.upgrade.ask()).result, "upgraded")

    async def test_two_at_a_time(self) -> None:
        made = self.made(TAKES_OVER)
        both: list[Deferred[Outcome]] = [made.ask(), made.ask()]
        self.assertEqual(self.said[-1], "an upgrade is under way, one is enough")
        one, two = await both[0], await both[1]
        self.assertIs(one, two)

    async def test_where_none_is_possible(self) -> None:
        for attribute, value, why in (("opened", False, "still starting"), ("stopping", True, "is stopping")):
            before = getattr(self.root, attribute)
            setattr(self.root, attribute, value)
            outcome = await self.made("").ask()
            self.assertEqual((outcome.result, outcome.pid), ("refused", 5))
            self.assertIn(why, outcome.why)
            setattr(self.root, attribute, before)
        outcome = await self.made("", "it is in a chroot").ask()
        self.assertEqual((outcome.result, outcome.why), ("refused", "it is in a chroot"))

    async def test_a_stop_meanwhile(self) -> None:
        asked = self.made(SLEEP).ask()
        for stop in self.stops:
            stop()
        self.assertIn("died by signal 9", (await asked).why)
