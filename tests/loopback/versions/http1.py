"""The client for tests over HTTP/1.1: a socket for each exchange at a time."""

from __future__ import annotations

import base64
import contextlib
import os
import select
import socket
import struct
import time
from collections.abc import Sequence

from tests.loopback.sockets import LOOPBACK
from tests.loopback.versions.connection import HOST, WEBSOCKET, Connection
from tests.loopback.versions.exchange import PATIENCE, WINDOW, Exchange, Field
from tests.loopback.versions.frames import key_answer

HEAD, SIZED, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILERS, UNTIL_CLOSE, WHOLE = range(8)
"""Where in the answer we are."""


class Http1Exchange(Exchange):
    """One exchange on a socket that it has for itself until both sides have said all."""

    def __init__(self, connection: Http1Connection, sock: socket.socket, method: str) -> None:
        super().__init__()
        self.sock = sock
        self.accept = ""
        """The answer to a WebSocket's key that the server must give."""
        self.keeps_open = True
        self.chunked = False
        """Whether the request's body goes in chunks."""
        self.length = 0
        """Of a body that does not, as the head says."""
        self._connection = connection
        self._method = method
        self._state = HEAD
        self.ended = False
        """Whether the gateway has closed its direction."""
        self._left = 0
        self._bytes = bytearray()
        self._outgoing = bytearray()
        self._hangs_up = False

    def head_out(self, lines: list[str]) -> None:
        """Have the head sent, together with what is said next."""
        self._outgoing += "\r\n".join([*lines, "", ""]).encode("latin-1")

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # --- out ----------------------------------------------------------------------------------

    def _push(self) -> bool:
        self._frame()
        while self._outgoing:
            try:
                size = self.sock.send(self._outgoing)
            except BlockingIOError:
                return False
            except OSError as error:
                self._gone(error)
                return False
            del self._outgoing[:size]
        if self._hangs_up:
            self._hangs_up = False
            self.sock.shutdown(socket.SHUT_WR)
        return True

    def _frame(self) -> None:
        """Put what the test has said so far into its form on the wire."""
        data, self._unsent = bytes(self._unsent), bytearray()
        self.sent += len(data)
        if data:
            self._outgoing += b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data
        if self._ending is not None and not self._said_all:
            self._said_all = True
            if self.chunked:
                lines = b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in self._ending)
                self._outgoing += b"0\r\n" + lines + b"\r\n"
            elif self.sent < self.length or self._is_tunnel():
                # There is no other way to say so.
                self.keeps_open = False
                self._hangs_up = True
            self._release()

    def _is_tunnel(self) -> bool:
        return self._final is not None and self._final.status == 101

    def _gone(self, error: OSError) -> None:
        """The gateway takes nothing more; what it said before that may still be read."""
        self.ended = self.unwanted = True
        with contextlib.suppress(OSError):
            while self._receive():
                continue
        if not self.answered_whole:
            self._got_broken(f"the connection was lost: {error}")

    # --- in -----------------------------------------------------------------------------------

    def _pump(self, seconds: float) -> bool:
        has_room = len(self._received) < WINDOW and not self.ended
        wants_out = [self.sock] if self._outgoing else []
        readable, writable, _ = select.select([self.sock] if has_room else [], wants_out, [], seconds)
        if readable:
            self._receive()
        return bool(readable or writable)

    def _receive(self) -> bool:
        try:
            data = self.sock.recv(WINDOW)
        except BlockingIOError:
            return False
        except OSError as error:
            self.ended = self.unwanted = True
            self._got_broken(f"the connection was lost: {error}")
            return False
        if not data:
            self._closed()
            return False
        self._bytes += data
        while self._parse():
            continue
        return True

    def _closed(self) -> None:
        self.keeps_open = False
        self.ended = True
        # Who ends one direction of a tunnel may want to hear more in the other.
        self.unwanted |= not self._is_tunnel()
        if self._state == UNTIL_CLOSE:
            self._whole(None)
        elif self._state != WHOLE:
            self._got_broken("the connection ended in the middle of an answer")

    def _parse(self) -> bool:
        """Take one step through what came; False when there is not enough of it."""
        if self._state == HEAD:
            return self._parse_head()
        if self._state in (SIZED, CHUNK):
            return self._parse_data()
        if self._state == CHUNK_SIZE:
            line = self._take_until(b"\r\n")
            if line is not None:
                self._left = int(line.split(b";")[0], 16)
                self._state = CHUNK if self._left else TRAILERS
            return line is not None
        if self._state == CHUNK_END:
            self._state = CHUNK_SIZE if (line := self._take_until(b"\r\n")) is not None else CHUNK_END
            assert not line, line
            return line is not None
        if self._state == TRAILERS:
            return self._parse_trailers()
        if self._state == UNTIL_CLOSE:
            self._received += self._bytes
            self._bytes.clear()
        return False

    def _take_until(self, mark: bytes) -> bytes | None:
        line, found, rest = self._bytes.partition(mark)
        if not found:
            return None
        self._bytes = rest
        return bytes(line)

    def _parse_head(self) -> bool:
        text = self._take_until(b"\r\n\r\n")
        if text is None:
            return False
        first, *lines = text.decode("latin-1").split("\r\n")
        version, status, *_ = first.split(" ", 2)
        assert version == "HTTP/1.1", first
        fields = _fields(lines)
        self._got_head(int(status), fields)
        if self._final is not None:
            self._begin_body(int(status), dict(fields))
        return True

    def _begin_body(self, status: int, fields: dict[str, str]) -> None:
        self.keeps_open &= fields.get("connection", "").lower() != "close"
        if status == 101:
            assert fields.get("sec-websocket-accept", self.accept) == self.accept, fields
            self._state = UNTIL_CLOSE
        elif self._method == "HEAD" or status in (204, 304):
            self._whole(None)
        elif "transfer-encoding" in fields:
            assert fields["transfer-encoding"] == "chunked", fields
            assert "content-length" not in fields, fields
            self._state = CHUNK_SIZE
        elif "content-length" in fields:
            self._left = int(fields["content-length"])
            self._state = SIZED
            if not self._left:
                self._whole(None)
        else:
            self._state = UNTIL_CLOSE

    def _parse_data(self) -> bool:
        data = self._bytes[: self._left]
        del self._bytes[: self._left]
        self._left -= len(data)
        self._received += data
        if not self._left:
            if self._state == SIZED:
                self._whole(None)
            else:
                self._state = CHUNK_END
        return bool(data)

    def _parse_trailers(self) -> bool:
        if self._bytes.startswith(b"\r\n"):
            del self._bytes[:2]
            self._whole(None)
            return True
        text = self._take_until(b"\r\n\r\n")
        if text is not None:
            self._whole(_fields(text.decode("latin-1").split("\r\n")))
        return text is not None

    def _whole(self, trailers: list[Field] | None) -> None:
        self._state = WHOLE
        self._got_end(trailers)
        self._release()

    def _release(self) -> None:
        """The socket is free for another exchange, once this one is over."""
        if self._said_all and self._state == WHOLE and self.keeps_open:
            assert not self._bytes, f"more than the answer: {bytes(self._bytes)!r}"
            self._connection.idle.append(self)

    def _credit(self, size: int) -> None:
        """What was taken makes room by itself."""


