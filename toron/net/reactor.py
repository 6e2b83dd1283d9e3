"""Twisted's epoll reactor with less between an event and the transport it is for.

Twisted wraps every event in its log context, and every turn of its loop in what logs an error; here both
are set once, and the context says whose turn it is only when somebody asks. At a steady rate turns are
small, and what is paid for each counts like the events. What transports do is in `net/tcp.py`.
"""

from __future__ import annotations

import errno
import gc
import socket
import sys
from select import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT
from typing import Any

from twisted.internet import epollreactor
from twisted.internet.base import _log, _topHandler
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST, installReactor
from twisted.internet.posixbase import _NO_FILEDESC
from twisted.python import context, log

from toron.net.late import Late
from toron.net.tcp import LeanConnector, LeanPort, LeanServer

_GONE = EPOLLHUP | EPOLLERR
_BUGGY = "(buggy logPrefix method)"
_NOBODY = "-"
"""The prefix in Twisted's log of what is nobody's turn, such as timed calls."""
_LONGEST = 2147483
"""Seconds that epoll_wait(2) can be told to wait, in milliseconds of a C int."""


class _Buggy:
    """Whose turn it is while the error of a `logPrefix` is logged."""

    def logPrefix(self) -> str:
        return _BUGGY


class _WhoseTurn(dict[str, Any]):
    """The log context of the loop: the prefix is asked for when it is wanted."""

    def __init__(self) -> None:
        super().__init__(isError=0)
        self.turn: Any = None

    def __missing__(self, key: str) -> str:
        if key != "system":
            raise KeyError(key)
        turn = self.turn
        if turn is None:
            return _NOBODY
        try:
            return str(turn.logPrefix())
        except Exception:
            # To log this asks for the prefix again.
            self.turn = _Buggy()
            log.err(system=_BUGGY)
            self.turn = turn
            return _BUGGY

    def copy(self) -> dict[str, Any]:
        """What Twisted's log does with a context before it uses it."""
        return {**self, "system": self["system"]}


