"""Relays datagrams: each client has its own socket to a server for as long as it talks."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from toron.core.backend import Backend, Lease
from toron.core.networks import plain
from toron.core.refusal import (
    CONNECT_FAILED,
    CONNECT_REFUSED,
    DRAINED,
    TOO_MANY_SESSIONS,
    Reason,
    Refusal,
)
from toron.core.server import Server
from toron.core.trail import Trail
from toron.core.wait import Cancelled, Task, Wait
from toron.net.accept import stack
from toron.net.detour import Detouring, PassingOn
from toron.net.resolve import Resolver
from toron.net.sockets import OpenSocket, listening_socket
from toron.net.sweep import NEVER, Sweep
from toron.wire.addresses import packed

if TYPE_CHECKING:
    from toron.interfaces import Guard
    from toron.observe.stats import ListenerStats, ServerStats

_LARGEST = 65535
_BATCH = 64
"""Datagrams taken off a socket before others get their turn."""
_ANSWERS = 1 << 20
"""Bytes of answers that may wait for us in one session."""
_LOOKUP_SECONDS = 5.0
"""How long a server's name may take to be looked up."""
EARLY_MOST = 16
"""Datagrams kept for a client whose server is not known yet."""
_SHUNNED_SECONDS = 1.0
"""How long a refused client's datagrams are dropped without another look."""
_SHUNNED_MOST = 10_000

Key = tuple[Any, ...]
"""A client's address, and the ancillary data that makes a reply leave from the address it spoke to.

What else tells sessions apart comes behind these two.
"""

_IP_PKTINFO = 8
_IPV6_RECVPKTINFO = 49
_IPV6_PKTINFO = 50


@implementer(IReadDescriptor)
class UdpSession:
    """One client's exchange with one server; a guard sees it as it sees a connection."""

    __slots__ = (
        "_early", "_key", "_listener", "accepted", "backend", "bytes_in", "bytes_out", "chosen", "client_ip",
        "client_port", "deadline", "ended", "id", "idle", "lease", "listener", "over", "packets_in",
        "packets_out", "passed", "peer_ip", "peer_port", "reason", "server", "trail", "upstream",
    )  # fmt: skip

    def __init__(self, owner: UdpListener, key: Key, now: float) -> None:
        self._listener = owner
        self._key = key
        address = key[0]
        self.listener = owner.listener
        self.client_ip = self.peer_ip = plain(address[0])
        self.client_port = self.peer_port = address[1]
        self.accepted = now
        self.deadline = NEVER
        self.ended: Wait[None] = Wait()
        self.over = False
        self.reason: Reason | None = None
        self.upstream: socket.socket | None = None
        self.lease: Lease | None = None
        self.idle = owner.idle
        """Seconds without a datagram after which it is over."""
        self.chosen: Backend | None = None
        self.backend = ""
        self.server: Server | None = None
        self.packets_in = self.packets_out = 0
        self.bytes_in = self.bytes_out = 0
        self._early: list[bytes] = []
        self.id = ""
        """What logs know it by; empty where none has named it yet."""
        self.passed = 0
        """How many guards it has passed."""
        self.trail: Trail | None = None
        """Which server was picked for it."""

    # --- from the client ----------------------------------------------------------------------

    def forward(self, data: bytes) -> None:
        """Send one datagram on; one the network does not take is lost, as UDP has it."""
        if self.over:
            return
        upstream = self.upstream
        if upstream is None:
            self.hold(data)
            return
        self.packets_in += 1
        self.bytes_in += len(data)
        self.deadline = self._listener.sweep.now + self.idle
        try:
            upstream.send(data)
        except BlockingIOError:
            self._listener.stats.datagrams_dropped += 1
        except OSError as error:
            self._broken(error)

    def hold(self, data: bytes) -> None:
        """Keep one datagram until the server is known; of many the first."""
        self.packets_in += 1
        self.bytes_in += len(data)
        if len(self._early) < EARLY_MOST:
            self._early.append(data)

    def open(self, upstream: socket.socket, lease: Lease) -> None:
        """The server is known: send what came meanwhile, in order, and listen to it."""
        self.upstream = upstream
        self.lease = lease
        self.server = lease.server
        early, self._early = self._early, []
        self.packets_in -= len(early)
        self.bytes_in -= sum(map(len, early))
        self._listener.reactor.addReader(self)
        for data in early:
            self.forward(data)

    # --- from the server ----------------------------------------------------------------------

    def fileno(self) -> int:
        return -1 if self.upstream is None else self.upstream.fileno()

    def logPrefix(self) -> str:
        return self.listener

    def connectionLost(self, reason: Failure) -> None:
        """The reactor saw an error on the socket, such as an ICMP message: the socket knows which."""
        if self.upstream is not None:
            code = self.upstream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._broken(OSError(code, os.strerror(code)))

    def doRead(self) -> None:
        listener = self._listener
        for _ in range(_BATCH):
            if self.upstream is None:
                return
            try:
                data = self.upstream.recv(_LARGEST)
            except BlockingIOError:
                return
            except OSError as error:
                self._broken(error)
                return
            self.packets_out += 1
            self.bytes_out += len(data)
            self.deadline = listener.sweep.now + self.idle
            if self.packets_out == 1:
                listener.answered(self)
            listener.reply(self._key, data)
            if listener.responses and self.packets_out >= listener.responses * self.packets_in:
                self.end(None)
                return

    def _broken(self, error: OSError) -> None:
        refused = error.errno == errno.ECONNREFUSED
        self._listener.failed(self, CONNECT_REFUSED if refused else CONNECT_FAILED)
        self.end(CONNECT_REFUSED if refused else CONNECT_FAILED)

    # --- the end ------------------------------------------------------------------------------

    def expired(self, now: float) -> None:
        self.end(None)

    def end(self, reason: Reason | None) -> None:
        """Forget the client; its next datagram begins a new session."""
        if self.over:
            return
        self.over = True
        self._early = []
        self.deadline = NEVER
        self.reason = reason
        upstream = self.upstream
        if upstream is not None:
            self._listener.reactor.removeReader(self)
            self.upstream = None
            upstream.close()
        if self.lease is not None:
            self.lease.release()
        self._listener.forget(self._key, self)
        self.ended.fire(None)


