"""Accepts connections, and sees each of them through guards to its end."""

from __future__ import annotations

import errno
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from toron.core.networks import Networks, plain
from toron.core.refusal import (
    PROXY_BAD,
    PROXY_TIMEOUT,
    PROXY_UNTRUSTED,
    REASONS,
    Refusal,
)
from toron.core.wait import Cancelled, Task
from toron.net.connection import Arrival, Connection
from toron.net.sockets import OpenSocket, listening_socket
from toron.net.stream import Stream
from toron.wire import proxy_protocol
from toron.wire.events import Malformed

if TYPE_CHECKING:
    from toron.interfaces import Guard, Serve

_BATCH = 32
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE = 0.25
"""Seconds to accept nothing when descriptors or memory have run out."""

_ANYWHERE = frozenset({"0.0.0.0", "::"})

Refused = Callable[[Connection, Refusal], None]


def stack(guards: Sequence[Guard], serve: Serve) -> Serve:
    """Guards in front of what serves, the first one outermost."""
    for guard in reversed(guards):
        serve = _before(guard, serve)
    return serve


def _before(guard: Guard, serve: Serve) -> Serve:
    def passed(connection: Any) -> Awaitable[None]:
        connection.passed += 1
        return serve(connection)

    return lambda connection: guard(connection, passed)


def _local(accepted: socket.socket) -> tuple[str, int]:
    """The address a client connected to."""
    try:
        ip, port, *_ = accepted.getsockname()
    except OSError:
        # The client is gone already; the transport will find out by itself.
        return "", 0
    return plain(ip), port


@implementer(IReadDescriptor)
class Acceptor:
    """Takes connections off one listening socket; pauses when descriptors run out."""

    def __init__(self, reactor: Any, opened: socket.socket, name: str, take: Callable[..., None]) -> None:
        self._reactor = reactor
        self._socket: Any = opened
        self._family = int(opened.family)
        here = opened.getsockname()
        self._here = None if here[0] in _ANYWHERE else (plain(here[0]), here[1])
        """What every client connects to, where that is one address."""
        self._name = name
        self._take = take
        self._paused: Any = None
        self._count = 0
        self.log = Logger()

    def start(self) -> None:
        """Begin to accept."""
        self._reactor.addReader(self)

    def pause(self) -> None:
        """Accept nothing for now; who comes waits."""
        self._reactor.removeReader(self)
        if self._paused is not None:
            self._paused.cancel()
            self._paused = None

    def wait_for(self, backlog: int) -> None:
        """Let the system hold so many connections from here on (listen(2) may be called again)."""
        self._socket.listen(backlog)

    def stop(self) -> None:
        """Accept no more; the socket closes."""
        self.pause()
        self._socket.close()

    def fileno(self) -> int:
        return int(self._socket.fileno())

    def logPrefix(self) -> str:
        return self._name

    def connectionLost(self, reason: Failure) -> None:
        self.log.error("listener {name} lost its socket: {reason}", name=self._name, reason=reason)

    def doRead(self) -> None:
        for _ in range(_BATCH):
            try:
                number, peer = self._socket._accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._pause(error)
                    return
                # The client gave up before we came to it (ECONNABORTED and its kin).
                continue
            accepted = socket.socket(self._family, socket.SOCK_STREAM, 0, number)
            accepted.setblocking(False)
            self._count += 1
            arrival = Arrival()
            transport = Stream(accepted, arrival, peer, self._reactor, self._count)
            arrival.transport = transport
            self._take(arrival, transport, peer, self._here or _local(accepted))

    def _pause(self, error: OSError) -> None:
        self._reactor.removeReader(self)
        self.log.warn(
            "listener {name} accepts nothing for {seconds} s: {error} (raise the limit of open files)",
            name=self._name, seconds=_PAUSE, error=error.strerror,
        )  # fmt: skip
        self._paused = self._reactor.callLater(_PAUSE, self._resume)

    def _resume(self) -> None:
        self._paused = None
        self._reactor.addReader(self)


class ReceiveProxy:
    """Whose PROXY headers are read, and for how long they are waited for (seconds)."""

    def __init__(self, trusted: Networks, timeout: float) -> None:
        self.trusted = trusted
        self.timeout = timeout

    async def read(self, connection: Connection) -> None:
        """Take the header off the front of the connection; Refusal when there is none to trust."""
        if connection.peer_ip not in self.trusted:
            raise Refusal(PROXY_UNTRUSTED)
        try:
            header, size = await connection.read(proxy_protocol.parse, self.timeout, PROXY_TIMEOUT)
        except Malformed as error:
            raise Refusal(PROXY_BAD, error.detail) from None
        connection.held = connection.held[size:]
        connection.proxied = header
        if not header.local:
            connection.client_ip = plain(header.source[0])
            connection.client_port = header.source[1]
            connection.local_ip = plain(header.destination[0])
            connection.local_port = header.destination[1]


