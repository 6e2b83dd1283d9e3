"""The client for tests over HTTP/3: aioquic, with windows that open when a test has read."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any

from aioquic.h3.connection import ErrorCode, H3Connection, Setting
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from tests.loopback.sockets import LOOPBACK
from tests.loopback.versions.connection import HOST
from tests.loopback.versions.exchange import PATIENCE, WINDOW, Field
from tests.loopback.versions.streams import StreamExchange, StreamsConnection, octets, texts
from toron.net.quic_sending import Sending

_CONTROL = 3
"""The gateway's first stream of its own, which is where GOAWAY comes."""
_GOAWAY = 7
_LARGEST = 65535


class _Quic(QuicConnection):
    """Opens the window of a stream only as far as the test has read."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.taken: dict[int, int] = {}

    def _write_stream_limits(self, builder: Any, space: Any, stream: Any) -> None:
        if stream.stream_id & 3 == 0 and stream.max_stream_data_local:
            stream.max_stream_data_local = self.taken.get(stream.stream_id, 0) + 2 * WINDOW
            # Nothing is left to be doubled by what is overridden.
            highest, stream.receiver.highest_offset = stream.receiver.highest_offset, 0
            super()._write_stream_limits(builder, space, stream)
            stream.receiver.highest_offset = highest
        else:
            super()._write_stream_limits(builder, space, stream)

    def room(self, stream_id: int) -> int:
        """Bytes that may be said on a stream, as the gateway has it."""
        stream = self._streams[stream_id]
        said = stream.sender._buffer_stop
        unsent = sum(each.sender._buffer_stop - each.sender.highest_offset for each in self._streams.values())
        return min(
            stream.max_stream_data_remote - said,
            self._remote_max_data - self._remote_max_data_used - unsent,
        )


class _Http3(H3Connection):
    """Knows that the answer to HEAD has no body, whatever its length says."""

    def __init__(self, quic: QuicConnection) -> None:
        super().__init__(quic)
        self.heads: set[int] = set()

    def _check_content_length(self, stream: Any) -> None:
        if stream.stream_id not in self.heads:
            super()._check_content_length(stream)


class Http3Exchange(StreamExchange):
    """One stream."""

    def __init__(self, connection: Http3Connection, stream: int) -> None:
        super().__init__()
        self.stream = stream
        self._connection = connection

    def reset(self) -> None:
        quic = self._connection.quic
        quic.stop_stream(self.stream, ErrorCode.H3_REQUEST_CANCELLED)
        if not self._said_all:
            quic.reset_stream(self.stream, ErrorCode.H3_REQUEST_CANCELLED)
        self._connection.write()

    def _push(self) -> bool:
        connection = self._connection
        last = self._ending is not None and not self._ending
        while self._unsent:
            # A frame has a head of its own, of at most eight bytes.
            room = min(connection.quic.room(self.stream) - 8, 1 << 14)
            if room <= 0:
                break
            data = bytes(self._unsent[:room])
            del self._unsent[:room]
            self._said_all = last and not self._unsent
            connection.h3.send_data(self.stream, data, self._said_all)
            self.sent += len(data)
        if self._ending is not None and not self._unsent and not self._said_all:
            self._said_all = True
            if self._ending:
                connection.h3.send_headers(self.stream, octets(self._ending), end_stream=True)
            else:
                connection.quic.send_stream_data(self.stream, b"", True)
        connection.write()
        return not self._unsent

    def _pump(self, seconds: float) -> bool:
        return self._connection.pump(seconds)

    def _credit(self, size: int) -> None:
        taken = self._connection.quic.taken
        taken[self.stream] = taken.get(self.stream, 0) + size
        self._connection.write()

    def hear(self, event: Any) -> None:
        """What aioquic says of this stream."""
        if isinstance(event, HeadersReceived):
            fields = texts(event.headers)
            if fields and fields[0][0] == ":status":
                self._got_head(int(fields[0][1]), fields[1:])
            else:
                self.trailers = fields
        elif isinstance(event, DataReceived):
            self._received += event.data
        elif isinstance(event, events.StopSendingReceived):
            self.unwanted = True
        elif isinstance(event, events.StreamReset):
            self.unwanted = True
            self._got_broken("the stream was reset", event.error_code)
        if getattr(event, "stream_ended", False):
            self._got_end(self.trailers)


class Http3Connection(StreamsConnection):
    """One connection, whose certificate is not looked at."""

    def __init__(self, port: int, name: str = HOST) -> None:
        super().__init__("https")
        configuration = QuicConfiguration(
            is_client=True, alpn_protocols=["h3"], server_name=name, verify_mode=ssl.CERT_NONE,
            max_stream_data=2 * WINDOW, max_data=1 << 28,
        )  # fmt: skip
        self.quic = _Quic(configuration=configuration)
        self._control = b""
        self._shaken = False
        self._exchanges: dict[int, Http3Exchange] = {}
        self._sock = self._socket()
        self._gateway = (LOOPBACK, port)
        self.quic.connect(self._gateway, time.monotonic())
        self.h3 = _Http3(self.quic)
        self.write()
        self._wait(lambda: self._shaken or self.closed, PATIENCE, "the handshake")
        assert self._shaken, "there is no connection"

    @staticmethod
    def _socket() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((LOOPBACK, 0))
        sock.setblocking(False)
        return sock

    # --- bytes --------------------------------------------------------------------------------

    def write(self) -> None:
        datagrams = [(data, self._gateway) for data, _ in self.quic.datagrams_to_send(time.monotonic())]
        # All at once, as clients in a hurry do; what the kernel does not take was lost on the way.
        Sending(self._sock).send(datagrams, [])

    def pump(self, seconds: float) -> bool:
        if self.closed:
            return False
        now = time.monotonic()
        timer = self.quic.get_timer()
        wait = seconds if timer is None else min(seconds, max(0.0, timer - now))
        came = bool(select.select([self._sock], [], [], wait)[0])
        if came:
            with contextlib.suppress(OSError):
                for _ in range(32):
                    data = self._sock.recv(_LARGEST)
                    self.quic.receive_datagram(data, self._gateway, time.monotonic())
        now = time.monotonic()
        timer = self.quic.get_timer()
        if timer is not None and timer <= now:
            self.quic.handle_timer(now)
        heard = False
        while (event := self.quic.next_event()) is not None:
            heard = True
            self._hear(event)
        if self.quic._close_event is not None:
            # Its event comes only when nothing can come late any more.
            self._hear(self.quic._close_event)
        self.write()
        return came or heard

    def move(self) -> None:
        """Go on from another port, as behind a NAT that has forgotten us."""
        self._sock.close()
        self._sock = self._socket()

    def _hear(self, event: Any) -> None:
        if isinstance(event, events.HandshakeCompleted):
            self._shaken = True
        elif isinstance(event, events.ConnectionTerminated):
            self.closed = True
            for exchange in self._exchanges.values():
                exchange.lost(f"the connection is over: {event.reason_phrase}", event.error_code)
        elif isinstance(event, events.StreamReset | events.StopSendingReceived):
            if event.stream_id in self._exchanges:
                self._exchanges[event.stream_id].hear(event)
        elif isinstance(event, events.StreamDataReceived) and event.stream_id == _CONTROL:
            self._look_for_goaway(event.data)
        exchange = self._exchanges.get(getattr(event, "stream_id", -1))
        before = 0 if exchange is None else len(exchange._received)
        for each in self.h3.handle_event(event):
            if each.stream_id in self._exchanges:
                self._exchanges[each.stream_id].hear(each)
        if exchange is not None and isinstance(event, events.StreamDataReceived):
            # What is around the body counts, too.
            exchange._credit(len(event.data) - (len(exchange._received) - before))

    def _look_for_goaway(self, data: bytes) -> None:
        self._control += data
        at, kind = _varint(self._control, 0)
        while True:
            start, kind = _varint(self._control, at)
            body, size = _varint(self._control, start)
            if body < 0 or len(self._control) < body + size:
                return
            if kind == _GOAWAY:
                self.gone_away = _varint(self._control, body)[1]
                self._go_away(self.gone_away)
            at = body + size

    def _go_away(self, first: int) -> None:
        for stream, exchange in self._exchanges.items():
            if stream >= first:
                exchange.lost("the gateway went away without it")

    # --- what tests do ------------------------------------------------------------------------

    def _begin(self, fields: Sequence[Field], *, end: bool) -> Http3Exchange:
        stream = self.quic.get_next_available_stream_id()
        exchange = self._exchanges[stream] = Http3Exchange(self, stream)
        exchange._said_all = end
        if fields[0] == (":method", "HEAD"):
            self.h3.heads.add(stream)
        self.h3.send_headers(stream, octets(fields), end_stream=end)
        return exchange

    def _tunnels(self) -> int | None:
        self._wait(lambda: self.h3.received_settings is not None, PATIENCE, "the settings")
        return (self.h3.received_settings or {}).get(Setting.ENABLE_CONNECT_PROTOCOL)

    def close(self) -> None:
        if not self.closed:
            self.quic.close(ErrorCode.H3_NO_ERROR)
            self.write()
        self._sock.close()


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Where a number ends, and what it is; -1 where it is not whole."""
    if not 0 <= at < len(data):
        return -1, 0
    size = 1 << (data[at] >> 6)
    if at + size > len(data):
        return -1, 0
    return at + size, int.from_bytes(data[at : at + size], "big") & ((1 << (8 * size - 2)) - 1)
