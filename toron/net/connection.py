"""One accepted connection, from its accept to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from toron.core.refusal import CLIENT_GONE, Reason, Refusal
from toron.core.wait import Wait
from toron.wire.clienthello import ClientHello
from toron.wire.proxy_protocol import ProxyHeader

if TYPE_CHECKING:
    from toron.core.server import Server
    from toron.core.trail import Trail
    from toron.net.living import Busy
    from toron.net.tls import TlsInfo

T = TypeVar("T")


class Connection:
    """What guards and listeners see of a connection; nothing is read before somebody asks.

    Whoever takes it over (`hand_over`) must call `lost` when the transport is.
    """

    __slots__ = (
        "_arrival", "accepted", "client_ip", "client_port", "drain", "ended", "held", "hello", "id",
        "led_to", "listener", "local_ip", "local_port", "passed", "peer_ip", "peer_port", "proxied",
        "reactor", "reason", "tells", "tls", "trail", "transport",
    )  # fmt: skip

    def __init__(
        self,
        reactor: Any,
        listener: str,
        transport: Any,
        peer: tuple[str, int],
        local: tuple[str, int],
    ) -> None:
        self.reactor = reactor
        self.listener = listener
        self.transport = transport
        self.peer_ip, self.peer_port = peer
        self.client_ip, self.client_port = peer
        self.local_ip, self.local_port = local
        """What the client connected to; after a PROXY header, what it connected to there."""
        self.accepted: float = reactor.seconds()
        self.held = b""
        """Bytes that were read but are for the next protocol."""
        self.proxied: ProxyHeader | None = None
        self.hello: ClientHello | None = None
        self.tls: TlsInfo | None = None
        self.ended: Wait[None] = Wait()
        self.drain: Callable[[], None] | None = None
        """Asks for an end soon: what is in flight may finish."""
        self.tells: Callable[[], Busy] | None = None
        """Tells what it is busy with, for who asks (see `net.living`)."""
        self.led_to: tuple[str, Server] | None = None
        """The backend and the server that all of it goes to, where it is relayed as it is."""
        self.reason: Reason | None = None
        """Why it ended, where that is not the ordinary end."""
        self.id = ""
        """What logs know it by; empty where none has named it yet."""
        self.passed = 0
        """How many guards it has passed."""
        self.trail: Trail | None = None
        """Which servers were tried for it."""
        self._arrival: Arrival | None = None

    def arrived(self, arrival: Arrival) -> None:
        """The first protocol on the transport."""
        self._arrival = arrival

    async def read(self, parse: Callable[[bytes], T | None], seconds: float, late: Reason) -> T:
        """Read until `parse` of all bytes so far makes something of them; they stay in `held`.

        Raises Malformed as `parse` does, and Refusal when it takes longer or the client goes.
        """
        assert self._arrival is not None
        found = parse(self.held) if self.held else None
        if found is not None:
            return found
        timer = self.reactor.callLater(seconds, self._arrival.give_up, Refusal(late))
        try:
            while found is None:
                self.held += await self._arrival.more()
                found = parse(self.held)
        finally:
            if timer.active():
                timer.cancel()
        return found

    def hand_over(self, protocol: Any) -> None:
        """Let a protocol have the transport from here on, beginning with the bytes held."""
        transport = self.transport
        self._arrival = None
        transport.protocol = protocol
        protocol.makeConnection(transport)
        held, self.held = self.held, b""
        if held:
            protocol.dataReceived(held)
        # dataReceived may have ended it, or paused it on purpose before reading began.
        if not self.ended.done:
            transport.resumeProducing()

    def lost(self, reason: Failure | None = None) -> None:
        """The transport is gone."""
        self.drain = None
        self.tells = None
        if self._arrival is not None:
            # Without this circle both are freed at once, and not by the garbage collector.
            self._arrival.leave()
        self.ended.fire(None)

    def tell(self, ended: Wait[None]) -> None:
        """Fire a protocol's `ended`; fail it with a Refusal where this is not the ordinary end."""
        if self.reason is None:
            ended.fire(None)
        else:
            ended.fail(Refusal(self.reason))

    def refuse(self, reason: Reason) -> None:
        """End it at once, and remember why."""
        self.reason = reason
        self.transport.abortConnection()

    def close(self) -> None:
        """End it when everything written is sent."""
        self.transport.loseConnection()


@implementer(IHalfCloseableProtocol)
class Arrival:
    """Stands on a transport until it is known who gets the connection."""

    __slots__ = ("_connection", "_failure", "_wait", "transport")

    def __init__(self) -> None:
        self.transport: Any = None
        self._connection: Connection | None = None
        self._wait: Wait[bytes] | None = None
        self._failure: BaseException | None = None

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        transport.pauseProducing()

    def belong(self, connection: Connection) -> None:
        """Know whose it is."""
        self._connection = connection
        connection.arrived(self)

    def leave(self) -> None:
        """It is nobody's any more."""
        self._connection = None

    async def more(self) -> bytes:
        """The next bytes of the client."""
        if self._failure is not None:
            raise self._failure
        self._wait = Wait()
        self.transport.resumeProducing()
        return await self._wait

    def give_up(self, error: BaseException) -> None:
        """End the wait with an error."""
        self._failure = error
        if self._wait is not None:
            self._wait.fail(error)

    def dataReceived(self, data: bytes) -> None:
        wait, self._wait = self._wait, None
        if wait is not None:
            wait.fire(data)
        elif self._connection is not None:
            self._connection.held += data
        # Whoever waited may wait for more, or have handed the transport over: to pause it before that,
        # and not only now, would cost two calls of the kernel.
        if self._wait is None and getattr(self.transport, "protocol", None) is self:
            self.transport.pauseProducing()

    def readConnectionLost(self) -> None:
        self.give_up(Refusal(CLIENT_GONE))

    def writeConnectionLost(self) -> None:
        """Nothing was being written."""

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:
        self.give_up(Refusal(CLIENT_GONE))
        if self._connection is not None:
            self._connection.lost(reason)


class _Nobody:
    """Stands on transports that are not read from, until they are somebody's."""

    def dataReceived(self, data: bytes) -> None:
        """There is nobody who would read."""

    def connectionLost(self, reason: Failure) -> None:
        """Nobody wanted it."""


NOBODY = _Nobody()
