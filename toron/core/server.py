"""One address in a backend, with everything that is known of its state."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

from toron.wire.schemes import PORTS

_URL = re.compile(
    r"([a-z][a-z0-9]*)://(?:\[([0-9a-f:.]+(?:%[0-9a-z._~-]+)?)\]|([^\s\0-\x1f/?#@:\[\]]+))(?::([0-9]{1,5}))?",
    re.IGNORECASE | re.ASCII,
).fullmatch


class Server:
    """A server of a backend. Addresses are as written, in lower case: an IP literal or a name."""

    __slots__ = (
        "backup", "draining", "eject_until", "ejections", "failures", "gone", "healthy", "host", "in_flight",
        "name", "port", "scheme", "suspect_until", "tls_name", "weight", "work",
    )  # fmt: skip

    def __init__(self, url: str, weight: int = 1, backup: int = 0) -> None:
        """`url` is `scheme://host:port`; ValueError when it is not."""
        found = _URL(url)
        if found is None:
            raise ValueError(f"not a server: {url!r}")
        scheme, ipv6, host, port = (part and part.lower() for part in found.groups())
        if scheme not in PORTS:
            raise ValueError(f"not a server: {url!r} has an unknown scheme")
        if ipv6:
            IPv6Address(ipv6)
        self.scheme: str = scheme
        self.host: str = ipv6 or host
        self.port = PORTS[scheme] if port is None else int(port)
        if not 0 < self.port < 65536:
            raise ValueError(f"not a server: {url!r} needs a port from 1 to 65535")
        bracketed = f"[{self.host}]" if ipv6 else self.host
        self.name = f"{bracketed}:{self.port}"
        """`host:port`, as logs and metrics call it."""
        self.tls_name = self.host
        """The name that its certificate must have, where it is spoken to over TLS."""
        self.weight = weight
        self.backup = backup
        """Asked only while no server with a lower number can be."""
        self.draining = False
        """Gets nobody new; clients that are bound to it by a cookie may still come."""
        self.gone = False
        """No longer a server of its backend; what it is busy with may finish."""
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

    @property
    def url(self) -> str:
        """`scheme://host:port`, written in one way: what a server is known by when sets are compared."""
        return f"{self.scheme}://{self.name}"

    def __repr__(self) -> str:
        return f"<Server {self.name}>"
