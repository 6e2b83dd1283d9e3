"""What is spoken to a server, by the scheme of its URL."""

from __future__ import annotations

PORTS = {"http": 80, "https": 443, "h2": 443, "h2c": 80, "tcp": 0, "tls": 443, "udp": 0}
"""All schemes, with the port where none is written; 0: it has to be."""

OVER_TLS = frozenset({"https", "h2", "tls"})
"""Those of servers that are spoken to over TLS."""

SHARED = frozenset({"h2", "h2c"})
"""Those of servers to which one connection carries many exchanges at a time."""
