"""A worker: the process that serves some of the clients, and obeys its parent alone."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from msgspec.json import encode as encode_json
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import LogEvent, Logger, LogLevel, eventAsText, globalLogBeginner
from twisted.python.failure import Failure

from toron.compose import Part, compose_worker
from toron.config.place import Invalid
from toron.core.backend import Backend
from toron.core.server import Server
from toron.core.wait import Task, as_deferred
from toron.explain.live import Live, leaving
from toron.net.joining import join
from toron.net.living import look
from toron.net.pauses import in_slices, set_aside, short_pauses
from toron.net.sockets import CannotListen
from toron.net.udp import UdpListener
from toron.observe.deltas import Growth
from toron.serving import Ready as Composed
from toron.serving import Serving
from toron.workers.line_frames import LineFrames
from toron.workers.messages import (
    Answering,
    Begin,
    Certified,
    Change,
    Channel,
    Counted,
    Drained,
    Drop,
    Ejected,
    Failed,
    FromParent,
    Health,
    Hurry,
    Leaving,
    Lives,
    Look,
    OfServers,
    Prepared,
    Published,
    Ready,
    Recall,
    Recalled,
    Report,
    Said,
    Serve,
    Stop,
    Suspected,
    Swap,
    encode,
    first_frame,
    from_parent,
)
from toron.workers.packing import unpack
from toron.workers.process import CONTROL
from toron.workers.sources import take

EVERY = 1.0
"""Seconds between two reports of what was counted."""

LAST = 1.0
"""Seconds that the last report may take to be sent."""

TOO_MANY = "its limit of open files leaves no room for the sockets of the change: raise it"

_log = Logger(namespace="toron")


class Worker(Channel):
    """The worker's end of the socket, and what the parent asks for through it."""

    def __init__(self, reactor: Any, random: random.Random, wall: Callable[[], float]) -> None:
        super().__init__(from_parent)
        self._reactor = reactor
        self._random = random
        self._wall = wall
        self._part: Part
        self._growth: Growth
        self._live: Live
        self._frames: LineFrames | None = None
        self._level = LogLevel.info
        self._seats: tuple[int, int]
        self._serving: Serving
        self._asked = 0
        """The number of the change that is prepared."""
        self._ready: Composed | None = None
        self._permitted: Callable[[], None] | None = None
        """Lets clients in, once that is possible."""
        self._may_serve = False
        self._ended: Deferred[None] = Deferred()
        self._stopping = False
        self._number = 0
        self.log = Logger(namespace="toron")

    # --- life ---------------------------------------------------------------------------------

    def compose(self, begin: Begin) -> None:
        """Make what is served, and take over the sockets; raises Invalid, CannotListen or OSError."""
        # What is said while it is made the parent has said already, and nobody hears it from here.
        say: Any = self._say
        globalLogBeginner.beginLoggingTo([say], redirectStandardIO=False)
        self._number = begin.number
        self._seats = begin.seats, begin.seat
        loaded, inherited = unpack(begin.pickled, begin.memories, *self._seats, begin.sockets)
        part = self._part = compose_worker(
            loaded, self._reactor, self._random, self._wall, _nothing, inherited, self._writer
        )
        self._live = Live(self._reactor, part.recent)
        self._growth = Growth(part.metrics)
        self._level = LogLevel.levelWithName(loaded.config.log.level)
        self._know(begin.servers)
        for message in begin.certificates:
            self.heard(message)
        part.root.notify = self._notify
        if begin.wait:
            part.root.permit = self._wait_for
        part.root.privilegedStartService()
        self._serving = Serving(part.root, part.composition)

    def _know(self, servers: Sequence[OfServers]) -> None:
        """Take over how the servers are, and tell from here on what traffic finds out about them."""
        for message in servers:
            self.heard(message)
        for backend in self._part.backends.values():
            backend.changed = partial(self._changed, backend.name)
            backend.suspected = partial(self._suspected, backend.name)

    def start(self) -> None:
        """Serve, once the reactor runs."""
        if self._frames is not None:
            self.transport.registerProducer(self._frames, True)
        self._part.root.startService()
        self._reactor.addSystemEventTrigger("before", "shutdown", lambda: as_deferred(self._end()))
        counting = LoopingCall(self._count)
        counting.clock = self._reactor
        counting.start(EVERY, now=False)

    def leave(self) -> None:
        """Somebody else than the parent wants this process to end: its clients go to another."""
        if self._stopping:
            self._part.root.hurry()
            return
        # The next worker reads from the same socket: a datagram must not come to the wrong one.
        for listener in self._part.root.listeners:
            if isinstance(listener, UdpListener):
                listener.stopService()
        self.tell(Leaving())
        self._stop()

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._reactor.callWhenRunning(self._reactor.stop)

    async def _end(self) -> None:
        await self._part.root.stopService()
        self._count()
        if self.open:
            self.transport.loseConnection()
            late = self._reactor.callLater(LAST, self.transport.abortConnection)
            await self._ended
            if late.active():
                late.cancel()

    def lost(self) -> None:
        """The parent is gone, or the last report is sent."""
        self._ended.callback(None)
        self._stop()

    # --- what the parent says -----------------------------------------------------------------

    def heard(self, message: FromParent) -> None:
        """Do what the parent asks for."""
        match message:
            case Report():
                self._part.access_log.flush()
                self._count(message.number)
            case Published() | Health() | Ejected() | Suspected() | Drained():
                # One that drains does not follow the others to another configuration.
                backend = self._part.backends.get(message.backend)
                if backend is not None:
                    self._told(backend, message)
            case Look():
                as_deferred(self._look(message)).addErrback(self._not_looked)
            case Answering():
                self._part.answers.take(message.texts)
            case Certified():
                self._certified(message)
            case Recall():
                as_deferred(self._recall(message)).addErrback(self._not_looked)
            case Change():
                self._change(message)
            case Swap():
                self._swap(message)
            case Drop():
                self._drop()
            case Serve():
                self._may_serve = True
                if self._permitted is not None:
                    self._permitted()
            case Stop():
                if message.handed_over:
                    self._part.root.pause()
                    self._part.root.handed_over()
                self._stop()
            case Hurry():
                self._part.root.hurry()
            case Begin():
                raise ValueError("a worker begins once")

    def _certified(self, message: Certified) -> None:
        source = self._part.sources.get(message.source)
        if source is not None:
            take(source, message)

    def _told(self, backend: Backend, message: OfServers) -> None:
        """How the servers of a backend are."""
        match message:
            case Published():
                backend.publish(map(_server, message.servers))
            case Health():
                for server in backend.known_as(message.server):
                    backend.set_healthy(server, message.healthy, message.why)
            case Ejected():
                self._eject(backend, message)
            case Suspected():
                for server in backend.known_as(message.server):
                    backend.suspect(server, message.until)
            case Drained():
                for server in backend.known_as(message.server):
                    backend.drain(server, message.draining)

    def _eject(self, backend: Backend, message: Ejected) -> None:
        changed, backend.changed = backend.changed, None
        for server in backend.known_as(message.server):
            if message.until:
                backend.eject(server, self._reactor.seconds(), message.until, message.ejections, message.why)
            else:
                backend.readmit(server)
        backend.changed = changed

    # --- another configuration ----------------------------------------------------------------

    def _change(self, message: Change) -> None:
        """Get ready for it, and answer."""
        given, self.descriptors = self.descriptors, []
        if len(given) != len(message.sockets) + message.memories:
            # The kernel keeps back what this process may not have open.
            for each in given:
                os.close(each)
            self.tell(Prepared(message.number, TOO_MANY))
            return
        sockets = dict(zip(message.sockets, given, strict=False))
        memories = given[len(sockets) :]
        self._asked = message.number

        def over(_: None, error: BaseException | None) -> None:
            if error is not None and not isinstance(error, Invalid | CannotListen | OSError):
                self.log.failure("a change failed", Failure(error))
            why = "" if error is None else str(error) or type(error).__name__
            self.tell(Prepared(message.number, why))

        Task(self._prepare(message, sockets, memories), over).start()

    async def _prepare(self, message: Change, sockets: dict[str, int], memories: list[int]) -> None:
        serving, reactor = self._serving, self._reactor
        with short_pauses():
            loaded, inherited = await deferToThreadPool(
                reactor, reactor.getThreadPool(), unpack, message.pickled, memories, *self._seats, sockets
            )
            try:
                fresh = await serving.compose(loaded, inherited)
                if self._asked == message.number:
                    self._ready = serving.prepare(fresh)
            finally:
                # A socket that is open here is one on which clients are waiting for somebody.
                inherited.let_go()

    def _swap(self, message: Swap) -> None:
        """Serve what was prepared."""
        assert self._ready is not None
        before, ready, self._ready = self._serving.current, self._ready, None
        # What was counted of what is gone is told while the parent may still know it.
        self._count()
        self._serving.swap(ready)
        root, config = self._part.root, ready.fresh.config
        # The parent has waited before it tells anybody to stop.
        root.stop_within(0.0, config.drain.limit)
        self._level = LogLevel.levelWithName(config.log.level)
        self._part = Part(ready.fresh, root, [])
        self._know(message.servers)
        for certified in message.certificates:
            self.heard(certified)
        Task(in_slices(self._reactor, leaving(before)), _let_go).start()

    def _drop(self) -> None:
        """Nothing comes of it, whether it is prepared already or not."""
        self._asked = 0
        ready, self._ready = self._ready, None
        if ready is not None:
            self._serving.drop(ready)

    async def _look(self, message: Look) -> None:
        listeners = self._part.root.listeners
        found = await look(self._reactor, listeners, message.wanted, self._wall, self._number)
        self.tell(Lives(message.number, found))

    async def _recall(self, message: Recall) -> None:
        wanted = message.wanted
        found = await (self._live.record(wanted.id) if wanted.id else self._live.lines(wanted))
        self.tell(Recalled(message.number, encode_json(found)))

    def _not_looked(self, failure: Failure) -> None:
        self.log.failure("what lives can not be told", failure)

    # --- what it says -------------------------------------------------------------------------

    def _wait_for(self, permitted: Callable[[], None]) -> None:
        if self._may_serve:
            permitted()
        else:
            self._permitted = permitted
            self.tell(Ready())

    def _changed(self, backend: str, server: Server, up: bool, why: str) -> None:
        """Traffic has changed its mind about a server; what checks find comes from the parent."""
        now = self._reactor.seconds()
        if not up and server.eject_until > now:
            self.tell(Ejected(backend, server.url, server.eject_until, server.ejections, why))

    def _suspected(self, backend: str, server: Server) -> None:
        self.tell(Suspected(backend, server.url, server.suspect_until))

    def _count(self, number: int = 0) -> None:
        metrics = self._part.metrics
        self.tell(
            Counted(
                number,
                self._growth.take(),
                metrics.dropped,
                metrics.loop_lag,
                time.process_time(),
                resident(),
            )
        )

    def _say(self, event: LogEvent) -> None:
        level = event.get("log_level", LogLevel.info)
        if level >= self._level:
            text = eventAsText(event, includeTimestamp=False, includeSystem=False)
            self.tell(Said(level.name, str(event.get("log_namespace", "toron")), text))

    def _notify(self, state: str) -> None:
        if state == "READY=1":
            self.tell(Ready())

    def _writer(self, path: str, failed: Callable[..., None], ended: Callable[[], None]) -> LineFrames:
        self._frames = LineFrames(self.tell, ended)
        return self._frames


