"""What stands behind the door of one listener, for those who ask why something goes where it goes."""

from __future__ import annotations

from typing import Any

from toron.interfaces import Guard
from toron.net.certificates import Certificates
from toron.net.client_certs import ClientRules
from toron.net.http_site import HttpSite


class Entrance:
    """Of one listener."""

    __slots__ = ("certificates", "clients", "guards", "router", "routes", "rules", "site")

    def __init__(self) -> None:
        self.guards: list[tuple[str, Guard]] = []
        """By their names."""
        self.certificates: Certificates | None = None
        self.clients: ClientRules | None = None
        """Which certificates clients have to show."""
        self.site: HttpSite | None = None
        self.router: Any = None
        """A Router, a ConnectionRouter, or None where there is one way only."""
        self.routes: dict[int, int] = {}
        """Of a Router: the number of a route, by the id of what the router finds."""
        self.rules: list[tuple[int, int]] = []
        """Of a Router: the route and the number of its match, for each pattern in the order of adding."""
