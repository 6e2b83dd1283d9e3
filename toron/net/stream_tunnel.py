"""A stream that became a tunnel, as the transport that a relay joins (RFC 8441, RFC 9220)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.python.failure import Failure

from toron.wire.events import Data, End

if TYPE_CHECKING:
    from toron.net.http_stream import Carrier

_DONE = Failure(ConnectionDone())
_ABORTED = Failure(ConnectionAborted())

ENOUGH = "enough"
"""A stream is reset because all is said, and the rest of what comes not wanted."""
CANCELLED = "cancelled"
"""A tunnel is reset because its other end was (RFC 8441 section 5.1)."""


class StreamTunnel:
    """What one side says goes out as data of the stream; an end is its end, a reset its reset."""

    __slots__ = (
        "_carrier", "_early", "_early_end", "_ended", "_gone", "_held", "_number", "_paused", "_producer",
        "_said_end", "_untaken", "_weigh", "protocol", "relay",
    )  # fmt: skip

    def __init__(self, carrier: Carrier, number: int, weigh: Callable[[], None]) -> None:
        """`weigh` is called when something was said: it may have to wait for the client."""
        self.protocol: Any = None
        self.relay: Any = None
        self._carrier = carrier
        self._number = number
        self._weigh = weigh
        self._producer: Any = None
        self._paused = True
        """As `join` wants it; what comes meanwhile waits."""
        self._held = False
        self._early: list[bytes] = []
        self._untaken = 0
        """Bytes that the client was not told are taken."""
        self._ended = False
        """Whether the client has said all it will say."""
        self._early_end = False
        """It has, and the protocol does not know yet."""
        self._said_end = False
        self._gone = False

    # --- the stream ---------------------------------------------------------------------------

    def came(self, data: bytes) -> None:
        """Bytes of the client."""
        if self._gone:
            return
        self._untaken += len(data)
        if self._paused:
            # No more than the stream's window can wait: it opens again only when they are taken.
            self._early.append(data)
        else:
            self.protocol.dataReceived(data)
            self._credit()

    def ended(self) -> None:
        """The client has said all it will say."""
        self._ended = True
        if self._paused:
            self._early_end = True
        elif not self._gone:
            self.protocol.readConnectionLost()
            self._close_if_over()

    def lost(self) -> None:
        """The client gave the stream up, or is gone with its connection."""
        self._is_gone(_ABORTED)

    def hold(self) -> None:
        """The client takes no more for now."""
        self._held = True
        if self._producer is not None:
            self._producer.pauseProducing()

    def go_on(self) -> None:
        """It takes more again."""
        self._held = False
        if self._producer is not None:
            self._producer.resumeProducing()

    # --- a transport --------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if self._gone or self._said_end:
            return
        self._carrier.say(self._number, Data(data))
        self._carrier.flush()
        self._weigh()

    def loseWriteConnection(self) -> None:
        if not self._said_end and not self._gone:
            self._said_end = True
            self._carrier.say(self._number, End())
            self._carrier.flush()

    def loseConnection(self) -> None:
        self.loseWriteConnection()
        if not self._ended and not self._gone:
            # Nobody listens any more; what is queued still goes out first.
            self._carrier.reset(self._number, ENOUGH)
            self._carrier.flush()
        self._is_gone(_DONE)

    def abortConnection(self) -> None:
        if not self._gone:
            self._carrier.reset(self._number, CANCELLED)
            self._carrier.flush()
            self._is_gone(_ABORTED)

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        early, self._early = self._early, []
        for index, data in enumerate(early):
            self.protocol.dataReceived(data)
            if self._paused:
                self._early = early[index + 1 :] + self._early
                return
        self._credit()
        self._carrier.flush()
        if self._early_end and not self._gone:
            self._early_end = False
            self.protocol.readConnectionLost()
            self._close_if_over()

    def _credit(self) -> None:
        if not self._paused and not self._gone:
            size, self._untaken = self._untaken, 0
            self._carrier.credit(self._number, size)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._producer = producer
        if self._held:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        self._producer = None

    def getHandle(self) -> None:
        """It has no socket of its own: the connection's is looked after by the connection."""

    def _close_if_over(self) -> None:
        if self._said_end:
            self._is_gone(_DONE)

    def _is_gone(self, reason: Failure) -> None:
        if not self._gone:
            self._gone = True
            self._producer = None
            self.protocol.connectionLost(reason)