def resident() -> int:
    """The memory that this process has, in bytes; the most it had where the system does not say."""
    with contextlib.suppress(OSError), open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _let_go(_: None, error: BaseException | None) -> None:
    set_aside()
    if error is not None:
        _log.failure("an old configuration could not be let go of", Failure(error))


def _nothing(why: str) -> None:
    """The parent is told why by the exception that follows."""


def _server(said: tuple[str, int, int, str]) -> Server:
    """A server as the parent tells of it."""
    url, weight, backup, tls_name = said
    server = Server(url, weight, backup)
    server.tls_name = tls_name
    return server


def _reactor() -> Any:
    """The one of toron where it can be, as `twistd toron` has it."""
    if hasattr(select, "epoll"):
        from toron.net.reactor import install

        return install()
    from twisted.internet import reactor

    return reactor


def main() -> None:
    """Serve what the parent says on the socket between the two, until it says no more."""
    # A terminal sends Ctrl-C to all processes; the parent knows what to do about it. And somebody
    # may send the request for new log files to all, which only the parent writes, or that for the
    # configuration, which it alone reads, or that for another parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    control = socket.socket(fileno=CONTROL)
    os.set_inheritable(CONTROL, False)
    try:
        begin = from_parent.decode(first_frame(control.recv))
    except EOFError:
        sys.exit(0)
    assert isinstance(begin, Begin)
    for fd in (*begin.sockets.values(), *begin.memories):
        os.set_inheritable(fd, False)
    reactor = _reactor()
    worker = Worker(reactor, random.SystemRandom(), time.time)
    try:
        worker.compose(begin)
    except (Invalid, CannotListen, OSError) as error:
        why = encode(Failed(str(error)))
        control.sendall(len(why).to_bytes(4, "big") + why)
        sys.exit(1)
    control.setblocking(False)
    join(reactor, control, worker)
    control.close()
    worker.start()
    reactor.callWhenRunning(set_aside, whole=True)
    reactor.callWhenRunning(signal.signal, signal.SIGTERM, lambda *_: reactor.callFromThread(worker.leave))
    reactor.run()


if __name__ == "__main__":
    main()
