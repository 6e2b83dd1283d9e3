"""The client for tests over HTTP/2: the `h2` package over a socket, with TLS or without."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Sequence
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    InformationalResponseReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import StreamClosedError
from h2.settings import SettingCodes

from tests.loopback.sockets import LOOPBACK
from tests.loopback.versions.exchange import PATIENCE, Field
from tests.loopback.versions.streams import StreamExchange, StreamsConnection, octets, texts

_GOAWAY = 7
_ALL_WINDOW = 1 << 24
"""Bytes of all exchanges together: so many that one which nobody reads holds up no other."""


class Http2Exchange(StreamExchange):
    """One stream."""

    def __init__(self, connection: Http2Connection, stream: int) -> None:
        super().__init__()
        self.stream = stream
        self._connection = connection

    def reset(self) -> None:
        self._connection.codec.reset_stream(self.stream, ErrorCodes.CANCEL)
        self._connection.write()

    def _push(self) -> bool:
        codec = self._connection.codec
        last = self._ending is not None and not self._ending
        while self._unsent:
            room = min(codec.local_flow_control_window(self.stream), codec.max_outbound_frame_size)
            if room <= 0:
                break
            data = bytes(self._unsent[:room])
            del self._unsent[:room]
            self._said_all = last and not self._unsent
            codec.send_data(self.stream, data, end_stream=self._said_all)
            self.sent += len(data)
        if self._ending is not None and not self._unsent and not self._said_all:
            self._said_all = True
            if self._ending:
                codec.send_headers(self.stream, octets(self._ending), end_stream=True)
            else:
                codec.end_stream(self.stream)
        self._connection.write()
        return not self._unsent

    def _pump(self, seconds: float) -> bool:
        return self._connection.pump(seconds)

    def _credit(self, size: int) -> None:
        # The stream may be over: nobody waits for it then.
        with contextlib.suppress(StreamClosedError):
            if size and not self.answered_whole:
                self._connection.codec.increment_flow_control_window(size, self.stream)
                self._connection.write()

    def hear(self, event: Any) -> None:
        """What the codec says of this stream."""
        if isinstance(event, ResponseReceived | InformationalResponseReceived):
            fields = texts(event.headers)
            self._got_head(int(fields[0][1]), fields[1:])
        elif isinstance(event, DataReceived):
            self._received += event.data
        elif isinstance(event, TrailersReceived):
            self.trailers = texts(event.headers)
        elif isinstance(event, StreamEnded):
            self._got_end(self.trailers)
        elif isinstance(event, StreamReset):
            self.unwanted = True
            self._got_broken("the stream was reset", int(event.error_code))


class Http2Connection(StreamsConnection):
    """One connection; with a `name` over TLS, which must have agreed on `h2`."""

    def __init__(self, port: int, name: str | None = None) -> None:
        super().__init__("http" if name is None else "https")
        self.codec = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._exchanges: dict[int, Http2Exchange] = {}
        self._bytes = bytearray()
        self._has_settings = False
        self._sock: Any = socket.create_connection((LOOPBACK, port), PATIENCE)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if name is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            self._sock = context.wrap_socket(self._sock, server_hostname=name)
            assert self._sock.selected_alpn_protocol() == "h2", self._sock.selected_alpn_protocol()
        self.codec.initiate_connection()
        self.codec.increment_flow_control_window(_ALL_WINDOW)
        self.write()

    # --- bytes --------------------------------------------------------------------------------

    def write(self) -> None:
        data = self.codec.data_to_send()
        if data and not self.closed:
            try:
                self._sock.sendall(data)
            except OSError as error:
                self._lost(f"the connection was lost: {error}")

    def pump(self, seconds: float) -> bool:
        if self.closed:
            return False
        pending = self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0
        if not pending and not select.select([self._sock], [], [], seconds)[0]:
            return False
        self._sock.settimeout(0)
        try:
            data = self._sock.recv(1 << 16)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True  # less than a TLS record, or one without data
        except OSError as error:
            self._lost(f"the connection was lost: {error}")
            return False
        finally:
            if not self.closed:
                self._sock.settimeout(PATIENCE)
        if not data:
            self._lost("the connection was closed")
            return False
        for event in self.codec.receive_data(self._without_goaway(data)):
            self._hear(event)
        self.write()
        return True

    def _without_goaway(self, data: bytes) -> bytes:
        """The frames that are whole, but GOAWAY: the codec would take no frame behind one (RFC 9113, 6.8)."""
        self._bytes += data
        frames = bytearray()
        while len(self._bytes) >= 9:
            size = 9 + int.from_bytes(self._bytes[:3], "big")
            if len(self._bytes) < size:
                break
            frame = bytes(self._bytes[:size])
            del self._bytes[:size]
            if frame[3] == _GOAWAY:
                self._go_away(int.from_bytes(frame[9:13], "big"), int.from_bytes(frame[13:17], "big"))
            else:
                frames += frame
        return bytes(frames)

    def _go_away(self, last: int, code: int) -> None:
        self.gone_away = code
        for stream, exchange in self._exchanges.items():
            if stream > last:
                exchange.lost("the gateway went away without it", code)

    def _lost(self, why: str) -> None:
        self.closed = True
        self._sock.close()
        for exchange in self._exchanges.values():
            exchange.lost(why, self.gone_away)

    def _hear(self, event: Any) -> None:
        if isinstance(event, RemoteSettingsChanged):
            self._has_settings = True
        elif (stream := getattr(event, "stream_id", None)) and stream in self._exchanges:
            if isinstance(event, DataReceived) and event.flow_controlled_length:
                # The whole connection's window opens at once; the stream's when the test has read.
                self.codec.increment_flow_control_window(event.flow_controlled_length)
                padding = event.flow_controlled_length - len(event.data)
                if padding and not event.stream_ended:
                    self.codec.increment_flow_control_window(padding, stream)
            self._exchanges[stream].hear(event)

    # --- what tests do ------------------------------------------------------------------------

    def _begin(self, fields: Sequence[Field], *, end: bool) -> Http2Exchange:
        stream = self.codec.get_next_available_stream_id()
        self.codec.send_headers(stream, octets(fields), end_stream=end)
        exchange = self._exchanges[stream] = Http2Exchange(self, stream)
        exchange._said_all = end
        return exchange

    def _tunnels(self) -> int | None:
        self._wait(lambda: self._has_settings, PATIENCE, "the settings")
        return self.codec.remote_settings.get(SettingCodes.ENABLE_CONNECT_PROTOCOL)

    def close(self) -> None:
        self._sock.close()
