"""The new process's part: it takes over sockets, says when it could serve, and serves when it is told to."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Any

import msgspec
from twisted.internet.task import deferLater
from twisted.protocols.basic import LineOnlyReceiver

import toron
from toron.core.wait import Task
from toron.net.gateway import Gateway
from toron.net.handover import (
    LONGEST,
    Go,
    Offer,
    Ready,
    Running,
    Serving,
    encode,
    from_old,
    inherited,
    offered,
)
from toron.net.joining import join
from toron.net.sockets import Sockets, written_place

CHECKED = 10.0
"""Seconds that servers which nobody has checked yet are waited for, at most."""

STEP = 0.05


class Heir:
    """What another process leaves to this one."""

    def __init__(self, channel: socket.socket, offer: Offer) -> None:
        """Raises NotForUs."""
        self._channel = channel
        self._offer = offer
        self.sockets = Sockets(inherited(offer))
        self.served: list[Callable[[], None]] = []
        """Told when this process serves."""
        self._root: Gateway
        self._reactor: Any = None
        self._end: _Channel

    @classmethod
    def of(cls, environ: MutableMapping[str, str]) -> Heir | None:
        """None where nobody leaves anything; raises NotForUs."""
        found = offered(environ)
        if found is None:
            return None
        heir = cls(*found)
        # What is printed from here on is printed where the other one's output goes. Errors first go to it.
        heir._take(heir._offer.output, 1)
        os.set_inheritable(heir._offer.errors, False)
        return heir

    @staticmethod
    def _take(fd: int, place: int) -> None:
        os.dup2(fd, place)
        os.close(fd)

    def join(self, root: Gateway, reactor: Any) -> None:
        """Have the gateway wait for permission."""
        self._root = root
        self._reactor = reactor
        root.permit = self._ask
        root.recall(self._offer.known)
        tell, root.notify = root.notify, lambda state: None

        def speak() -> None:
            # The other one tells the service manager who serves from here on, which is ready.
            root.notify = tell

        self.served.append(speak)

    def running(self) -> None:
        """Tell which process will serve, once it became a daemon where it does."""
        try:
            self._channel.sendall(encode(Running(os.getpid())))
        except OSError:
            return  # there is nobody left to be told, which is found out once it matters

    # --- once it could serve ------------------------------------------------------------------

    def _ask(self, go: Callable[[], None]) -> None:
        Task(self._waited(go), self._asked).start()

    def _asked(self, _: None, error: BaseException | None) -> None:
        if error is not None:
            raise error

    async def _waited(self, go: Callable[[], None]) -> None:
        """Wait for the first checks, then say that it could serve."""
        end = self._reactor.seconds() + CHECKED
        while self._root.unsure() and self._reactor.seconds() < end:
            await deferLater(self._reactor, STEP)
        # Only now it is known which servers were discovered.
        self._root.drain_servers(self._offer.drained)
        closed = [written_place(place) for place in self.sockets.close_left()]

        def serve() -> None:
            go()
            for told in self.served:
                told()

        self._end = _Channel(serve, self._settled)
        join(self._reactor, self._channel, self._end)
        self._channel.close()
        self._end.say(Ready(toron.__version__, len(self.sockets.taken), closed))

    def _settled(self) -> None:
        """Nobody listens to what is printed any more."""
        self._take(self._offer.errors, 2)


class _Channel(LineOnlyReceiver):
    """The new process's end of the socket; `serve` is called once, when the other one says so or is gone."""

    delimiter = b"\n"
    MAX_LENGTH = LONGEST
    transport: Any

    def __init__(self, serve: Callable[[], None], settled: Callable[[], None]) -> None:
        self._serve: Callable[[], None] | None = serve
        self._settled = settled

    def say(self, message: Any) -> None:
        """Send it."""
        self.transport.write(encode(message))

    def lineReceived(self, line: bytes) -> None:  # noqa: N802  # overrides
        try:
            told = from_old.decode(line)
        except msgspec.DecodeError:
            # It does not know what it says: it is not ours to serve then.
            self._serve = None
            self.transport.abortConnection()
            return
        if isinstance(told, Go):
            self._begin()
            self.say(Serving())

    def connectionLost(self, reason: Any = None) -> None:
        # Where it has gone without a word nobody serves any more.
        self._begin()
        self._settled()

    def _begin(self) -> None:
        serve, self._serve = self._serve, None
        if serve is not None:
            serve()