class EPollReactor(epollreactor.EPollReactor):
    """The epoll reactor of Twisted, with toron's TCP transports."""

    def __init__(self) -> None:
        self._fresh: set[int] = set()
        """Descriptors registered since the last events came: what those say of them is of another socket."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.late = Late()
        """Where our own streams wait for the end of a batch of events."""
        self._whose_turn = _WhoseTurn()
        self._log_context = {log.ILogContext: self._whose_turn}
        self._looping = False
        """Whether this is called from our own loop, where the log context is set."""

    def addReader(self, reader: Any) -> None:
        """As Twisted's, in fewer steps."""
        fd = reader.fileno()
        if fd in self._reads:
            return
        if fd in self._writes:
            super().addReader(reader)  # type: ignore[no-untyped-call]
            return
        try:
            self._poller.register(fd, EPOLLIN)
        except OSError:
            # Of a file, which it polls in another way, or with a word for what is wrong.
            super().addReader(reader)  # type: ignore[no-untyped-call]
            return
        self._fresh.add(fd)
        self._reads.add(fd)
        self._selectables[fd] = reader

    def addWriter(self, writer: Any) -> None:
        """As Twisted's, which does not know that it is fresh."""
        fd = writer.fileno()
        if fd not in self._selectables:
            self._fresh.add(fd)
        super().addWriter(writer)  # type: ignore[no-untyped-call]

    def removeReader(self, reader: Any) -> None:
        """As Twisted's, in fewer steps."""
        fd = reader.fileno()
        if fd in self._reads and fd not in self._writes:
            del self._selectables[fd]
            self._poller.unregister(fd)
            self._reads.remove(fd)
        elif fd not in self._selectables or fd in self._reads:
            super().removeReader(reader)  # type: ignore[no-untyped-call]

    def forget(self, selectable: Any) -> None:
        """Watch it no more. Its socket is about to be closed: the kernel drops it by itself."""
        fd = selectable.fileno()
        self._selectables.pop(fd, None)
        self._reads.discard(fd)
        self._writes.discard(fd)

    def mainLoop(self) -> None:  # noqa: N802  # overrides
        """As Twisted's, which sets up afresh for every turn what logs an error and goes on."""
        while self._started:
            with _topHandler:
                try:
                    self._looping = True
                    context.call(self._log_context, self._loop)
                finally:
                    self._looping = False
        _log.info("Main loop terminated.")

    def _loop(self) -> None:
        while self._started:
            self.runUntilCurrent()
            longest = self.timeout()
            self.doIteration(longest if self.running else 0)

    def timeout(self) -> float | None:
        """As Twisted's: the seconds until something is due, None where nothing is."""
        if self._newTimedCalls:
            self._insertNewDelayedCalls()
        if not self._pendingTimedCalls:
            return None
        until: float = self._pendingTimedCalls[0].time - self.seconds()
        return 0 if until < 0 else until if until < _LONGEST else _LONGEST

    def runUntilCurrent(self) -> None:  # noqa: N802  # overrides
        """As Twisted's, where anything is due; it is asked every turn, and mostly nothing is."""
        if (
            self.threadCallQueue
            or self._newTimedCalls
            or self._justStopped
            or (self._pendingTimedCalls and self._pendingTimedCalls[0].time <= self.seconds())
        ):
            super().runUntilCurrent()

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events, and hand each to its descriptor."""
        selectables = self._selectables
        try:
            events = self._poller.poll(-1 if timeout is None else timeout, len(selectables))
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            raise
        if events:
            self._fresh.clear()
            late = self.late
            late.open = True
            try:
                if self._looping:
                    self._dispatch(events)
                else:
                    context.call(self._log_context, self._dispatch, events)
            finally:
                self._whose_turn.turn = None
                late.close()

    doIteration = doPoll

    def _dispatch(self, events: list[tuple[int, int]]) -> None:
        """As `_PollLikeMixin._doReadOrWrite` does it, for each event."""
        selectables = self._selectables
        whose_turn = self._whose_turn
        for fd, event in events:
            selectable = selectables.get(fd)
            if selectable is None:
                continue
            whose_turn.turn = selectable
            why: Any = None
            in_read = False
            if event & _GONE and not event & EPOLLIN:
                if fd in self._fresh:
                    continue
                if fd in self._reads:
                    in_read = True
                    why = CONNECTION_DONE
                else:
                    why = CONNECTION_LOST
            else:
                try:
                    if selectable.fileno() == -1:
                        why = _NO_FILEDESC
                    else:
                        if event & EPOLLIN:
                            why = selectable.doRead()
                            in_read = True
                        if not why and event & EPOLLOUT:
                            why = selectable.doWrite()
                            in_read = False
                except BaseException:
                    why = sys.exc_info()[1]
                    log.err()
            if why:
                try:
                    self._disconnectSelectable(selectable, why, in_read)  # type: ignore[no-untyped-call]
                except KeyboardInterrupt:
                    raise
                except BaseException:
                    log.err()

    # --- where transports come from -----------------------------------------------------------

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: Any = "") -> Any:
        listening = LeanPort(port, factory, backlog, interface, self)
        listening.startListening()
        return listening

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30.0, bindAddress: Any = None
    ) -> Any:
        connector = LeanConnector(host, port, factory, timeout, bindAddress, self)
        connector.connect()
        return connector

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        if addressFamily not in (socket.AF_INET, socket.AF_INET6):
            return super().adoptStreamPort(fileDescriptor, addressFamily, factory)  # type: ignore[no-untyped-call]
        listening = LeanPort._fromListeningDescriptor(  # type: ignore[no-untyped-call]
            self, fileDescriptor, addressFamily, factory
        )
        listening.startListening()
        return listening

    def adoptStreamConnection(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        if addressFamily not in (socket.AF_INET, socket.AF_INET6):
            return super().adoptStreamConnection(fileDescriptor, addressFamily, factory)  # type: ignore[no-untyped-call]
        return LeanServer._fromConnectedSocket(  # type: ignore[no-untyped-call]
            fileDescriptor, addressFamily, factory, self
        )


def install() -> EPollReactor:
    """Make this the reactor of the process; to be called before anything imports one."""
    reactor = EPollReactor()
    installReactor(reactor)
    reactor.callWhenRunning(_spare_the_collector)
    return reactor


def _spare_the_collector() -> None:
    """What is there when it begins stays: the garbage collector need not look at it again and again.

    What a connection leaves is freed without the collector, so it may wait for more than it does by default.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
