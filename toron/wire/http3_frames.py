"""The frames, stream types and error codes of HTTP/3 (RFC 9114 sections 6, 7 and 8)."""

from __future__ import annotations

from typing import Final

# Frames.
DATA: Final = 0x00
HEADERS: Final = 0x01
CANCEL_PUSH: Final = 0x03
SETTINGS: Final = 0x04
PUSH_PROMISE: Final = 0x05
GOAWAY: Final = 0x07
MAX_PUSH_ID: Final = 0x0D
OF_HTTP2: Final = frozenset({0x02, 0x06, 0x08, 0x09})
"""Types that had a meaning in HTTP/2, and must not come (section 7.2.8)."""

# Settings (section 7.2.4.1; RFC 9220 section 5; RFC 9297 section 2.1.1).
MAX_FIELD_SECTION_SIZE: Final = 0x06
ENABLE_CONNECT_PROTOCOL: Final = 0x08
H3_DATAGRAM: Final = 0x33
SETTINGS_OF_HTTP2: Final = frozenset({0x00, 0x02, 0x03, 0x04, 0x05})

# Streams with one direction (section 6.2; RFC 9204 section 4.2).
CONTROL: Final = 0x00
PUSH: Final = 0x01
QPACK_ENCODER: Final = 0x02
QPACK_DECODER: Final = 0x03

# Errors (section 8.1; RFC 9204 section 6).
NO_ERROR: Final = 0x100
GENERAL_PROTOCOL_ERROR: Final = 0x101
INTERNAL_ERROR: Final = 0x102
STREAM_CREATION_ERROR: Final = 0x103
CLOSED_CRITICAL_STREAM: Final = 0x104
FRAME_UNEXPECTED: Final = 0x105
FRAME_ERROR: Final = 0x106
EXCESSIVE_LOAD: Final = 0x107
ID_ERROR: Final = 0x108
SETTINGS_ERROR: Final = 0x109
MISSING_SETTINGS: Final = 0x10A
REQUEST_REJECTED: Final = 0x10B
REQUEST_CANCELLED: Final = 0x10C
REQUEST_INCOMPLETE: Final = 0x10D
MESSAGE_ERROR: Final = 0x10E
QPACK_DECOMPRESSION_FAILED: Final = 0x200
QPACK_ENCODER_STREAM_ERROR: Final = 0x201
QPACK_DECODER_STREAM_ERROR: Final = 0x202

STREAM_LAST: Final = (1 << 62) - 4
"""The largest id of a stream that a client can open."""


def varint(value: int) -> bytes:
    """A number in as few bytes as it takes (RFC 9000 section 16); below 2**62."""
    if value < 0x40:
        return bytes((value,))
    if value < 0x4000:
        return (value | 0x4000).to_bytes(2, "big")
    if value < 0x4000_0000:
        return (value | 0x8000_0000).to_bytes(4, "big")
    return (value | 0xC000_0000_0000_0000).to_bytes(8, "big")


def pull_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, and where it ends; -1 and `at` while it is not whole."""
    if at >= len(data):
        return -1, at
    first = data[at]
    if first < 0x40:
        return first, at + 1
    size = 1 << (first >> 6)
    end = at + size
    if end > len(data):
        return -1, at
    return int.from_bytes(data[at:end], "big") & ((1 << (8 * size - 2)) - 1), end


def frame(kind: int, payload: bytes) -> bytes:
    """A whole frame."""
    return varint(kind) + varint(len(payload)) + payload