@implementer(IReadDescriptor)
class UdpListener(Detouring):
    """A bound UDP address in front of one backend, or an echo where there is none.

    `idle` is in seconds; `most` bounds the sessions; after `responses` replies to each of its
    datagrams (0: any number) a session is over. `started` and `finished` are told of every session,
    `refused` of those not begun.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        address: str | None,
        port: int,
        backend: Backend | None,
        *,
        sweep: Sweep,
        guards: Sequence[Guard] = (),
        idle: float = 30.0,
        most: int = 10_000,
        responses: int = 0,
        open_socket: OpenSocket = listening_socket,
        stats: ListenerStats,
        server_stats: Mapping[Server, ServerStats],
        started: Callable[[UdpSession, str, Server], None],
        finished: Callable[[UdpSession], None],
        refused: Callable[[UdpSession, Refusal], None],
    ) -> None:
        self.setName(name)  # type: ignore[no-untyped-call]
        self.listener = name
        self.reactor = reactor
        self.sweep = sweep
        self._resolver = Resolver(reactor)
        self.idle = idle
        self.responses = responses
        self.stats = stats
        self.port = port
        self.sessions: dict[Key, UdpSession] = {}
        self._address = address
        self._open_socket = open_socket
        self._backend = backend
        self._most = most
        self._server_stats = server_stats
        self._started = started
        self._finished = finished
        self._refused = refused
        self._guards = guards
        self._serve = stack(guards, self._session)
        self._shunned: dict[Key, float] = {}
        self._full = TOO_MANY_SESSIONS
        self._socket: Any = None
        self._paused = False
        self._detour: PassingOn | None = None
        """Takes what is for another process."""
        self._leaving = False
        self._anywhere = address is None or not any(packed(address) or b"")
        self.log = Logger()

    # --- life ---------------------------------------------------------------------------------

    def bind(self) -> None:
        """Take the address; raises CannotListen."""
        opened = self._open_socket(self.listener, self._address, self.port, stream=False)
        self.port = opened.getsockname()[1]
        if self._anywhere:
            # On a socket for every address the kernel would answer from the one it likes best.
            if opened.family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
            else:
                opened.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        self._socket = opened

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        if self._socket is None:
            self.bind()
        self._listen()

    def _release(self) -> None:
        """Where nobody is left whom another process does not know, that one may read for itself."""
        if self._leaving and self._detour is not None and not self.sessions:
            self._detour.close()
            self._detour = None
            self.pause()

    def switch(self, other: UdpListener) -> None:
        """Sessions begun from here on get what stands behind `other`, which is bound to nothing."""
        if other.stats is not self.stats:
            # The sessions that are there are counted, as they end, where new ones are.
            other.stats.active += self.stats.active
            other.stats.sessions += self.stats.sessions
        self.listener = other.listener
        self.idle = other.idle
        self.responses = other.responses
        self.stats = other.stats
        self._backend = other._backend
        self._most = other._most
        self._full = other._full
        self._leaving = False
        self._server_stats = other._server_stats
        self._started = other._started
        self._finished = other._finished
        self._refused = other._refused
        self._serve = stack(other._guards, self._session)
        self._shunned.clear()

    def stop_accepting(self) -> None:
        """Begin no more sessions; those that are there go on."""
        self._most = 0
        self._full = DRAINED
        self._leaving = True
        self._release()

    def drain(self) -> None:
        """UDP has no way to say goodbye: sessions go on until they are idle, or the limit comes.

        But where another process gets what clients send, they are over: the last answers have come.
        """
        if self._paused:
            for session in list(self.sessions.values()):
                session.end(None)

    @property
    def connections(self) -> list[UdpSession]:
        """The sessions under way."""
        return list(self.sessions.values())

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        if self._socket is not None:
            self._leave()
        opened, self._socket = self._socket, None
        for session in list(self.sessions.values()):
            session.end(DRAINED)
        if opened is not None:
            opened.close()
        if self._detour is not None:
            self._detour.close()

    # --- the socket ---------------------------------------------------------------------------

    def fileno(self) -> int:
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:
        return self.listener

    def connectionLost(self, reason: Failure) -> None:
        self.log.error("listener {name} lost its socket: {reason}", name=self.listener, reason=reason)

    def doRead(self) -> None:
        opened = self._socket
        stats = self.stats
        for _ in range(_BATCH):
            if opened is None or opened.fileno() < 0:
                return
            via = b""
            try:
                if self._anywhere:
                    data, ancillary, _, address = opened.recvmsg(_LARGEST, 128)
                    via = ancillary[0][2] if ancillary else b""
                else:
                    data, address = opened.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            except OSError:
                # An ICMP error for something sent earlier; it is not about what comes next.
                continue
            stats.datagrams_in += 1
            stats.bytes_in += len(data)
            # One client may speak to several of our addresses, and each of them has to answer.
            self._take((address, via), data)

    def _take(self, where: Key, data: bytes) -> None:
        """Hand a datagram to the session of the client that is at `where`."""
        session = self.sessions.get(where)
        if session is None:
            self._begin(where, data)
        else:
            session.forward(data)

    def reply(self, key: Key, data: bytes) -> None:
        """Send a datagram to a client, from the address it knows."""
        opened = self._socket
        if opened is None:
            return
        address, via = key[0], key[1]
        try:
            if via:
                opened.sendmsg([data], [_from(opened.family, via)], 0, address)
            else:
                opened.sendto(data, address)
        except OSError:
            self.stats.datagrams_dropped += 1
            return
        self.stats.datagrams_out += 1
        self.stats.bytes_out += len(data)

    # --- sessions -----------------------------------------------------------------------------

    def _passed_on(self, key: Key, data: bytes) -> bool:
        """Whether a datagram that is for nobody here is another process's."""
        return self._detour is not None and self._detour.send(data, key[0], key[1])

    def _begin(self, key: Key, data: bytes) -> None:
        if self._passed_on(key, data):
            return
        if self._is_shunned(key):
            self.stats.datagrams_dropped += 1
        elif self._backend is None:
            self.reply(key, data)
        else:
            self._admit(UdpSession(self, key, self.reactor.seconds()), data)

    def _is_shunned(self, key: Key) -> bool:
        """Whether the client was refused just now."""
        if not self._shunned:
            return False
        until = self._shunned.get(key)
        if until is None:
            return False
        if until <= self.sweep.now:
            del self._shunned[key]
        return until > self.sweep.now

    def _admit(self, session: UdpSession, data: bytes) -> None:
        """Begin a session with its first datagram, or refuse it."""
        if len(self.sessions) >= self._most:
            self._shun(session, Refusal(self._full))
            return
        self._remember(session)
        self.stats.opened()
        self.stats.sessions += 1
        session.hold(data)

        def ended(_: None, error: BaseException | None) -> None:
            begun = session.server is not None
            if error is not None and not isinstance(error, Cancelled):
                if isinstance(error, Refusal):
                    self._shun(session, error)
                else:
                    self.log.failure("listener {name} failed", Failure(error), name=self.listener)
            session.end(session.reason)
            self.stats.closed()
            self.stats.sessions -= 1
            if begun:
                self._finished(session)

        Task(self._serve(session), ended).start()

    def _shun(self, session: UdpSession, refusal: Refusal) -> None:
        if len(self._shunned) >= _SHUNNED_MOST:
            self._shunned.clear()
        self._shunned[session._key] = self.sweep.now + _SHUNNED_SECONDS
        self.stats.datagrams_dropped += max(1, session.packets_in)
        self._refused(session, refusal)

    async def _choose(self, session: UdpSession) -> Lease:
        """A server for a new session, whose backend is named in it; Refusal when there is none."""
        assert self._backend is not None
        self._lead(session, self._backend)
        return self._lease(session, self._backend)

    def _lease(self, session: UdpSession, backend: Backend) -> Lease:
        """The balancer's pick, written down."""
        trail = session.trail = Trail()
        began = self.reactor.seconds() - session.accepted
        try:
            lease = backend.lease(session, (), self.sweep.now)
        except Refusal:
            trail.pick(backend, None, (), self.sweep.now, began)
            raise
        trail.pick(backend, lease.server, (), self.sweep.now, began)
        return lease

    def _lead(self, session: UdpSession, backend: Backend) -> None:
        """The session goes to a server of this backend."""
        session.chosen = backend
        session.backend = backend.name

    async def _session(self, session: UdpSession) -> None:
        lease = await self._choose(session)
        try:
            family, where = await self._where(lease.server)
            upstream = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
            try:
                upstream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ANSWERS)
                upstream.connect(where)
            except BaseException:
                upstream.close()
                raise
        except OSError as error:
            lease.release()
            raise Refusal(CONNECT_FAILED, f"{lease.server.name}: {error.strerror or error}") from None
        except BaseException:
            lease.release()
            raise
        if session.over:
            upstream.close()
            lease.release()
            return
        self._started(session, session.backend, lease.server)
        session.open(upstream, lease)
        self.sweep.watch(session)
        await session.ended

    async def _where(self, server: Server) -> tuple[int, Any]:
        """The server's address family and address."""
        address = (await self._resolver.addresses(server.host, _LOOKUP_SECONDS))[0]
        return socket.AF_INET6 if ":" in address else socket.AF_INET, (address, server.port)

    def answered(self, session: UdpSession) -> None:
        """A server has replied to a client for the first time."""
        assert session.chosen is not None and session.server is not None
        session.chosen.succeeded(session.server, self.sweep.now)

    def failed(self, session: UdpSession, reason: Reason) -> None:
        """A server's machine says that nobody listens there."""
        backend = session.chosen
        if backend is None or session.server is None:
            return
        now = self.sweep.now
        stats = self._server_stats.get(session.server)
        if stats is not None:
            stats.fail(reason.word)
        backend.unreachable(session.server, now)
        backend.failed(session.server, now, reason.word)

    def _remember(self, session: UdpSession) -> None:
        """The session begins."""
        self.sessions[session._key] = session

    def forget(self, key: Key, session: UdpSession) -> None:
        """The session is over."""
        self.sweep.forget(session)
        with contextlib.suppress(KeyError):
            if self.sessions[key] is session:
                del self.sessions[key]
        self._release()


def _from(family: int, via: bytes) -> tuple[int, int, bytes]:
    """The ancillary data that sends from the address in `via` (ip(7), ipv6(7))."""
    if family == socket.AF_INET6:
        return socket.IPPROTO_IPV6, _IPV6_PKTINFO, via
    _, ours, _ = struct.unpack("=I4s4s", via)
    return socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("=I4s4s", 0, ours, bytes(4))
