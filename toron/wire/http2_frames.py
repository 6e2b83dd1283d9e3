"""The frames of HTTP/2 as bytes (RFC 9113 sections 4 and 6)."""

from __future__ import annotations

from struct import Struct
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client says first (section 3.4)."""

HEADER: Final = 9
"""Octets of a frame's header."""

FRAME_MOST: Final = 16384
"""A frame's payload at most, where nothing else was agreed on; ours always."""

WINDOW_FIRST: Final = 65535
"""Every window to begin with."""

WINDOW_MOST: Final = (1 << 31) - 1
STREAM_MOST: Final = (1 << 31) - 1

# Types.
DATA: Final = 0x0
HEADERS: Final = 0x1
PRIORITY: Final = 0x2
RST_STREAM: Final = 0x3
SETTINGS: Final = 0x4
PUSH_PROMISE: Final = 0x5
PING: Final = 0x6
GOAWAY: Final = 0x7
WINDOW_UPDATE: Final = 0x8
CONTINUATION: Final = 0x9

# Flags.
ACK: Final = 0x1
END_STREAM: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
WITH_PRIORITY: Final = 0x20

# Settings (section 6.5.2; RFC 8441 section 3; RFC 9218 section 2.1).
HEADER_TABLE_SIZE: Final = 0x1
ENABLE_PUSH: Final = 0x2
MAX_CONCURRENT_STREAMS: Final = 0x3
INITIAL_WINDOW_SIZE: Final = 0x4
MAX_FRAME_SIZE: Final = 0x5
MAX_HEADER_LIST_SIZE: Final = 0x6
ENABLE_CONNECT_PROTOCOL: Final = 0x8
NO_RFC7540_PRIORITIES: Final = 0x9

# Error codes (section 7).
NO_ERROR: Final = 0x0
PROTOCOL_ERROR: Final = 0x1
INTERNAL_ERROR: Final = 0x2
FLOW_CONTROL_ERROR: Final = 0x3
SETTINGS_TIMEOUT: Final = 0x4
STREAM_CLOSED: Final = 0x5
FRAME_SIZE_ERROR: Final = 0x6
REFUSED_STREAM: Final = 0x7
CANCEL: Final = 0x8
COMPRESSION_ERROR: Final = 0x9
CONNECT_ERROR: Final = 0xA
ENHANCE_YOUR_CALM: Final = 0xB
INADEQUATE_SECURITY: Final = 0xC
HTTP_1_1_REQUIRED: Final = 0xD

_HEADER = Struct(">HBBBL").pack
_WITH_NUMBER = Struct(">HBBBLL").pack
_SETTING = Struct(">HL")
_GOAWAY = Struct(">HBBBLLL").pack


class ConnectionFault(Exception):
    """The other side broke the rules so that the whole connection ends (section 5.4.1)."""

    def __init__(self, code: int, word: str, detail: str = "") -> None:
        super().__init__(word, detail)
        self.code = code
        self.word = word
        self.detail = detail


def frame_header(size: int, kind: int, flags: int, stream: int) -> bytes:
    """The nine octets in front of a payload of `size` octets."""
    return _HEADER(size >> 8, size & 0xFF, kind, flags, stream)


def rst_stream(stream: int, code: int) -> bytes:
    """Give a stream up (section 6.4)."""
    return _WITH_NUMBER(0, 4, RST_STREAM, 0, stream, code)


def window_update(stream: int, more: int) -> bytes:
    """Allow so many octets more (section 6.9)."""
    return _WITH_NUMBER(0, 4, WINDOW_UPDATE, 0, stream, more)


def goaway(last: int, code: int, detail: bytes = b"") -> bytes:
    """Take no streams above `last` (section 6.8)."""
    return _GOAWAY(0, 8 + len(detail), GOAWAY, 0, 0, last, code) + detail


def ping(payload: bytes, ack: bool = False) -> bytes:
    """Ask for a sign of life, or give one (section 6.7)."""
    return frame_header(8, PING, ACK if ack else 0, 0) + payload


def settings(values: dict[int, int]) -> bytes:
    """Say what the other side has to keep to (section 6.5)."""
    said = [_SETTING.pack(name, value) for name, value in values.items()]
    return frame_header(6 * len(said), SETTINGS, 0, 0) + b"".join(said)


SETTINGS_ACK: Final = frame_header(0, SETTINGS, ACK, 0)


def read_settings(payload: bytes) -> dict[int, int]:
    """The settings of a frame, the last value of each; ConnectionFault where one may not be so."""
    if len(payload) % 6:
        raise ConnectionFault(FRAME_SIZE_ERROR, "frame_size", "SETTINGS")
    values: dict[int, int] = {}
    for name, value in _SETTING.iter_unpack(payload):
        if name == INITIAL_WINDOW_SIZE:
            if value > WINDOW_MOST:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "flow_control", f"a window of {value}")
        elif name == MAX_FRAME_SIZE:
            if not FRAME_MOST <= value < 1 << 24:
                raise ConnectionFault(PROTOCOL_ERROR, "frame_malformed", f"frames of {value}")
        elif name in (ENABLE_PUSH, ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES) and value > 1:
            raise ConnectionFault(PROTOCOL_ERROR, "frame_malformed", f"setting {name} is {value}")
        values[name] = value
    return values
