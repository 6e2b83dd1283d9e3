"""A gRPC server is well when its health service says that it serves (grpc.health.v1, gRPC's own protocol)."""

from __future__ import annotations

from urllib.parse import unquote

from toron.core import grpc
from toron.core.server import Server
from toron.interfaces import Environment, Headers, Probe, ProbeFailed
from toron.net.dial import Dialer
from toron.probes._reader import Reader
from toron.wire.events import Data, End, Malformed, RequestHead, Reset, ResponseHead
from toron.wire.http2_client import Http2ClientCodec
from toron.wire.schemes import OVER_TLS

_METHOD = b"/grpc.health.v1.Health/Check"
_MOST = 4096
_SERVING = 1
_STATES = {0: "UNKNOWN", _SERVING: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
"""The enumeration grpc.health.v1.HealthCheckResponse.ServingStatus."""
_MEANINGS = {b"5": "it does not know this service", b"12": "it has no health service"}
"""What is usual to be wrong, by grpc-status."""


def grpc_probe(
    environment: Environment, dialer: Dialer, service: str, host: str | None, preface: bytes = b""
) -> Probe:
    """A probe that asks the health service about `service`, empty for the whole server.

    `host` is the authority to ask for, by default the server's own; `preface` is a PROXY header to begin
    with.
    """
    message = _framed(_string(1, service.encode()))

    async def probe(server: Server) -> None:
        reader = Reader()
        transport = await dialer.dial(server, reader, preface, multiplexed=True)
        secure = server.scheme in OVER_TLS
        try:
            if secure and transport.info().alpn != "h2":
                raise ProbeFailed("it does not agree to HTTP/2 in the TLS handshake")
            call = _Call(secure, (host or server.name).encode(), message)
            transport.write(call.codec.outgoing())
            while not call.over:
                data = await reader.more()
                if not data:
                    raise ProbeFailed("closed before it answered")
                call.receive(data)
                transport.write(call.codec.outgoing())
            call.judge()
        finally:
            transport.abortConnection()

    return probe


class _Call:
    """One call of the health service, over a connection of its own."""

    def __init__(self, secure: bool, authority: bytes, message: bytes) -> None:
        self.codec = Http2ClientCodec(scheme=b"https" if secure else b"http")
        self.over = False
        self._head: ResponseHead | None = None
        self._body = b""
        self._trailers: Headers | None = None
        headers = Headers(
            [
                (b"Host", authority),
                (b"Content-Type", grpc.GRPC),
                (b"User-Agent", b"toron-health-check"),
            ]
        )
        head = RequestHead(b"POST", _METHOD, headers, authority, (2, 0), len(message), accepts_trailers=True)
        self._stream = self.codec.request(head)
        self.codec.send(self._stream, Data(message))
        self.codec.send(self._stream, End())

    def receive(self, data: bytes) -> None:
        """Some more from the server; ProbeFailed when there will be no answer."""
        for stream, event in self.codec.receive(data):
            if isinstance(event, Malformed):
                raise ProbeFailed(f"{event.word} {event.detail}".strip())
            if stream == self._stream:
                self._take(event)

    def _take(self, event: object) -> None:
        if isinstance(event, ResponseHead) and event.status >= 200:
            self._head = event
        elif isinstance(event, Data):
            self._body += event.data
            if len(self._body) > _MOST:
                raise ProbeFailed("it says too much")
        elif isinstance(event, End):
            self.over = True
            self._trailers = event.trailers
        elif isinstance(event, Reset) and not self.over:
            why = "it takes no calls" if event.unprocessed else "it reset the call"
            raise ProbeFailed(f"{why} (error {event.code})")

    def judge(self) -> None:
        """ProbeFailed unless the answer, which is whole, is that the server serves."""
        head = self._head
        assert head is not None
        if head.status != 200:
            raise ProbeFailed(f"status {head.status}, not 200")
        if grpc.read_type(head.headers.get(b"content-type"))[0] != grpc.GRPC:
            raise ProbeFailed("it does not speak gRPC")
        ending = head.headers if self._trailers is None else self._trailers
        status = ending.get(b"grpc-status")
        if status is None:
            raise ProbeFailed("no grpc-status")
        if status != b"0":
            said = unquote((ending.get(b"grpc-message") or b"").decode("ascii", "replace"))
            raise ProbeFailed(f"grpc-status {_shown(status)}: {_MEANINGS.get(status) or repr(said[:80])}")
        state = _state(self._body)
        if state != _SERVING:
            raise ProbeFailed(_STATES.get(state, f"serving status {state}"))


def _shown(status: bytes) -> str:
    return repr(status[:10])[2:-1]


# --- messages (protobuf's encoding, of which the health service needs little) -----------------


def _framed(message: bytes) -> bytes:
    return b"\x00" + len(message).to_bytes(4, "big") + message


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _string(field: int, value: bytes) -> bytes:
    """A field of a string; nothing for an empty one."""
    return _varint(field << 3 | 2) + _varint(len(value)) + value if value else b""


def _state(body: bytes) -> int:
    """The field `status`, the only one, of the message that a body is; ProbeFailed where it is none such."""
    if len(body) < 5 or body[0] != 0 or int.from_bytes(body[1:5], "big") != len(body) - 5:
        raise ProbeFailed("its answer is not one plain message")
    message = body[5:]
    if message and (len(message) != 2 or message[0] != 1 << 3):
        raise ProbeFailed("its answer is not a status")
    return message[1] if message else 0