def _fields(lines: list[str]) -> list[Field]:
    pairs = (line.partition(":") for line in lines)
    return [(name.lower(), value.strip()) for name, _, value in pairs]


class Http1Connection(Connection):
    """As many sockets as there are exchanges at a time; kept ones are used again."""

    def __init__(self, port: int) -> None:
        self.opened = 0
        self.idle: list[Http1Exchange] = []
        """Whose sockets are free."""
        self._port = port
        self._last: dict[socket.socket, Http1Exchange] = {}
        """The exchange that each socket has, or had last."""

    def _begin(self, method: str) -> Http1Exchange:
        """An exchange on a socket that is free, or on a new one."""
        if self.idle:
            sock = self.idle.pop().sock
        else:
            self.opened += 1
            sock = socket.create_connection((LOOPBACK, self._port), PATIENCE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
        exchange = self._last[sock] = Http1Exchange(self, sock, method)
        return exchange

    def _say_head(
        self, method: str, target: str, host: str, fields: Sequence[Field], length: int | None, *, bare: bool
    ) -> Exchange:
        exchange = self._begin(method)
        lines = [f"{method} {target} HTTP/1.1", f"host: {host}", *_lines(fields)]
        if length is not None:
            exchange.length = length
            lines.append(f"content-length: {length}")
        elif not bare:
            lines.append("transfer-encoding: chunked")
            exchange.chunked = True
        exchange.head_out(lines)
        return exchange

    def websocket(self, target: str, fields: Sequence[Field] = (), *, host: str = HOST) -> Exchange:
        exchange = self._begin("GET")
        key = base64.b64encode(os.urandom(16)).decode()
        exchange.accept = key_answer(key)
        wishes = [("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", key)]
        lines = [f"GET {target} HTTP/1.1", f"host: {host}", *_lines([*wishes, *WEBSOCKET, *fields])]
        exchange.head_out(lines)
        exchange.begin(b"", end=False)
        return exchange

    @property
    def is_closing(self) -> bool:
        for exchange in self.idle:
            exchange._pump(0.0)
        return not all(exchange.keeps_open for exchange in self._last.values())

    def until_closed(self, within: float = PATIENCE) -> None:
        deadline = time.monotonic() + within
        for exchange in self._last.values():
            while not exchange.ended:
                exchange._listen(deadline, "the end of the connection")

    def close(self) -> None:
        for sock in self._last:
            sock.close()


def _lines(fields: Sequence[Field]) -> list[str]:
    """The fields as lines: crumbs of a cookie joined, and `te` named as what it is, of this hop."""
    crumbs = [value for name, value in fields if name == "cookie"]
    rest = [f"{name}: {value}" for name, value in fields if name != "cookie"]
    if crumbs:
        rest.append(f"cookie: {'; '.join(crumbs)}")
    if any(name == "te" for name, _ in fields):
        rest.append("connection: te")
    return rest
