"""Takes a server out of use after failures in a row."""

from __future__ import annotations

from collections.abc import Sequence

from toron.core.server import Server


class Ejection:
    """Passive health: what real traffic says of a server.

    The first ejection lasts `base` seconds, each further one twice as long, up to `max`. For each
    `base` seconds that a server then serves without being ejected, one ejection is forgotten.
    """

    __slots__ = ("_base", "_failures", "_max", "_max_ejected", "_since")

    def __init__(self, failures: int, base: float, max: float, max_ejected: float) -> None:
        """`failures` in a row; `base` and `max` in seconds; `max_ejected` a share from 0 to 1."""
        self._failures = failures
        self._base = base
        self._max = max
        self._max_ejected = max_ejected
        self._since: dict[Server, float] = {}
        """For servers with ejections to forget: when the time until the next one began."""

    def failed(self, server: Server, servers: Sequence[Server], now: float) -> bool:
        """Count a failure; True when it ejects the server.

        `servers` are all of the backend's. Failures that end while the server is out already say
        nothing new, and are not counted. At least one of two or more servers may be ejected,
        unless the share is 0.
        """
        if server.eject_until > now:
            return False
        server.failures += 1
        if server.failures < self._failures:
            return False
        if not self.may_eject(servers, now):
            return False
        self._forget(server, now)
        ejections = server.ejections + 1
        # The exponent is held down so that a server which fails for weeks cannot overflow it.
        until = now + min(self._max, self._base * 2.0 ** min(ejections - 1, 60))
        self.take_over(server, servers, until, ejections)
        return True

    def may_eject(self, servers: Sequence[Server], now: float) -> bool:
        """Whether one more of them may be out."""
        return sum(1 for other in servers if other.eject_until > now) < self._most(len(servers))

    def take_over(self, server: Server, servers: Sequence[Server], until: float, ejections: int) -> None:
        """The server is out until then (seconds), for the so-manieth time."""
        server.failures = 0
        server.ejections = ejections
        server.eject_until = until
        if len(self._since) >= 2 * len(servers):
            self._since = {known: since for known, since in self._since.items() if known in servers}
        self._since[server] = until

    def succeeded(self, server: Server, now: float) -> None:
        """A success ends the row of failures."""
        server.failures = 0
        if server.ejections:
            self._forget(server, now)

    def _most(self, servers: int) -> int:
        if servers < 2 or self._max_ejected <= 0.0:
            return 0
        return max(1, int(self._max_ejected * servers + 1e-9))

    def _forget(self, server: Server, now: float) -> None:
        since = self._since.get(server)
        if since is None or now < since + self._base:
            return
        steps = int((now - since) // self._base) if self._base else server.ejections
        server.ejections = max(0, server.ejections - steps)
        if server.ejections:
            self._since[server] = since + steps * self._base
        else:
            del self._since[server]
