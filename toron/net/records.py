"""Moves bytes through an OpenSSL connection in memory: records in and plaintext out, and back.

There are two ways. `PublicRecords` makes the calls that pyOpenSSL documents, where to have read all
there is costs an exception, and each read a buffer of its own. `DirectRecords` makes the calls that
those are made of, with one buffer for all connections: a small record in and one out take 1.7 µs
instead of 5.5. They are private to pyOpenSSL, so they are tried when this module is imported, and
where one of them is not as expected `Records` is the public way.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL

RECORD = 1 << 14
"""Bytes of plaintext in a record (RFC 8446 section 5.1)."""
OUT = 1 << 16
"""Bytes that are taken out at once."""
_ROOM = 1 << 17


class PublicRecords:
    """One connection's bytes, by pyOpenSSL's public calls; the handshake is the connection's own affair."""

    __slots__ = ("_connection", "end")

    def __init__(self, connection: SSL.Connection) -> None:
        self._connection = connection
        self.end: SSL.Error | None = None
        """Why no more can be decrypted, once that is so: ZeroReturnError after close_notify."""

    def receive(self, data: bytes) -> None:
        """Take what came, and leave it for the handshake or for `decrypt`."""
        self._connection.bio_write(data)

    def decrypt(self, data: bytes) -> bytes:
        """Take what came (b"" for nothing); the plaintext of all records that are whole."""
        if data:
            self.receive(data)
        pieces: list[bytes] = []
        while True:
            try:
                pieces.append(self._connection.recv(RECORD))
            except SSL.WantReadError:
                break
            except SSL.Error as error:
                self._over(error)
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _over(self, error: SSL.Error) -> None:
        # The frames in its traceback know us: it would be a circle for the garbage collector.
        self.end = error.with_traceback(None)

    def encrypt(self, data: bytes) -> bytes:
        """Put this in records behind what is to go out; gives the first `OUT` bytes of all that.

        Raises SSL.Error where nothing can be written any more.
        """
        view = memoryview(data)
        while view:
            # A call writes one record.
            view = view[self._connection.send(view) :]
        return self.outgoing()

    def outgoing(self) -> bytes:
        """What is to go out, at most `OUT` bytes; b"" for nothing."""
        try:
            return self._connection.bio_read(OUT)
        except SSL.WantReadError:
            return b""


class DirectRecords(PublicRecords):
    """The same one layer below. All connections share a buffer: for the reactor's thread only."""

    __slots__ = ("_from", "_into", "_raise", "_ssl")

    def __init__(self, connection: SSL.Connection) -> None:
        """Raises AttributeError where pyOpenSSL is made in another way."""
        super().__init__(connection)
        inside: Any = connection
        self._ssl = inside._ssl
        self._into = inside._into_ssl
        self._from = inside._from_ssl
        self._raise = inside._raise_ssl_error

    def receive(self, data: bytes) -> None:
        # A memory BIO takes all of it, or there is no memory left.
        if _bio_write(self._into, data, len(data)) != len(data):
            raise MemoryError

    def decrypt(self, data: bytes) -> bytes:
        if data:
            self.receive(data)
        ssl = self._ssl
        size: int = _ssl_read(ssl, _buffer, _ROOM)
        if size <= 0:
            self._stopped(size)
            return b""
        earlier = b""
        while (more := _ssl_read(ssl, _buffer + size, _ROOM - size)) > 0:
            size += more
            if size > _ROOM - RECORD:
                earlier += _bytes[:size]
                size = 0
        plain: bytes = _bytes[:size]
        self._stopped(more)
        return earlier + plain if earlier else plain

    def _stopped(self, result: int) -> None:
        """Nothing more can be read: usually only for now."""
        if _get_error(self._ssl, result) == _WANT_READ:
            return
        try:
            self._raise(self._ssl, result)
        except SSL.Error as error:
            self._over(error)

    def encrypt(self, data: bytes) -> bytes:
        written = _ssl_write(self._ssl, data, len(data))
        if written != len(data):
            self._encrypt_rest(data, written)
        size = _bio_read(self._from, _buffer, OUT)
        return _bytes[:size] if size > 0 else b""

    def _encrypt_rest(self, data: bytes, written: int) -> None:
        """A call writes one record, and never has to wait for a memory BIO."""
        with _ffi.from_buffer(data) as start:
            total = written
            while written > 0 and total < len(data):
                written = _ssl_write(self._ssl, start + total, len(data) - total)
                total += written
        if written <= 0:
            self._raise(self._ssl, written)

    def outgoing(self) -> bytes:
        size = _bio_read(self._from, _buffer, OUT)
        return _bytes[:size] if size > 0 else b""


_inside: Any = SSL
_ffi: Any = getattr(_inside, "_ffi", None)
_lib: Any = getattr(_inside, "_lib", None)
_bio_write: Any = getattr(_lib, "BIO_write", None)
_bio_read: Any = getattr(_lib, "BIO_read", None)
_ssl_read: Any = getattr(_lib, "SSL_read", None)
_ssl_write: Any = getattr(_lib, "SSL_write", None)
_get_error: Any = getattr(_lib, "SSL_get_error", None)
_WANT_READ: Any = getattr(_lib, "SSL_ERROR_WANT_READ", None)
try:
    _buffer: Any = _ffi.new("char[]", _ROOM)
    _bytes: Any = _ffi.buffer(_buffer)
except (AttributeError, TypeError):
    _buffer = _bytes = None


def works(kind: type[PublicRecords]) -> bool:
    """Whether this pyOpenSSL is as `kind` expects: makes each of its calls, and looks at what comes."""
    try:
        connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
        connection.set_connect_state()
        records = kind(connection)
        # The first read sends a ClientHello, and waits for the answer: that will be an alert.
        waits = records.decrypt(b"") == b"" and records.end is None
        hello = records.outgoing()
        records.decrypt(_ALERT)
        try:
            records.encrypt(b"x")
        except SSL.Error:
            refused = True
        else:
            refused = False
        return waits and hello[:1] == b"\x16" and refused and isinstance(records.end, SSL.Error)
    except (AttributeError, TypeError):
        return False


_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
"""handshake_failure, fatal (RFC 8446 section 6.2)."""

Records: type[PublicRecords] = DirectRecords if works(DirectRecords) else PublicRecords
