"""A WebSocket server inside the gateway that says every message back, for demonstrations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from toron.core.message import Request, Response
from toron.core.refusal import REASONS, Refusal
from toron.net.tunnel import UpstreamTunnel
from toron.wire.headers import Headers

try:
    from websockets import frames, protocol, utils

    _installed = True
except ImportError:  # the extra toron[websocket] is not installed
    _installed = False

_MESSAGE_MOST = 1 << 20


def websocket_echo(reactor: Any) -> Callable[[Request], Response] | None:
    """What answers the upgrade of a request; None without the extra `toron[websocket]`."""
    if not _installed:
        return None

    def answer(request: Request) -> Response:
        key = request.headers.get(b"sec-websocket-key")
        if key is None or request.headers.get(b"sec-websocket-version") != b"13":
            raise Refusal(REASONS["bad_upgrade"], "Sec-WebSocket-Key or -Version 13 is missing")
        accept = utils.accept_key(key.decode("ascii", "replace")).encode()
        response = Response(101, Headers([(b"Sec-WebSocket-Accept", accept)]))
        response.upgrade = b"websocket"
        response.tunnel = UpstreamTunnel(_EchoTransport(reactor))
        return response

    return answer


class _EchoTransport:
    """Looks like a transport to a WebSocket server; the server is in here."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._conversation = protocol.Protocol(protocol.Side.SERVER, max_size=_MESSAGE_MOST)
        self._message: list[bytes] = []
        self._text = False
        self._producer: Any = None
        self._handle: Any = None
        self._held: list[bytes] = []
        self._paused = False
        self._over = False
        self.protocol: Any = None

    def write(self, data: bytes) -> None:
        if self._over:
            return
        self._conversation.receive_data(data)
        for event in self._conversation.events_received():
            if isinstance(event, frames.Frame):
                self._frame(event)
        for out in self._conversation.data_to_send():
            if out:
                self._say(out)
        if self._conversation.close_expected():
            self.loseConnection()

    def _frame(self, frame: Any) -> None:
        if frame.opcode in (frames.Opcode.TEXT, frames.Opcode.BINARY):
            self._text = frame.opcode is frames.Opcode.TEXT
            self._message = [frame.data]
        elif frame.opcode is frames.Opcode.CONT:
            self._message.append(frame.data)
        else:
            return
        if frame.fin:
            whole = b"".join(self._message)
            if self._text:
                self._conversation.send_text(whole)
            else:
                self._conversation.send_binary(whole)

    def _say(self, data: bytes) -> None:
        self._held.append(data)
        if not self._paused:
            self._flush()

    def _flush(self) -> None:
        held, self._held = self._held, []
        if held:
            self.protocol.dataReceived(b"".join(held))

    def loseConnection(self) -> None:
        if not self._over:
            self._over = True
            self._reactor.callLater(0, self._lost)

    def _lost(self) -> None:
        self._flush()
        self.protocol.connectionLost(Failure(ConnectionDone()))

    def abortConnection(self) -> None:
        self.loseConnection()

    def loseWriteConnection(self) -> None:
        self.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._producer = producer
        self._handle = producer.transport.getHandle()

    def unregisterProducer(self) -> None:
        self._producer = None

    def getHandle(self) -> Any:
        """There is no other socket than the client's."""
        return self._handle

    def pauseProducing(self) -> None:
        self._paused = True
        if self._producer is not None:
            self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        self._paused = False
        self._flush()
        if self._producer is not None:
            self._producer.resumeProducing()

    def stopProducing(self) -> None:
        self.loseConnection()
