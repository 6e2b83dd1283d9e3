"""The gateway starts whole or not at all, and stops step by step."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Application, Service
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from toron.net.gateway import Gateway
from toron.net.sockets import CannotListen
from toron.observe.readiness import Readiness


class Door(Service):
    """A listener that notes what is asked of it."""

    def __init__(self, name: str, steps: list[str], connections: int = 0) -> None:
        self.listener = name
        self.port = 80
        self.connections = [object()] * connections
        self.problem: Exception | None = None
        self._steps = steps

    def bind(self) -> None:
        if self.problem is not None:
            raise self.problem
        self._steps.append(f"{self.listener} bound")

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._steps.append(f"{self.listener} started")

    def pause(self) -> None:
        self._steps.append(f"{self.listener} paused")

    def resume(self) -> None:
        self._steps.append(f"{self.listener} resumed")

    def stop_accepting(self) -> None:
        self._steps.append(f"{self.listener} closed")

    def drain(self) -> None:
        self._steps.append(f"{self.listener} drained")

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        self._steps.append(f"{self.listener} stopped")


class GatewayCase(SynchronousTestCase):
    """Two doors, and an admin port that stops last."""

    def setUp(self) -> None:
        self.steps: list[str] = []
        self.fatal: list[str] = []
        self.said: list[Any] = []
        self.reactor = MemoryReactorClock()  # type: ignore[no-untyped-call]
        self.readiness = Readiness("starting")
        self.gateway = self.make()
        self.a, self.b = Door("a", self.steps, 1), Door("b", self.steps)
        self.admin = Door("admin", self.steps)
        for door in (self.a, self.b, self.admin):
            door.setServiceParent(self.gateway)  # type: ignore[no-untyped-call]
        self.gateway.listeners = [self.a, self.b]
        self.gateway.bound = [self.a, self.b, self.admin]
        self.gateway.draining = [lambda: self.steps.append("answers are the last")]
        self.gateway.closing = [lambda: self.steps.append("traffic is over")]
        self.gateway.last = [self.admin]

    def make(self, delay: float = 0.0, limit: float = 10.0) -> Gateway:
        gateway = Gateway(self.reactor, self.readiness, delay=delay, limit=limit, fatal=self.fatal.append)
        kept: Any = self.said.append
        gateway.log = Logger(observer=kept)
        return gateway

    def start(self) -> None:
        self.gateway.privilegedStartService()
        self.gateway.startService()
        self.run_hooks()
        self.steps.clear()

    def run_hooks(self) -> None:
        for function, arguments, more in self.reactor.whenRunningHooks:
            function(*arguments, **more)
        self.reactor.whenRunningHooks.clear()

    def stop(self) -> Deferred[None]:
        return self.gateway.stopService()

    def pass_(self, seconds: float) -> None:
        self.reactor.pump([0.05] * round(seconds / 0.05))


class Starts(GatewayCase):
    """Everything is bound before anything serves."""

    def test_the_order(self) -> None:
        self.gateway.privilegedStartService()
        self.assertEqual(self.steps, ["a bound", "b bound", "admin bound"])
        self.gateway.startService()
        self.assertEqual(self.steps[3:], ["a started", "b started", "admin started"])

    def test_ready_only_when_the_reactor_runs(self) -> None:
        self.gateway.privilegedStartService()
        self.gateway.startService()
        self.assertEqual((self.readiness.reasons, self.said), (["starting"], []))
        self.run_hooks()
        self.assertEqual(self.readiness.reasons, [])
        self.assertEqual([event["where"] for event in self.said], ["a on 80, b on 80, admin on 80"])

    def test_ready_when_somebody_says_so(self) -> None:
        self.gateway.ready_at_once = False
        self.gateway.privilegedStartService()
        self.gateway.startService()
        self.run_hooks()
        self.assertEqual((self.readiness.reasons, self.said), (["starting"], []))
        self.gateway.ready()
        self.assertEqual(self.readiness.reasons, [])
        self.assertEqual(formatEvent(self.said[0]), "toron is ready: a on 80, b on 80, admin on 80")

    def test_what_is_held_waits_for_what_must_be_known(self) -> None:
        one, two = Deferred[None](), Deferred[None]()
        self.gateway.awaited, self.gateway.held = [one, two], [self.a, self.b]
        self.gateway.privilegedStartService()
        self.gateway.startService()
        one.callback(None)
        self.run_hooks()
        self.assertEqual(self.steps, ["a bound", "b bound", "admin bound", "admin started"])
        self.assertEqual((self.readiness.reasons, self.said), (["starting"], []))
        two.callback(None)
        self.run_hooks()
        self.assertEqual(self.steps[4:], ["a started", "b started"])
        self.assertEqual(self.readiness.reasons, [])

    def test_a_stop_before_it_is_known(self) -> None:
        known: Deferred[None] = Deferred()
        self.gateway.awaited, self.gateway.held = [known], [self.a, self.b]
        self.start()
        stopped = self.stop()
        known.callback(None)
        self.run_hooks()
        self.pass_(20)
        self.successResultOf(stopped)
        self.assertNotIn("a started", self.steps)
        self.assertIn("a stopped", self.steps)

    def test_it_is_called_what_it_is(self) -> None:
        self.gateway = Gateway(
            self.reactor, self.readiness, delay=0, limit=0, fatal=self.fatal.append, name="the worker"
        )
        kept: Any = self.said.append
        self.gateway.log = Logger(observer=kept)
        self.gateway.ready()
        self.assertEqual(formatEvent(self.said[0]), "the worker is ready: ")

    def test_a_port_that_cannot_be_had(self) -> None:
        for problem in (
            CannotListen("listener 'b' can not listen"),
            PermissionError(13, "Permission denied", "access.log"),
        ):
            self.b.problem = problem
            self.assertRaises(type(problem), self.gateway.privilegedStartService)
            self.assertEqual(self.fatal.pop(), str(problem))
            self.assertEqual(self.said.pop()["log_level"].name, "critical")
        self.assertEqual(self.steps, ["a bound", "a bound"])

    def test_its_log_is_the_one_of_the_application(self) -> None:
        application: Any = Application("test")  # type: ignore[no-untyped-call]
        observer: Any = self.said.append
        self.gateway.observer = observer
        self.gateway.setServiceParent(application)
        self.assertIs(application.getComponent(ILogObserver), observer)

    def test_files_are_opened_anew(self) -> None:
        self.gateway.reopening = [lambda: self.steps.append("one"), lambda: self.steps.append("two")]
        self.gateway.reopen()
        self.assertEqual(self.steps, ["one", "two"])


class Stops(GatewayCase):
    """Time is the reactor's, which only moves when a test says so."""

    def test_with_nobody_there(self) -> None:
        self.start()
        self.a.connections.clear()
        done = self.stop()
        self.pass_(0.1)
        self.successResultOf(done)
        self.assertEqual(
            self.steps,
            [
                "a closed", "b closed", "answers are the last", "a drained", "b drained", "traffic is over",
                "b stopped", "a stopped", "admin stopped",
            ],
        )  # fmt: skip

    def test_first_not_ready_then_the_delay_then_the_doors(self) -> None:
        self.gateway._delay = 2.0
        self.start()
        self.stop()
        self.assertEqual((self.readiness.reasons, self.steps), (["draining"], []))
        self.pass_(1.9)
        self.assertEqual(self.steps, [])
        self.pass_(0.2)
        self.assertEqual(self.steps, ["a closed", "b closed", "answers are the last"])

    def test_who_keeps_a_connection_is_told_before_it_is_closed(self) -> None:
        self.start()
        self.stop()
        self.pass_(0.4)
        self.assertNotIn("a drained", self.steps)
        self.pass_(0.2)
        self.assertEqual(self.steps[-2:], ["a drained", "b drained"])

    def test_waits_for_what_is_in_flight(self) -> None:
        self.start()
        done = self.stop()
        self.pass_(5)
        self.assertNoResult(done)
        self.assertNotIn("traffic is over", self.steps)
        self.a.connections.clear()
        self.pass_(0.2)
        self.successResultOf(done)
        self.assertEqual(self.steps[-1], "admin stopped")

    def test_the_limit(self) -> None:
        self.start()
        done = self.stop()
        self.pass_(9.8)
        self.assertNoResult(done)
        self.pass_(0.4)
        self.successResultOf(done)
        self.assertEqual([event["left"] for event in self.said if event["log_level"].name == "warn"], [1])

    def test_no_limit_at_all(self) -> None:
        self.gateway._limit = 0.0
        self.start()
        done = self.stop()
        self.pass_(0.1)
        self.successResultOf(done)

    def test_in_a_hurry(self) -> None:
        for waited in (0.0, 5.0):
            self.setUp()
            self.gateway._delay = 3.0
            self.start()
            done = self.stop()
            self.pass_(waited)
            self.gateway.hurry()
            self.pass_(0.2)
            self.successResultOf(done)

    def test_a_hurry_is_passed_on(self) -> None:
        self.gateway.hurrying = [lambda: self.steps.append("hurried")]
        self.gateway.hurry()
        self.assertEqual(self.steps, ["hurried"])

    def test_the_last_ones_are_waited_for(self) -> None:
        self.start()
        self.a.connections.clear()
        written: Deferred[None] = Deferred()
        self.patch(self.admin, "stopService", lambda: written)
        done = self.stop()
        self.pass_(0.2)
        self.assertNoResult(done)
        written.callback(None)
        self.successResultOf(done)
        self.assertEqual(formatEvent(self.said[-1]), "toron has stopped")


