"""What the kernel knows of a TCP connection that its protocol is not told."""

from __future__ import annotations

import select
import socket
import struct
from typing import Any

_ACKED = struct.Struct("=Q")
_ACKED_AT = 120
"""Where `tcpi_bytes_acked` stands in Linux's `struct tcp_info`."""
_BOTH = struct.Struct("=QQ")
_BOTH_AT = _ACKED_AT
"""`tcpi_bytes_received` follows it."""


def bytes_taken(transport: Any) -> int:
    """How many bytes the other end has acknowledged so far; it only ever grows."""
    info = transport.getHandle().getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED_AT + _ACKED.size)
    taken: int = _ACKED.unpack_from(info, _ACKED_AT)[0]
    return taken


def bytes_both_ways(transport: Any) -> tuple[int | None, int | None]:
    """The bytes that came, and those the other end has acknowledged; None where it is not TCP."""
    try:
        info = transport.getHandle().getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BOTH_AT + _BOTH.size)
        taken, came = _BOTH.unpack_from(info, _BOTH_AT)
    except (AttributeError, OSError, struct.error):
        return None, None
    return came, taken


def is_quiet(transport: Any) -> bool:
    """Whether the other end has neither closed nor said anything that was not read yet."""
    poll = select.poll()
    poll.register(transport.getHandle(), select.POLLIN | select.POLLRDHUP)
    return not poll.poll(0)