class StreamListener(Service):
    """A bound TCP address; each connection walks through guards to `serve`."""

    def __init__(
        self,
        reactor: Any,
        name: str,
        address: str | None,
        port: int,
        serve: Serve,
        *,
        guards: Sequence[Guard] = (),
        proxy: ReceiveProxy | None = None,
        backlog: int = 1024,
        open_socket: OpenSocket = listening_socket,
        refused: Refused,
        stats: Any,
    ) -> None:
        self.setName(name)  # type: ignore[no-untyped-call]
        self.listener = name
        self._reactor = reactor
        self._address = address
        self._port = port
        self._serve = stack(guards, serve)
        self._proxy = proxy
        self._backlog = backlog
        self._open_socket = open_socket
        self._refused = refused
        self._stats = stats
        self._acceptor: Acceptor | None = None
        self.connections: set[Connection] = set()
        self.port = port
        """The port it is bound to, once it is."""
        self.admits: object = None
        """What is asked of clients when they come in: where that changes, those that are in come again."""
        self.bound: Callable[[int], None] | None = None
        """Told the port once it is known."""
        self.log = Logger()

    def bind(self) -> None:
        """Take the address; raises CannotListen. Nothing is accepted before `startService`."""
        opened = self._open_socket(self.listener, self._address, self._port, backlog=self._backlog)
        self.port = opened.getsockname()[1]
        self._acceptor = Acceptor(self._reactor, opened, self.listener, self._take)
        if self.bound is not None:
            self.bound(self.port)

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        if self._acceptor is None:
            self.bind()
        assert self._acceptor is not None
        self._acceptor.start()

    def switch(self, other: StreamListener) -> None:
        """Connections accepted from here on get what stands behind `other`, which is bound to nothing."""
        self.listener = other.listener
        self._serve = other._serve
        self._proxy = other._proxy
        self._refused = other._refused
        self._stats = other._stats
        self.bound = other.bound
        if self.bound is not None:
            self.bound(self.port)
        if self._acceptor is not None and self._backlog != other._backlog:
            self._acceptor.wait_for(other._backlog)
        self._backlog = other._backlog
        if self.admits != other.admits:
            self.admits = other.admits
            self.drain()

    def pause(self) -> None:
        """Accept nothing for now; whoever shares the socket may."""
        if self._acceptor is not None:
            self._acceptor.pause()

    def resume(self) -> None:
        """Accept again."""
        if self._acceptor is not None:
            self._acceptor.start()

    def stop_accepting(self) -> None:
        """Close the door; connections that are in stay."""
        acceptor, self._acceptor = self._acceptor, None
        if acceptor is not None:
            acceptor.stop()

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        self.stop_accepting()
        for connection in list(self.connections):
            connection.transport.abortConnection()

    def drain(self) -> None:
        """Ask every connection to end when what is in flight is done."""
        for connection in list(self.connections):
            if connection.drain is not None:
                connection.drain()

    def _take(self, arrival: Arrival, transport: Any, peer: Any, local: tuple[str, int]) -> None:
        connection = Connection(self._reactor, self.listener, transport, (plain(peer[0]), peer[1]), local)
        arrival.belong(connection)
        self.connections.add(connection)
        # What stands behind this may be another by the time the connection ends.
        stats = self._stats
        stats.opened()

        def ended(_: None, error: BaseException | None) -> None:
            self.connections.discard(connection)
            stats.closed()
            if error is not None:
                self._failed(connection, error)

        try:
            proxy = self._proxy
            serving = self._serve(connection) if proxy is None else self._proxied(connection, proxy)
        except Exception as error:
            # What serves may know before it is awaited that it will not.
            ended(None, error)
        else:
            Task(serving, ended).start()

    async def _proxied(self, connection: Connection, proxy: ReceiveProxy) -> None:
        serve = self._serve
        await proxy.read(connection)
        await serve(connection)

    def _failed(self, connection: Connection, error: BaseException) -> None:
        if isinstance(error, Malformed):
            error = Refusal(REASONS[error.word], error.detail)
        if isinstance(error, Refusal):
            self._refused(connection, error)
        elif not isinstance(error, Cancelled):
            self.log.failure(
                "listener {name} failed to serve a connection", Failure(error), name=self.listener
            )
        # An alert may be on its way out: let it go.
        if not connection.transport.disconnecting:
            connection.transport.abortConnection()