class Leaving(GatewayCase):
    """A listener that is not wanted any more, while the rest goes on."""

    def setUp(self) -> None:
        super().setUp()
        self.gateway.rename(self.a, "a")
        self.start()

    def test_it_goes_when_who_is_in_has_finished(self) -> None:
        self.gateway.leave(self.a)
        self.assertEqual((self.steps, self.gateway.leaving), (["a closed"], [self.a]))
        self.pass_(30.0)
        self.assertEqual(self.steps, ["a closed", "a drained"], "without a limit")
        self.a.connections.clear()
        self.pass_(1.0)
        self.assertEqual(self.steps, ["a closed", "a drained", "a stopped"])
        self.assertEqual((self.gateway.listeners, self.gateway.leaving), ([self.b], []))
        self.assertNotIn(self.a, self.gateway.services)

    def test_another_may_have_its_name(self) -> None:
        self.gateway.leave(self.a)
        self.assertEqual(self.gateway.namedServices, {})
        fresh = Door("a", self.steps)
        fresh.setName("a")  # type: ignore[no-untyped-call]
        fresh.setServiceParent(self.gateway)  # type: ignore[no-untyped-call]
        self.a.connections.clear()
        self.pass_(2.0)
        self.assertEqual(self.gateway.namedServices, {"a": fresh})

    def test_it_is_wanted_again(self) -> None:
        self.gateway.leave(self.a)
        self.gateway.leaving.remove(self.a)
        self.a.connections.clear()
        self.pass_(2.0)
        self.assertIn(self.a, self.gateway.services)
        self.assertIn(self.a, self.gateway.listeners)

    def test_a_stop_meanwhile(self) -> None:
        self.gateway.leave(self.a)
        self.gateway.stop_within(0.0, 1.0)
        stopped = self.stop()
        self.pass_(3.0)
        self.successResultOf(stopped)
        self.assertEqual(self.steps.count("a stopped"), 1)


