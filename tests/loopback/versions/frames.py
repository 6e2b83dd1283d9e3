"""WebSocket frames by hand (RFC 6455 section 5): what a client says, and what it hears."""

from __future__ import annotations

import base64
import hashlib
import os

from tests.loopback.versions.exchange import Exchange

_SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


def key_answer(key: str) -> str:
    """The Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(f"{key}{_SALT}".encode()).digest()).decode()


def frame(opcode: int, data: bytes = b"", *, masked: bool = True) -> bytes:
    """One frame that is a whole message; clients mask, servers do not."""
    size = len(data)
    mark = 0x80 if masked else 0
    if size < 126:
        head = bytes([0x80 | opcode, mark | size])
    elif size < 1 << 16:
        head = bytes([0x80 | opcode, mark | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x80 | opcode, mark | 127]) + size.to_bytes(8, "big")
    if not masked:
        return head + data
    key = os.urandom(4)
    mask = int.from_bytes((key * (size // 4 + 1))[:size], "big")
    return head + key + (int.from_bytes(data, "big") ^ mask).to_bytes(size, "big")


def hear(exchange: Exchange) -> tuple[int, bytes]:
    """The next frame of a server: its opcode, and what it carries."""
    first, size = exchange.read_exactly(2)
    if size >= 126:
        size = int.from_bytes(exchange.read_exactly(2 if size == 126 else 8), "big")
    return first & 0xF, exchange.read_exactly(size)
