"""How a server says that it is there over QUIC too (Alt-Svc, RFC 7838 section 3)."""

from __future__ import annotations


def over_quic(port: int, max_age: float) -> bytes:
    """The field's value: HTTP/3 at a UDP port of the same host; to be remembered for so many seconds."""
    return b'h3=":%d"; ma=%d' % (port, max_age)
