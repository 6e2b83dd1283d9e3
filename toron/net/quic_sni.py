"""Relays QUIC to the server of the name that its ClientHello asks for, without ending it.

A session is one connection at one address of its client. Each has a socket of its own to the server,
so that a client that changes its address does so in the server's eyes too: the server, who has the
keys, sees whether that is true (RFC 9000 section 9), and nobody can lead a connection away by writing
another's address on a packet. We send nothing of our own accord.
"""

from __future__ import annotations

from typing import Any

from toron.core.backend import Backend, Lease
from toron.core.connection_routing import ConnectionRouter
from toron.core.quic_ids import UNLIKELY, ConnectionIds, QuicConnection
from toron.core.refusal import (
    HELLO_BAD,
    HELLO_DISPLACED,
    HELLO_TIMEOUT,
    NO_CONNECTION_ROUTE,
    QUIC_BAD,
    QUIC_STRANGER,
    QUIC_VERSION,
    REASONS,
    Reason,
    Refusal,
)
from toron.core.wait import Wait
from toron.net.sweep import NEVER
from toron.net.udp import EARLY_MOST, Key, UdpListener, UdpSession
from toron.wire.clienthello import ClientHello
from toron.wire.events import Malformed
from toron.wire.quic import LONG, UNKNOWN, LongHeader, long_header
from toron.wire.quic_initial import InitialPeek, begins

HELD_MOST = 32 << 10
"""Bytes of datagrams kept for a client whose server is not known yet."""

UNREAD_MOST = 1024
"""Clients in the middle of their ClientHello; with one more the one that is there for longest goes."""

UNREAD_BYTES = 8 << 20
"""Bytes kept for all of them, in the same way."""

PATHS_MOST = 4
"""Addresses of one connection that are remembered at a time."""

SHORTEST = 21
"""Bytes of a packet with a short header, at least (RFC 9001 section 5.4.2)."""


class QuicSession(UdpSession):
    """One QUIC connection at one address of its client."""

    __slots__ = ("came", "confirmed", "connection", "followed", "hello", "kept", "peek", "why_not")

    _listener: QuicListener

    def __init__(self, owner: QuicListener, key: Key, now: float, connection: QuicConnection) -> None:
        super().__init__(owner, key, now)
        self.connection = connection
        self.hello: ClientHello | None = connection.hello
        self.came: Wait[ClientHello | None] = Wait()
        """Fired with the hello, or with None and `why_not`."""
        self.why_not: tuple[Reason, str] = (HELLO_BAD, "")
        self.peek: InitialPeek | None = None
        """Reads it, until it is there."""
        self.followed = self.hello is not None
        """The connection was known before: its client has changed its address."""
        self.kept = 0
        """Bytes of datagrams that wait for the server to be known."""
        self.confirmed = False
        """The client has shown that it hears the server: its address is its own."""
        self.idle = min(owner.idle, owner.hello_seconds)
        if self.hello is not None:
            self.came.fire(self.hello)

    def hold(self, data: bytes) -> None:
        if not self._early or self.kept + len(data) <= HELD_MOST:
            self.kept += len(data)
            super().hold(data)
            self._listener.weigh(self)
        else:
            self._listener.drop(None)

    def forward(self, data: bytes) -> None:
        if self.upstream is None:
            if not self.over:
                self.hold(data)
                self._read(data)
            return
        if not self.confirmed and self.packets_out and self._hears(data):
            self.confirmed = True
            self.idle = self._listener.idle
        super().forward(data)

    def _hears(self, data: bytes) -> bool:
        """Whether only who has got the server's answer can have sent this."""
        connection = self.connection
        return self.followed or not connection.ids or connection.has(data)

    def _read(self, data: bytes) -> None:
        """See whether the ClientHello is whole with this datagram."""
        peek = self.peek
        if peek is None:
            return
        try:
            hello = peek.feed(data)
        except Malformed as error:
            self.give_up(REASONS[error.word], error.detail)
            return
        if hello is not None:
            self.hello_is(hello)
        elif len(self._early) >= EARLY_MOST or self.kept + len(data) > HELD_MOST:
            self.give_up(HELLO_BAD, "not whole within so many datagrams")
        else:
            self._listener.weigh(self)

    def hello_is(self, hello: ClientHello) -> None:
        """The ClientHello is whole: the session may go on."""
        self.peek = None
        self.hello = self.connection.hello = hello
        self._listener.has_read(self)
        self.came.fire(hello)

    def give_up(self, reason: Reason, detail: str = "") -> None:
        """There will be no ClientHello."""
        self.peek = None
        self.why_not = (reason, detail)
        self._listener.has_read(self)
        self.came.fire(None)

    def expired(self, now: float) -> None:
        if self.peek is not None:
            self.give_up(HELLO_TIMEOUT)
        else:
            self.end(None if self.confirmed else HELLO_TIMEOUT)


