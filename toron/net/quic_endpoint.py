"""A bound UDP address that QUIC is spoken on: each datagram finds its connection, or begins one."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from toron.core.networks import plain
from toron.core.refusal import TOO_MANY_CONNECTIONS, Refusal
from toron.core.wait import Cancelled, Task
from toron.net.accept import stack
from toron.net.connection import Connection
from toron.net.detour import Detouring, PassingOn
from toron.net.late import NEVER as AT_ONCE
from toron.net.quic_admission import Admission, Newcomer
from toron.net.quic_core import ServerCore, configuration
from toron.net.quic_identities import Identities
from toron.net.quic_packet import destination
from toron.net.quic_sending import IP_PKTINFO, IPV6_RECVPKTINFO, SOL_UDP, Sending, leaving_from
from toron.net.quic_session import Address, QuicSession
from toron.net.quic_timers import Timers
from toron.net.sockets import OpenSocket, listening_socket
from toron.wire.addresses import packed, written

if TYPE_CHECKING:
    from toron.interfaces import Guard, Serve
    from toron.observe.stats import ListenerStats

_LARGEST = 65535
_BATCH = 64
"""Times the socket is read before others get their turn."""
_ROUNDS = 4
"""Times that is done again for what has come meanwhile, before requests are served."""
_SEND_BUFFER = 4 << 20
_UDP_GRO = 104
"""Have the kernel put datagrams of one sender together (udp(7))."""


@implementer(IReadWriteDescriptor)
class QuicEndpoint(Detouring):
    """Connections by their ids; each new one walks through guards to `serve`.

    `most` bounds the connections, `handshakes` those of them that are not shaken yet. When there are many of
    the latter, or always with `retry`, a client has to prove its address first (RFC 9000 section 8.1.2).
    `idle` is in seconds.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        address: str | None,
        port: int,
        serve: Serve,
        *,
        identities: Identities,
        protocol: str,
        guards: Sequence[Guard] = (),
        most: int = 10_000,
        handshakes: int = 1000,
        retry: bool = False,
        idle: float = 75.0,
        open_socket: OpenSocket = listening_socket,
        refused: Callable[[Connection, Refusal], None],
        stats: ListenerStats,
    ) -> None:
        self.setName(name)  # type: ignore[no-untyped-call]
        self.listener = name
        self.reactor = reactor
        self.late = getattr(reactor, "late", AT_ONCE)
        self.timers = Timers(reactor)
        self.port = port
        """The port it is bound to, once it is."""
        self.bound: Callable[[int], None] | None = None
        """Told the port once it is known."""
        self.stopping = False
        self.connections: set[Connection] = set()
        self.half_open = 0
        """Connections whose handshake is not done."""
        self.stats = stats
        self._address = address
        self._serve = stack(guards, serve)
        self._identities = identities
        self._configuration = configuration(identities, protocol, idle)
        self._most = most
        self._admission = Admission(identities.reset_key, always_retry=retry, handshakes=handshakes)
        self._open_socket = open_socket
        self._refused = refused
        self._by_id: dict[bytes, QuicSession] = {}
        self._accepting = True
        self._anywhere = address is None or not any(packed(address) or b"")
        self._socket: Any = None
        self._paused = False
        self._detour: PassingOn | None = None
        """Takes what is for another process."""
        self._family = socket.AF_INET
        self._sending: Any = None
        self.log = Logger()

    # --- life ---------------------------------------------------------------------------------

    def bind(self) -> None:
        """Take the address; raises CannotListen."""
        opened = self._open_socket(self.listener, self._address, self.port, stream=False)
        self.port = opened.getsockname()[1]
        self._family = opened.family
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        if self._anywhere:
            # On a socket for every address the kernel would answer from the one it likes best.
            if opened.family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
            else:
                opened.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        with contextlib.suppress(OSError):
            opened.setsockopt(SOL_UDP, _UDP_GRO, 1)
        self._socket = opened
        self._sending = Sending(opened)
        if self.bound is not None:
            self.bound(self.port)

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        if self._socket is None:
            self.bind()
        self._listen()

    def _release(self) -> None:
        """Where nobody is left whom another process does not know, that one may read for itself."""
        if self._detour is not None and not self._accepting and not self._by_id:
            self._detour.close()
            self._detour = None
            self.pause()

    def switch(self, other: QuicEndpoint) -> None:
        """Connections begun from here on get what stands behind `other`, which is bound to nothing."""
        self.listener = other.listener
        self.stats = other.stats
        self.bound = other.bound
        self._serve = other._serve
        self._identities = other._identities
        self._configuration = other._configuration
        self._most = other._most
        self._admission.switch(other._admission)
        self._refused = other._refused
        if self.bound is not None:
            self.bound(self.port)

    def stop_accepting(self) -> None:
        """Begin no more connections; those that are there go on.

        Where another process gets what clients send, they are told that it is over, so that they come again.
        """
        self._accepting = False
        if self._paused:
            self._close_all()
        self._release()

    def drain(self) -> None:
        """Ask every connection to end when what is in flight is done."""
        for connection in list(self.connections):
            if connection.drain is not None:
                connection.drain()

    def _close_all(self) -> None:
        for session in set(self._by_id.values()):
            session.abortConnection()
            session.send()

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        self.stopping = True
        self._accepting = False
        self._close_all()
        self.timers.stop()
        self._by_id.clear()
        if self._socket is not None:
            self._leave()
        opened, self._socket = self._socket, None
        if opened is not None:
            self.reactor.removeWriter(self)
            opened.close()
        if self._detour is not None:
            self._detour.close()

    # --- the socket ---------------------------------------------------------------------------

    def fileno(self) -> int:
        return -1 if self._socket is None else int(self._socket.fileno())

    def logPrefix(self) -> str:
        return self.listener

    def connectionLost(self, reason: Failure) -> None:
        self.log.error("listener {name} lost its socket: {reason}", name=self.listener, reason=reason)

    def doRead(self) -> None:
        touched: dict[QuicSession, None] = {}
        # What follows closely, such as a small body its head, has mostly come when the first is looked at.
        for _ in range(_ROUNDS):
            fresh = self._read()
            if not fresh:
                break
            for session in fresh:
                session.take()
            touched.update(fresh)
        for session in touched:
            session.settle()

    def _read(self) -> dict[QuicSession, None]:
        """Give what has come to its sessions; those that got something."""
        touched: dict[QuicSession, None] = {}
        for _ in range(_BATCH):
            opened = self._socket
            if opened is None:
                break
            try:
                data, ancillary, _, address = opened.recvmsg(_LARGEST, 128)
            except BlockingIOError:
                break
            except OSError:
                # An ICMP error for something sent earlier; it is not about what comes next.
                continue
            via = b""
            segment = 0
            for level, _, value in ancillary:
                if level == SOL_UDP:
                    segment = int.from_bytes(value[:4], sys.byteorder)
                else:
                    via = value
            if segment and segment < len(data):
                for start in range(0, len(data), segment):
                    self._came(data[start : start + segment], address, via, touched)
            else:
                self._came(data, address, via, touched)
        return touched

    def _came(self, data: bytes, address: Address, via: bytes, touched: dict[QuicSession, None]) -> None:
        self.stats.datagrams_in += 1
        self.stats.bytes_in += len(data)
        session = self._by_id.get(destination(data))
        if session is None:
            self._begin(data, address, via, touched)
        else:
            session.arrived(data, address, via)
            touched[session] = None

    def transmit(self, datagrams: list[tuple[bytes, Address]], via: bytes) -> None:
        """Send datagrams of a connection, as soon as the kernel takes them."""
        if self._socket is None:
            return
        self.stats.datagrams_out += len(datagrams)
        self.stats.bytes_out += sum(len(data) for data, _ in datagrams)
        if not self._sending.send(datagrams, leaving_from(self._family, via)):
            self.reactor.addWriter(self)

    def doWrite(self) -> None:
        if self._sending.resume():
            self.reactor.removeWriter(self)

    # --- connections --------------------------------------------------------------------------

    def _begin(self, data: bytes, address: Address, via: bytes, touched: dict[QuicSession, None]) -> None:
        """What no connection is for: begin one, or answer what there is to answer."""
        if self._detour is not None and self._detour.send(data, address, via):
            return
        answer: Newcomer | bytes = b""
        if self._accepting:
            answer = self._admission.look(data, address, self.half_open, self.reactor.seconds())
        if isinstance(answer, Newcomer):
            touched[self._session(data, answer, address, via)] = None
        elif answer:
            self.transmit([(answer, address)], via)
        else:
            self.stats.datagrams_dropped += 1

    def _session(self, data: bytes, newcomer: Newcomer, address: Address, via: bytes) -> QuicSession:
        header = newcomer.header
        core = ServerCore(
            self._configuration, self._identities, self._identities.reset_key,
            newcomer.original, newcomer.retried,
        )  # fmt: skip
        session = QuicSession(self, core, header, address, via)
        peer = (plain(address[0]), address[1])
        connection = Connection(self.reactor, self.listener, session, peer, (self._local(via), self.port))
        session.connection = connection
        session.arrived(data, address, via)
        if len(self.connections) >= self._most:
            self._refused(connection, Refusal(TOO_MANY_CONNECTIONS))
            self._turn_away(session)
            return session
        self.connections.add(connection)
        self.half_open += 1
        self.know(header.dcid, session)
        self.know(core.host_cid, session)
        stats = self.stats
        stats.opened()

        def ended(_: None, error: BaseException | None) -> None:
            self.connections.discard(connection)
            stats.closed()
            if error is not None:
                self._failed(session, error)

        Task(self._serve(connection), ended).start()
        return session

    def _local(self, via: bytes) -> str:
        if len(via) == 12:
            return written(struct.unpack("=I4s4s", via)[2])
        return written(via[:16]) if len(via) == 20 else self._address or ""

    def _failed(self, session: QuicSession, error: BaseException) -> None:
        if isinstance(error, Refusal):
            self._refused(session.connection, error)
        elif not isinstance(error, Cancelled):
            self.log.failure(
                "listener {name} failed to serve a connection", Failure(error), name=self.listener
            )
        if session.begun:
            session.abortConnection()
        else:
            self._turn_away(session)

    def _turn_away(self, session: QuicSession) -> None:
        """Say no, and do not look for a while at what the client sends again."""
        self._admission.shun(session.address, self.reactor.seconds())
        session.turn_away()

    # --- what sessions tell -------------------------------------------------------------------

    def know(self, connection_id: bytes, session: QuicSession) -> None:
        """Packets to this id are the session's."""
        self._by_id[connection_id] = session
        session.ids.add(connection_id)

    def forget(self, connection_id: bytes, session: QuicSession) -> None:
        """They are nobody's any more."""
        session.ids.discard(connection_id)
        self._by_id.pop(connection_id, None)

    def shaken(self, session: QuicSession) -> None:
        """Its handshake is done."""
        self.half_open -= 1

    def lost(self, session: QuicSession) -> None:
        """It was closed, and is only there for what comes late."""
        if not session.shaken and session.ids:
            self.half_open -= 1
        session.connection.lost()

    def gone(self, session: QuicSession) -> None:
        """Nothing is left of it."""
        for connection_id in session.ids:
            self._by_id.pop(connection_id, None)
        session.ids.clear()
        self._release()
