"""One address in a backend, with everything that is known of its state."""

from __future__ import annotations

from urllib.parse import urlsplit


class Server:
    """A server of a backend. Addresses are as written: an IP literal or a name."""

    __slots__ = (
        "backup", "eject_until", "ejections", "failures", "healthy", "host", "in_flight", "name",
        "port", "scheme", "suspect_until", "weight", "work",
    )  # fmt: skip

    def __init__(self, url: str, weight: int = 1, backup: bool = False) -> None:
        """`url` is `scheme://host:port`; ValueError when it is not."""
        parts = urlsplit(url)
        if not parts.hostname or parts.scheme not in DEFAULT_PORTS:
            raise ValueError(f"not a server: {url!r}")
        self.scheme = parts.scheme
        self.host = parts.hostname
        self.port = parts.port or DEFAULT_PORTS[parts.scheme]
        bracketed = f"[{self.host}]" if ":" in self.host else self.host
        self.name = f"{bracketed}:{self.port}"
        """`host:port`, as logs and metrics call it."""
        self.weight = weight
        self.backup = backup
        self.healthy = True
        """What active checks say."""
        self.eject_until = 0.0
        """Passive health: not to be used before this time (seconds of the reactor's clock)."""
        self.suspect_until = 0.0
        """Could not be reached lately: asked last until this time."""
        self.failures = 0
        """Failures in a row."""
        self.ejections = 0
        self.in_flight = 0
        """Requests or connections it is busy with now."""
        self.work: float = 0.0
        """A number of the balancer's own."""

    def __repr__(self) -> str:
        return f"<Server {self.name}>"


DEFAULT_PORTS = {"http": 80, "https": 443, "tcp": 0, "tls": 443, "udp": 0}
"""The schemes of a server's URL, with the port where none is written."""