class QuicListener(UdpListener):
    """A bound UDP address in front of the backends that `router` leads to.

    `hello_seconds` is how long a ClientHello may take, and then the client until it is known to hear
    the server; other options are those of UdpListener.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        address: str | None,
        port: int,
        router: ConnectionRouter[Backend],
        *,
        hello_seconds: float,
        **options: Any,
    ) -> None:
        super().__init__(reactor, name, address, port, None, **options)
        self.hello_seconds = hello_seconds
        self._router = router
        self._ids = ConnectionIds()
        self._at: dict[Key, list[QuicSession]] = {}
        """The sessions at each address of a client, the newest last."""
        self._unread: dict[QuicSession, int] = {}
        """Those whose ClientHello is not whole yet, the oldest first, with the bytes each takes."""
        self.unread_bytes = 0

    def switch(self, other: UdpListener) -> None:
        super().switch(other)
        assert isinstance(other, QuicListener)
        self.hello_seconds = other.hello_seconds
        self._router = other._router

    # --- whose datagram it is -----------------------------------------------------------------

    def _take(self, where: Key, data: bytes) -> None:
        here = self._at.get(where, ())
        if data and data[0] & LONG:
            self._take_long(where, here, data)
        elif len(data) < SHORTEST:
            self.drop(QUIC_BAD)
        else:
            self._take_short(where, here, data)

    def _take_short(self, where: Key, here: Any, data: bytes) -> None:
        for session in here:
            if session.connection.has(data):
                session.forward(data)
                return
        # Where somebody is known, a short id that fits may do so by chance.
        connection = self._ids.of_short(data, UNLIKELY if here else 1)
        if connection is not None:
            self._follow(connection, where, data)
        elif here:
            session = here[-1]
            if len(here) == 1 and session.confirmed:
                self._learn_new(session.connection, data)
            session.forward(data)
        elif not self._passed_on(where, data):
            self.drop(QUIC_STRANGER)

    def _learn_new(self, connection: QuicConnection, data: bytes) -> None:
        """The client uses an id that the server gave it in secret (RFC 9000 section 19.15).

        It is taken to be as long as the one that was learned last.
        """
        if connection.sizes:
            self._ids.learn(connection, data[1 : 1 + connection.sizes[0]])

    def _take_long(self, where: Key, here: Any, data: bytes) -> None:
        header = long_header(data)
        if header is None:
            self.drop(QUIC_BAD)
            return
        session = self.sessions.get((*where, header.dcid))
        if session is not None:
            session.forward(data)
            return
        for session in here:
            if header.dcid in session.connection.ids:
                session.forward(data)
                return
        connection = self._ids.named(header.dcid)
        if connection is not None:
            self._follow(connection, where, data)
        elif not here and self._passed_on(where, data):
            return
        elif header.kind == UNKNOWN:
            self.drop(QUIC_VERSION)
        elif begins(header, data):
            self._begin_connection((*where, header.dcid), header, data)
        elif here:
            # Some servers have no ids.
            here[-1].forward(data)
        else:
            self.drop(QUIC_STRANGER)

    def drop(self, reason: Reason | None) -> None:
        """Forget a datagram. Nobody knows who sent it: it is counted, and gets no line of its own."""
        self.stats.datagrams_dropped += 1
        if reason is not None:
            self.stats.refuse(reason.word)

    # --- sessions -----------------------------------------------------------------------------

    def _begin_connection(self, key: Key, header: LongHeader, data: bytes) -> None:
        if self._is_shunned(key):
            self.drop(None)
            return
        peek = InitialPeek(header.version, header.dcid)
        try:
            hello = peek.feed(data)
        except Malformed:
            self.drop(HELLO_BAD)
            return
        if not peek.opened:
            self.drop(QUIC_BAD)
            return
        session = QuicSession(self, key, self.reactor.seconds(), QuicConnection(header.dcid))
        if hello is None:
            session.peek = peek
        else:
            session.hello_is(hello)
        self._admit(session, data)

    def _follow(self, connection: QuicConnection, where: Key, data: bytes) -> None:
        """A client that is known has another address now, or a NAT has given it one."""
        key = (*where, connection.first)
        if self._is_shunned(key):
            self.drop(None)
            return
        if len(connection.sessions) >= PATHS_MOST:
            min(connection.sessions, key=_deadline).end(None)
        self._admit(QuicSession(self, key, self.reactor.seconds(), connection), data)

    async def _choose(self, session: UdpSession) -> Lease:
        assert isinstance(session, QuicSession)
        hello = await session.came
        if hello is None:
            # Made here: one that the session kept would keep alive all that was running when it was raised.
            raise Refusal(*session.why_not)
        # Asked again for each address: a route may be for some networks only.
        backend = self._router.find(session.client_ip, hello.sni, hello.alpn)
        self._lead(session, backend)
        connection = session.connection
        if connection.server is None:
            lease = self._lease(session, backend)
            connection.backend, connection.server = backend, lease.server
            return lease
        if backend is not connection.backend:
            raise Refusal(NO_CONNECTION_ROUTE, "the connection is known, but not from there")
        return Lease(connection.server)

    def reply(self, key: Key, data: bytes) -> None:
        if data and data[0] & LONG:
            self._learn(key, data)
        super().reply(key, data)

    def _learn(self, key: Key, data: bytes) -> None:
        """A server says what it wants to be called; a Version Negotiation says it of nobody."""
        session = self.sessions.get(key)
        header = long_header(data)
        if isinstance(session, QuicSession) and header is not None and header.version:
            self._ids.learn(session.connection, header.scid)

    def _remember(self, session: UdpSession) -> None:
        assert isinstance(session, QuicSession)
        super()._remember(session)
        self._at.setdefault(session._key[:2], []).append(session)
        session.connection.sessions[session] = None
        if session.peek is not None:
            self._unread[session] = 0
            session.deadline = self.sweep.now + self.hello_seconds
            self.sweep.watch(session)

    def forget(self, key: Key, session: UdpSession) -> None:
        assert isinstance(session, QuicSession)
        super().forget(key, session)
        self.has_read(session)
        here = self._at[key[:2]]
        here.remove(session)
        if not here:
            del self._at[key[:2]]
        connection = session.connection
        del connection.sessions[session]
        if not connection.sessions:
            self._ids.forget(connection)

    # --- hellos that are not whole ------------------------------------------------------------

    def has_read(self, session: QuicSession) -> None:
        """The ClientHello of a session is whole, or will never be."""
        self.unread_bytes -= self._unread.pop(session, 0)
        session.deadline = NEVER

    def weigh(self, session: QuicSession) -> None:
        """A session keeps more than it did: where too much waits, give up on whom waits for longest.

        Who means it sends a whole flight at once, so that those are the first to be served.
        """
        unread = self._unread
        if session not in unread or session.peek is None:
            return
        weight = session.kept + session.peek.size
        self.unread_bytes += weight - unread[session]
        unread[session] = weight
        while len(unread) > UNREAD_MOST or self.unread_bytes > UNREAD_BYTES:
            next(iter(unread)).give_up(HELLO_DISPLACED)

    def _shun(self, session: UdpSession, refusal: Refusal) -> None:
        if refusal.reason is HELLO_DISPLACED:
            self.drop(HELLO_DISPLACED)
        else:
            super()._shun(session, refusal)


def _deadline(session: QuicSession) -> float:
    return session.deadline
