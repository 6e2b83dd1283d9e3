"""The whole gateway's life: everything starts in order, and stops gently."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized
from twisted.python.failure import Failure

from toron.core.wait import Task, as_deferred
from toron.net.sockets import CannotListen

if TYPE_CHECKING:
    from toron.observe.readiness import Readiness

_STEP = 0.05
_LOOK = 0.5
_LAST_REQUESTS = 0.5
"""Seconds in which clients that keep a connection are told, with an answer, to use it no more.

To close an idle connection at once would meet the next request halfway, and reset it.
"""
_LAST_REQUESTS_HERE = 5.0
"""The same where another process serves, at most: nobody waits for the end of this one."""
_GOODBYE = 5.0
"""Seconds in which tunnels that may not stay any longer can end by themselves, at most."""


class Gateway(MultiService):
    """The root of the service tree.

    Children are started in the order they were added. A port or file that can not be had ends the
    start before anything is served: `fatal` is told why, and where it returns the error goes on up.
    A stop says `draining` first, waits `delay` seconds, closes the doors, lets what is in flight
    finish, and after `limit` seconds ends what is left; `last` is what stops after all that.
    """

    def __init__(
        self,
        reactor: Any,
        readiness: Readiness,
        *,
        delay: float,
        limit: float,
        fatal: Callable[[str], None],
        name: str = "toron",
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._readiness = readiness
        self._delay = delay
        self._limit = limit
        self._fatal = fatal
        self._name = name
        self.listeners: list[Any] = []
        """What traffic comes in by."""
        self.bound: list[Any] = []
        """What is bound before anything starts."""
        self.draining: list[Callable[[], None]] = []
        """Told when draining begins."""
        self.lingering: list[Callable[[bool], None]] = []
        """Told whether tunnels may stay while everything else ends."""
        self.closing: list[Callable[[], None]] = []
        """Told when all traffic is over."""
        self.notify: Callable[[str], None] = lambda state: None
        """Tells the service manager (see `net.notify`)."""
        self.observer: ILogObserver | None = None
        """Takes the log of the application that this becomes part of."""
        self.reopening: list[Callable[[], None]] = []
        """Told to open their files anew."""
        self.hurrying: list[Callable[[], None]] = []
        """Told to wait no longer for anything."""
        self.reload: Callable[[], None] = lambda: None
        """Asked to load the configuration again, and to change what is different in it."""
        self.ready_at_once = True
        """Whether it is ready as soon as it runs; otherwise somebody calls `ready`."""
        self.awaited: list[Deferred[None]] = []
        """What must be known before `held` is started; each of them fires soon, whatever happens."""
        self.held: list[Any] = []
        """Children that are started last."""
        self.unsure: Callable[[], bool] = lambda: False
        """Whether there are servers that were not looked at yet."""
        self.known: Callable[[], list[tuple[str, str, bool]]] = list
        """What checks have found: of each server its backend, its URL, and whether it is well."""
        self.recall: Callable[[Iterable[tuple[str, str, bool]]], None] = lambda known: None
        """Takes over what another process has found."""
        self.active: Callable[[], int] = self.left
        """How many connections are in, as far as this process knows of other processes."""
        self.succeeded: list[Callable[[], None]] = []
        """Told when another process serves in place of this one."""
        self.drained: Callable[[], list[tuple[str, str]]] = list
        """Which servers somebody has asked to drain: of each its backend and its URL."""
        self.drain_servers: Callable[[Iterable[tuple[str, str]]], None] = lambda drained: None
        """Has those drain, as far as they are there."""
        self.permit: Callable[[Callable[[], None]], None] | None = None
        """Asked once it could serve, where another process still does: it calls what it is given."""
        self.permitted: list[Callable[[], None]] = []
        """Told when it may serve."""
        self.start_within = 30.0
        """Seconds that the process which is to take over has to start."""
        self.linger = 600.0
        """Seconds that what is in may stay once another process serves."""
        self.starting: list[Callable[[], None]] = []
        """Told before anything is bound, in the process that serves."""
        self.upgrade: Callable[[], Any] = self._stay
        """Asked to have a new process take over."""
        self.handing_over = False
        """Whether another process may be about to take over."""
        self.last: list[Any] = []
        self.leaving: list[Any] = []
        """Those of `listeners` that accept no more, and go when who is in has finished."""
        self.opened = False
        """Whether everything in it has been started."""
        self.stopping = False
        """Whether a stop has begun."""
        self.lingers = False
        """Whether another process serves in place of this one, so that there is time."""
        self._hurried = False
        self.log = Logger()

    def setServiceParent(self, parent: Any) -> None:  # noqa: N802  # overrides
        """Become part of an application; its log is the one asked for."""
        if self.observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self.observer)
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]

    def privilegedStartService(self) -> None:
        """Open and bind everything that may need privileges; the first failure ends the start."""
        try:
            for told in self.starting:
                told()
            super().privilegedStartService()  # type: ignore[no-untyped-call]
            for bound in self.bound:
                bound.bind()
        except (CannotListen, OSError) as error:
            self.log.critical("{error}", error=error)
            self._fatal(str(error))
            raise

    def startService(self) -> None:
        held = self.held if self.awaited else []
        shut = [] if self.permit is None else self._doors()
        Service.startService(self)
        for service in self.services:
            if service not in held and service not in shut:
                service.startService()
        DeferredList(self.awaited).addCallback(self._open, [each for each in held if each not in shut])

    def _doors(self) -> list[Any]:
        """The children that somebody comes in by."""
        return [service for service in self.services if service in self.bound]

    def _open(self, _: Any, held: list[Any]) -> None:
        if self.stopping:
            return
        for service in held:
            service.startService()
        self.opened = True
        if self.ready_at_once:
            self._reactor.callWhenRunning(self.could_serve)

    def could_serve(self) -> None:
        """Everything is there: serve, as soon as it is permitted where somebody has to."""
        if self.permit is None:
            self.ready()
        else:
            self.permit(self._serve)

    def _serve(self) -> None:
        if self.stopping:
            return
        for told in self.permitted:
            told()
        for service in self._doors():
            service.startService()
        self.ready()

    def ready(self) -> None:
        """From here on connections are accepted and signals heard."""
        self._readiness.release("starting")
        where = ", ".join(f"{listener.listener} on {listener.port}" for listener in self.bound)
        self.log.info("{name} is ready: {where}", name=self._name, where=where)
        self.notify("READY=1")

    def stop_within(self, delay: float, limit: float) -> None:
        """How a stop goes from here on, in seconds."""
        self._delay = delay
        self._limit = limit

    def pause(self) -> None:
        """Let nobody in for now; what is in goes on."""
        for each in {*self.listeners, *self.bound}:
            each.pause()

    def resume(self) -> None:
        """Let people in again."""
        for each in {*self.listeners, *self.bound}:
            each.resume()

    def handed_over(self) -> None:
        """Another process has the sockets: what is in may stay for `linger` seconds when this one stops."""
        self.handing_over = True
        # Whoever looks after processes looks at the other one now.
        self.notify = lambda state: None
        self.lingers = True
        self.stop_within(0.0, self.linger)
        for told in self.succeeded:
            told()
        for each in self.bound:
            if each not in self.listeners:
                each.stopService()

    def leave(self, listener: Any) -> None:
        """Close the door of one of the listeners; it goes when who is in has finished, without a limit."""
        self.leaving.append(listener)
        self.rename(listener, None)
        listener.stop_accepting()
        Task(self._see_off(listener), _seen_off).start()

    def rename(self, service: Any, name: str | None) -> None:
        """Call one of the services so; with None nothing, so that another may have its name."""
        if service.name in self.namedServices:
            del self.namedServices[service.name]
        service.name = name
        if name is not None:
            self.namedServices[name] = service

    async def _see_off(self, listener: Any) -> None:
        await self._wait(_LAST_REQUESTS, lambda: listener.connections)
        if self.running:
            listener.drain()
        while listener.connections and self.running and listener in self.leaving:
            await deferLater(self._reactor, _LOOK)
        if self.running and listener in self.leaving:
            self.leaving.remove(listener)
            self.listeners.remove(listener)
            listener.disownServiceParent()

    def _stay(self) -> None:
        self.log.error("no upgrade: {name} was not started by toron run or twistd", name=self._name)

    def reopen(self) -> None:
        """Open the log files anew, after somebody has moved the old ones away."""
        self.log.info("opening the log files anew")
        for told in self.reopening:
            told()

    def hurry(self) -> None:
        """Wait no longer for anything: a stop that is under way ends now."""
        self._hurried = True
        for told in self.hurrying:
            told()

    def stopService(self) -> Deferred[None]:
        return as_deferred(self._stop())

    async def _stop(self) -> None:
        self.stopping = True
        self._readiness.hold("draining")
        self.notify("STOPPING=1")
        await self._wait(self._delay, lambda: True)
        for listener in self.listeners:
            listener.stop_accepting()
        for told in self.draining:
            told()
        if self.lingers:
            self._be_patient(True)
        last = min(_LAST_REQUESTS, self._limit)
        goodbye = 0.0
        if self.lingers:
            last = min(_LAST_REQUESTS_HERE, self._limit / 4)
            goodbye = min(_GOODBYE, self._limit / 4)
        await self._wait(last, self.left)
        for listener in self.listeners:
            listener.drain()
        left = self.left()
        if left:
            self.log.info(
                "{name} waits for {left} connections, at most {limit:g} s",
                name=self._name, left=left, limit=self._limit,
            )  # fmt: skip
        await self._wait(self._limit - last - goodbye, self.left)
        if self.lingers:
            await self._say_goodbye(goodbye)
        left = self.left()
        if left:
            self.log.warn(
                "{name} ends {left} connections that did not finish in time", name=self._name, left=left
            )
        for told in self.closing:
            told()
        for service in reversed(self.services):
            if service not in self.last:
                await _stopped(service)
        # The connections that were cut say so in the access log before it closes.
        await deferLater(self._reactor, 0)
        await deferLater(self._reactor, 0)
        for service in self.last:
            await _stopped(service)
        self.running = 0
        self.log.info("{name} has stopped", name=self._name)

    def _be_patient(self, patient: bool) -> None:
        for told in self.lingering:
            told(patient)

    async def _say_goodbye(self, seconds: float) -> None:
        """Those tunnels that are still there have to end, too."""
        self._be_patient(False)
        for listener in self.listeners:
            listener.drain()
        await self._wait(seconds, self.left)

    async def _wait(self, seconds: float, reason: Callable[[], Any]) -> None:
        """Wait for as long as there is reason to, for at most `seconds`, and not in a hurry."""
        end = self._reactor.seconds() + seconds
        while reason() and not self._hurried and self._reactor.seconds() < end:
            await deferLater(self._reactor, _STEP)

    def left(self) -> int:
        """How many connections are in."""
        return sum(len(listener.connections) for listener in self.listeners)


def _seen_off(_: None, error: BaseException | None) -> None:
    if error is not None:
        Logger().failure("a listener does not leave", Failure(error))


async def _stopped(service: Any) -> None:
    result = service.stopService()
    if isinstance(result, Deferred):
        await result
