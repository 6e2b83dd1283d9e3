"""The ways to speak HTTP with the gateway of the suite, and all that a test may see differ between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.loopback.versions.connection import HOST, Connection
from tests.loopback.versions.http1 import Http1Connection
from tests.loopback.versions.http2 import Http2Connection
from tests.loopback.versions.http3 import Http3Connection


@dataclass(frozen=True)
class Way:
    """How to connect, and what the gateway says of requests that came so."""

    listener: str
    word: str
    """The word of its port in the configuration."""
    scheme: str
    version: str
    """Of HTTP, as the access log has it."""
    alpn: str
    connect: Callable[[int], Connection]
    """Connects to a port."""
    one_connection: bool = True
    """Whether a connection has several exchanges at a time."""


HTTP1 = Way("plain", "PORT", "http", "1.1", "", Http1Connection, one_connection=False)
H2 = Way("secure", "SECURE", "https", "2", "h2", lambda port: Http2Connection(port, HOST))
H3 = Way("quic", "SECURE", "https", "3", "h3", Http3Connection)
H2C = Way("plain", "PORT", "http", "2", "", Http2Connection)
