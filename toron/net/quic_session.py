"""One client's QUIC connection: datagrams become what comes on streams, and what is said there datagrams."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from toron.core.refusal import CLIENT_GONE, DRAINED, HELLO_TIMEOUT, Refusal
from toron.core.wait import Wait
from toron.net.quic_core import ServerCore
from toron.net.quic_tls import CONNECTION_REFUSED
from toron.net.sweep import NEVER
from toron.net.tls import TlsInfo
from toron.wire.quic import LongHeader

if TYPE_CHECKING:
    from toron.net.connection import Connection
    from toron.net.quic_endpoint import QuicEndpoint

Address = tuple[Any, ...]
"""As the socket module has it."""

EARLY_MOST = 16
"""Datagrams kept for a connection that guards still think about."""
_HANDSHAKE_MOST = 32 << 10
"""Bytes a client may send before the handshake is done: ten times what one takes. qh3 needs many times as
much memory for what comes out of order."""
_BLOCKED_SECONDS = 0.1
"""From one look at a timer to the next, at least, where nothing may be sent anyway."""
_NO_ERROR = 0x100
"""Of HTTP/3 (RFC 9114 section 8.1)."""


class Streams(Protocol):
    """What is above a connection."""

    def stream_data(self, stream: int, data: bytes, fin: bool) -> None:
        """Bytes of a stream, in order; `fin`: these are the last."""

    def stream_reset(self, stream: int, code: int) -> None:
        """The client will not say the rest of it."""

    def stream_refused(self, stream: int, code: int) -> None:
        """The client wants no more of it."""

    def finished(self) -> None:
        """The client has all that was said on streams it has begun, and they are over."""

    def settle(self) -> None:
        """That was all for now."""

    def sent(self) -> bool:
        """Something may have left that was queued; whether more was said now."""

    def connection_lost(self, refusal: Refusal) -> None:
        """The connection is over, and nothing can be said any more."""


class QuicSession:
    """The transport of a `Connection`; `protocol` is told what happens once it is set."""

    __slots__ = (
        "_batch", "_busy", "_endpoint", "_first", "_quic", "_received", "_told", "address", "begun",
        "connection", "disconnecting", "due", "ids", "listed", "protocol", "ready", "shaken", "via", "waits",
    )  # fmt: skip

    def __init__(
        self, endpoint: QuicEndpoint, quic: ServerCore, first: LongHeader, address: Address, via: bytes
    ) -> None:
        """`first` is the header of the client's first packet; `via` the ancillary data that makes an answer
        leave from the address the client spoke to.
        """
        self.connection: Connection
        self.address = address
        self.via = via
        self.ids: set[bytes] = set()
        """The connection ids by which the endpoint knows it."""
        self.protocol: Streams | None = None
        self.ready: Wait[Refusal | None] = Wait()
        """Fires when the handshake is done, or will not be."""
        self.shaken = False
        self.disconnecting = False
        self.waits = False
        self.due = self.listed = NEVER
        self._endpoint = endpoint
        self._first = first
        self._quic: ServerCore | None = quic
        self._batch: list[bytes] = []
        """Datagrams that came and were not looked at yet, all from one address."""
        self.begun = False
        """Whether guards have let it in."""
        self._busy = False
        self._told = False
        """Whether the protocol was told something since it settled."""
        self._received = 0

    # --- the handshake ------------------------------------------------------------------------

    def begin(self) -> None:
        """Shake hands."""
        self.begun = True
        self.take()
        self.flush()

    def late(self) -> None:
        """The handshake took too long."""
        self.ready.fire(Refusal(HELLO_TIMEOUT))

    def info(self) -> TlsInfo:
        """What was agreed."""
        assert self._quic is not None
        return self._quic.info()

    def attach(self, protocol: Streams) -> None:
        """Tell a protocol from here on, beginning with what came already."""
        self.protocol = protocol
        self._tell()
        self.flush()

    # --- datagrams ----------------------------------------------------------------------------

    def arrived(self, data: bytes, address: Address, via: bytes) -> None:
        """A datagram; `take` follows when there are no more for now."""
        if address != self.address and self.begun:
            # The client moves, or comes another way: a core takes only those of one address at once.
            self.take()
        self.address, self.via = address, via
        if self.begun or len(self._batch) < EARLY_MOST:
            self._batch.append(data)

    def take(self) -> None:
        """Look at what came."""
        quic = self._quic
        batch = self._batch
        if quic is None or not batch or not self.begun:
            return
        self._batch = []
        now = self._endpoint.reactor.seconds()
        try:
            if self.shaken:
                quic.receive(batch, self.address, now)
            else:
                for data in batch:
                    self._received += len(data)
                    quic.receive_first(data, self._first, self.address, now)
        except Exception as error:
            self._broken(error)
            return
        self._tell()
        if not self.shaken and self._received > _HANDSHAKE_MOST:
            self._close(CONNECTION_REFUSED, "", 0)

    def timeout(self, now: float) -> None:
        """A timer of the connection is due."""
        quic = self._quic
        if quic is None:
            return
        try:
            if quic.later is not None and quic.later <= now:
                quic.later = None
                quic.tell_windows()
            quic.handle_timer(now)
        except Exception as error:
            self._broken(error)
            return
        self._tell()
        self.settle()

    def settle(self) -> None:
        """That was all for now."""
        told, self._told = self._told, False
        if told and self.protocol is not None:
            self._guarded(self.protocol.settle)
        self.flush()

    def _tell(self) -> None:
        """Tell what happened, for as long as there is somebody to tell."""
        quic = self._quic
        while quic is not None and (self.protocol is not None or not self.shaken or self.disconnecting):
            if not quic.happened:
                break
            self._guarded(self._event, quic.happened.popleft())
            quic = self._quic
        quic = self._quic
        if quic is not None and quic.over is not None and not self.disconnecting:
            self._lost(quic)

    def _event(self, event: tuple[Any, ...]) -> None:
        word = event[0]
        protocol = self.protocol
        if protocol is not None:
            self._told = True
            if word == "stream_data":
                protocol.stream_data(event[1], event[2], event[3])
            elif word == "stream_reset":
                protocol.stream_reset(event[1], event[2])
            elif word == "stop_sending":
                protocol.stream_refused(event[1], event[2])
            elif word == "finished":
                protocol.finished()
        if word == "connection_id_issued":
            self._endpoint.know(event[1], self)
        elif word == "connection_id_retired":
            self._endpoint.forget(event[1], self)
        elif word == "shaken":
            self.shaken = True
            self._endpoint.shaken(self)
            self.ready.fire(None)
        elif word == "connection_terminated":
            self._terminated()

    # --- what is said -------------------------------------------------------------------------

    def say(self, stream: int, data: bytes, fin: bool) -> None:
        """Queue bytes of a stream; nothing happens where it is gone."""
        if self._quic is not None and not self.disconnecting:
            try:
                self._quic.send_stream_data(stream, data, fin)
            except Exception:
                # It was reset, and we have not been told yet.
                return

    def open(self) -> int:
        """A stream for us alone to speak on."""
        assert self._quic is not None
        return self._quic.get_next_available_stream_id(is_unidirectional=True)

    def reset(self, stream: int, code: int) -> None:
        """Say no more on a stream; what is queued is dropped."""
        if self._quic is not None and not self.disconnecting:
            try:
                self._quic.reset_stream(stream, code)
            except Exception:
                return

    def refuse_stream(self, stream: int, code: int) -> None:
        """Ask the client to say no more on a stream."""
        if self._quic is not None and not self.disconnecting:
            try:
                self._quic.stop_stream(stream, code)
            except Exception:
                return

    def queued(self, stream: int) -> int:
        """Bytes of a stream that were not sent once yet."""
        return 0 if self._quic is None or self.disconnecting else self._quic.get_send_buffer_size(stream)

    @property
    def unfinished(self) -> bool:
        """Whether some stream of the client is not over, or not all that was said there has arrived."""
        return self._quic is not None and bool(self._quic.unfinished)

    def credit(self, stream: int, size: int) -> None:
        """So many bytes of a stream were taken: the client may send more."""
        if self._quic is not None and not self.disconnecting and self._quic.take(stream, size):
            self.flush()

    def ping(self) -> None:
        """Have the client say that it is there."""
        if self._quic is not None and not self.disconnecting:
            self._quic.tell_windows()
            self.flush()

    def flush(self) -> None:
        """Send what is due now, or at the end of this batch of events."""
        if self.waits or self._busy or self._quic is None:
            return
        late = self._endpoint.late
        if late.open:
            self.waits = True
            late.add(self)
        else:
            self.send()

    def send(self) -> None:
        """Send what congestion control allows, and see when something is to be done next."""
        self.waits = False
        quic = self._quic
        if quic is None:
            return
        now = self._endpoint.reactor.seconds()
        try:
            while datagrams := quic.datagrams_to_send(now):
                self._endpoint.transmit(datagrams, self.via)
                if not self._say_more():
                    break
            timer = quic.get_timer()
        except Exception as error:
            self._broken(error)
            return
        if timer is not None and quic.later is not None:
            timer = min(timer, quic.later)
        if timer is not None and quic.blocked:
            timer = max(timer, now + _BLOCKED_SECONDS)
        self.due = NEVER if timer is None else timer
        self._endpoint.timers.set(self)

    def _say_more(self) -> bool:
        """Whether the protocol has said something, as there is room again."""
        return self.protocol is not None and bool(self._guarded(self.protocol.sent))

    def _guarded(self, told: Callable[..., Any], *arguments: Any) -> Any:
        """Tell the protocol something; an error of ours ends this connection, and no other."""
        before, self._busy = self._busy, True
        try:
            return told(*arguments)
        except Exception:
            self._endpoint.log.failure("a QUIC connection was dropped")
            self._terminated()
            return None
        finally:
            self._busy = before

    # --- the end ------------------------------------------------------------------------------

    def close(self, code: int, detail: str = "") -> None:
        """Say the last word; the protocol is not told of it."""
        self.protocol = None
        self._close(code, detail)

    def loseConnection(self) -> None:
        self.abortConnection()

    def abortConnection(self) -> None:
        """End it at once."""
        if self.shaken:
            self._close(_NO_ERROR, "")
        else:
            self._close(CONNECTION_REFUSED, "", 0)

    def turn_away(self) -> None:
        """Say that the connection is not wanted, and forget it; only before it began."""
        assert self._quic is not None
        self._quic.refusing = True
        self.begin()
        self.send()
        self._terminated()

    def _close(self, code: int, detail: str, frame: int | None = None) -> None:
        """With `frame` the code is one of QUIC itself (RFC 9000 section 20.1)."""
        quic = self._quic
        if quic is None or self.disconnecting:
            return
        if quic.over is None:
            try:
                quic.close(code, frame, detail)
            except Exception as error:
                self._broken(error)
                return
        self._lost(quic)
        self.flush()

    def _lost(self, quic: ServerCore) -> None:
        """It was closed, by whomever; qh3 still answers what comes late."""
        self.disconnecting = True
        refusal = Refusal(DRAINED if self._endpoint.stopping else CLIENT_GONE)
        self.ready.fire(refusal if self.shaken else quic.refusal)
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connection_lost(refusal)
        self._endpoint.lost(self)

    def _broken(self, error: Exception) -> None:
        """qh3 does not cope with what came: nothing can be said of it any more."""
        self._endpoint.log.warn(
            "listener {name}: a QUIC connection was dropped: {error!r}",
            name=self._endpoint.listener,
            error=error,
        )
        self._terminated()

    def _terminated(self) -> None:
        """Nothing is to come, not even late packets."""
        quic, self._quic = self._quic, None
        self.due = NEVER
        if quic is not None and not self.disconnecting:
            self._lost(quic)
        self._endpoint.gone(self)