class Successions(GatewayCase):
    """One process after the other."""

    def setUp(self) -> None:
        super().setUp()
        self.go: list[Any] = []

    def test_nobody_is_let_in_before_it_is_permitted(self) -> None:
        check = Door("check", self.steps)
        check.setServiceParent(self.gateway)  # type: ignore[no-untyped-call]
        self.gateway.permit = self.go.append
        self.gateway.starting = [lambda: self.steps.append("runs")]
        self.gateway.permitted = [lambda: self.steps.append("permitted")]
        self.gateway.privilegedStartService()
        self.assertEqual(self.steps, ["runs", "a bound", "b bound", "admin bound"])
        self.steps.clear()
        self.gateway.startService()
        self.run_hooks()
        self.assertEqual((self.steps, len(self.go)), (["check started"], 1))
        self.assertEqual(self.readiness.reasons, ["starting"])
        self.go[0]()
        self.assertEqual(self.steps[1:], ["permitted", "a started", "b started", "admin started"])
        self.assertEqual(self.readiness.reasons, [])

    def test_it_asks_once_it_knows_its_servers(self) -> None:
        known: Deferred[None] = Deferred()
        self.gateway.awaited, self.gateway.held = [known], [self.a, self.b]
        self.gateway.permit = self.go.append
        self.gateway.privilegedStartService()
        self.gateway.startService()
        self.run_hooks()
        self.assertEqual(self.go, [])
        known.callback(None)
        self.run_hooks()
        self.assertEqual((len(self.go), [step for step in self.steps if "started" in step]), (1, []))

    def test_a_stop_before_it_is_permitted(self) -> None:
        self.gateway.permit = self.go.append
        self.start()
        self.stop()
        self.go[0]()
        self.assertNotIn("a started", self.steps)

    def test_a_pause(self) -> None:
        self.start()
        self.gateway.pause()
        self.gateway.resume()
        self.assertEqual(sorted(self.steps[:3]), ["a paused", "admin paused", "b paused"])
        self.assertEqual(sorted(self.steps[3:]), ["a resumed", "admin resumed", "b resumed"])

    def test_handed_over(self) -> None:
        told: list[str] = []
        self.gateway.notify = told.append
        self.gateway.lingering = [lambda patient: self.steps.append(f"tunnels may stay: {patient}")]
        self.gateway.linger = 30.0
        self.gateway.succeeded = [lambda: self.steps.append("succeeded")]
        self.start()
        told.clear()
        self.gateway.handed_over()
        self.assertEqual(
            self.steps, ["succeeded", "admin stopped"],
            "whoever asks the admin port asks the other process",
        )  # fmt: skip
        self.steps.clear()
        done = self.stop()
        self.pass_(4.9)
        self.assertEqual(
            self.steps, ["a closed", "b closed", "answers are the last", "tunnels may stay: True"]
        )
        self.pass_(0.2)
        self.assertEqual(self.steps[4:], ["a drained", "b drained"])
        self.pass_(19.8)
        self.assertEqual(len(self.steps), 6)
        self.pass_(0.3)
        self.assertEqual(self.steps[6:], ["tunnels may stay: False", "a drained", "b drained"])
        self.pass_(4.5)
        self.assertNoResult(done)
        self.pass_(0.5)
        self.successResultOf(done)
        self.assertEqual(told, [], "it is for the other process to say")

    def test_handed_over_with_nobody_left(self) -> None:
        self.start()
        self.a.connections.clear()
        self.gateway.handed_over()
        done = self.stop()
        self.pass_(0.1)
        self.successResultOf(done)

    def test_who_has_not_started_it(self) -> None:
        self.gateway.upgrade()
        self.assertIn("was not started by toron run or twistd", formatEvent(self.said[-1]))
