"""A named group of servers: who of them may be asked now, and who is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from toron.core.ejection import Ejection
from toron.core.published import compare
from toron.core.refusal import NO_SERVER, Refusal
from toron.core.retrying import Budget
from toron.core.server import Server

if TYPE_CHECKING:
    from toron.interfaces import Balancer, Caller

SUSPECT_SECONDS = 10.0
"""How long a server that could not be reached is asked only when nobody else is left."""

REST_SECONDS = 60.0
"""How long a server may ask to be left alone at most."""

STANDINGS = {
    "usable": "may be asked",
    "tried": "was tried already",
    "draining": "it drains: nobody new is led to it",
    "unhealthy": "health checks say that it is not well",
    "ejected": "it failed too often lately",
    "backup": "a backup, asked only while no other server can be",
    "suspect": "it could not be reached lately, and is asked last",
}
"""How a server stands, and what that means."""

_NOW = -math.inf


class Lease:
    """One use of one server, from pick to release; what least-conn counts."""

    __slots__ = ("_released", "server")

    def __init__(self, server: Server) -> None:
        self.server = server
        self._released = False
        server.in_flight += 1

    def release(self) -> None:
        """The use is over; saying so twice does no harm."""
        if not self._released:
            self._released = True
            self.server.in_flight -= 1


class Backend:
    """Servers and the balancer over them; backups are asked only while no other server can be.

    Its state changes only through `set_healthy`, `unreachable`, `failed` and `succeeded`, through
    `publish` and `drain`, and as time passes; the next lease sees it. `changed` is told of each server
    that came up or went down, with the reason: of a server that is out for two reasons when the first
    came and when the last is gone, and of the end of an ejection when somebody asks for a lease.
    """

    def __init__(
        self,
        name: str,
        servers: Sequence[Server],
        balancer: Balancer,
        *,
        ejection: Ejection | None = None,
        budget: Budget | None = None,
        attempts: int = 1,
    ) -> None:
        self.name = name
        self.servers = list(servers)
        self.balancer = balancer
        self.ejection = ejection
        self.budget = budget or Budget(0.2)
        self.attempts = attempts
        """Tries for one request or connection at most, the first included."""
        self.changed: Callable[[Server, bool, str], None] | None = None
        self.suspected: Callable[[Server], None] | None = None
        """Told of each server that is to be asked last for a while, when that begins."""
        self.checked: Callable[[Server, bool, str], None] | None = None
        """Told when active checks change their mind about a server."""
        self.drained: Callable[[Server, bool], None] | None = None
        """Told when somebody drains a server, or does so no more."""
        self.published: list[Callable[[Sequence[Server], Sequence[Server]], None]] = []
        """Told of each set of servers that is not the one before: who came, and who is gone."""
        self._leaving: list[Server] = []
        """Servers that are gone, and have something to finish."""
        self._usable: list[Server] = []
        self._reserve: list[Server] = []
        """Backups that are well, while there are others: the tiers behind the first."""
        self._stale_at = _NOW
        """When `_usable` may be wrong: at this time (seconds), unless something happens before."""
        self._staying: list[Server] = []
        """Those that are well and draining."""

    # --- which servers there are --------------------------------------------------------------

    def publish(self, servers: Iterable[Server]) -> bool:
        """These are all the servers from now on, in this order; whether that is news.

        A server whose URL is known stays the object that it was, with its state, and takes over weight,
        tier and TLS name. One that is gone gets no new lease, and finishes what it has; should it come
        back before that is done, it is the same again. ValueError for a set without servers.
        """
        found = compare(self.servers, self._leaving, servers)
        if not found.servers:
            raise ValueError("a backend can not be without servers")
        if not found.news:
            return False
        self.servers = found.servers
        for server in found.came:
            server.gone = False
        for server in found.gone:
            server.gone = True
        leaving = (*self._leaving, *found.gone)
        self._leaving = [server for server in leaving if server.gone and server.in_flight]
        self._stale_at = _NOW
        for told in self.published:
            told(found.came, found.gone)
        return True

    def drain(self, server: Server, draining: bool) -> None:
        """Lead nobody new to a server, or do so again; who is there, or bound to it, may stay."""
        server.draining = draining
        self._stale_at = _NOW
        if self.drained is not None:
            self.drained(server, draining)

    @property
    def all_servers(self) -> list[Server]:
        """The servers, and behind them those that are gone and have something to finish."""
        return [*self.servers, *(server for server in self._leaving if server.gone and server.in_flight)]

    def known_as(self, url: str) -> list[Server]:
        """The servers with that URL: one, or none, or more where a configuration names one twice."""
        return [server for server in self.servers if server.url == url]

    # --- leases -------------------------------------------------------------------------------

    def lease(self, caller: Caller, tried: Sequence[Server], now: float) -> Lease:
        """A server for this caller, none of `tried`; Refusal when there is none."""
        if now >= self._stale_at:
            self._refresh(now)
        usable = self._usable
        if tried:
            usable = [server for server in usable if server not in tried]
            usable = usable or _first_tier([server for server in self._reserve if server not in tried])
        if not usable:
            usable = self._last_resort(tried, now)
            if not usable:
                raise Refusal(NO_SERVER, f"of {len(self.servers)} in {self.name}")
        return Lease(usable[0] if len(usable) == 1 else self.balancer.pick(usable, caller))

    def lease_server(self, name: str, tried: Sequence[Server], now: float) -> Lease | None:
        """The server of that name, if it may be asked now (for sticky clients), or drains."""
        if now >= self._stale_at:
            self._refresh(now)
        for servers in (self._usable, self._staying):
            for server in servers:
                if server.name == name and server not in tried:
                    return Lease(server)
        return None

    def standing(self, server: Server, tried: Sequence[Server], now: float) -> str:
        """Whether `lease` would choose among this server now, and if not why: a key of `STANDINGS`."""
        if now >= self._stale_at:
            self._refresh(now)
        if server in tried:
            return "tried"
        if server.draining:
            return "draining"
        if not server.healthy:
            return "unhealthy"
        if server.eject_until > now:
            return "ejected"
        if server in self._usable:
            return "usable"
        return "backup" if server in self._reserve else "suspect"

    def standings(self, tried: Sequence[Server], now: float, most: int) -> tuple[str, ...] | None:
        """The `standing` of each server, of the first `most`; None where all of them are usable."""
        if now >= self._stale_at:
            self._refresh(now)
        if not tried and len(self._usable) == len(self.servers):
            return None
        return tuple([self.standing(server, tried, now) for server in self.servers[:most]])

    # --- how they are -------------------------------------------------------------------------

    def is_up(self, server: Server, now: float) -> bool:
        """Whether checks, failures and whoever drains it leave the server in use."""
        return server.healthy and not server.draining and server.eject_until <= now

    def set_healthy(self, server: Server, healthy: bool, why: str) -> None:
        """An active check has changed its mind."""
        if server.healthy == healthy:
            return
        server.healthy = healthy
        if healthy:
            server.suspect_until = 0.0
        self._stale_at = _NOW
        if self.checked is not None:
            self.checked(server, healthy, why)
        if not server.eject_until:
            self._tell(server, healthy, why)

    def rest(self, server: Server, now: float, seconds: float) -> None:
        """A server wishes to be left alone for a while (Retry-After): it is asked last until then."""
        self.suspect(server, now + min(seconds, REST_SECONDS))
        if self.suspected is not None:
            self.suspected(server)

    def suspect(self, server: Server, until: float) -> None:
        """Ask the server last until then (seconds)."""
        server.suspect_until = max(server.suspect_until, until)
        self._stale_at = _NOW

    def unreachable(self, server: Server, now: float) -> bool:
        """A connection could not be made; whether that is news."""
        fresh = server.suspect_until <= now
        server.suspect_until = now + SUSPECT_SECONDS
        self._stale_at = _NOW
        if fresh and self.suspected is not None:
            self.suspected(server)
        return fresh

    def failed(self, server: Server, now: float, why: str) -> None:
        """A use of the server went wrong in a way that is its fault."""
        if self.ejection is None:
            return
        if 0 < server.eject_until <= now:
            self._refresh(now)
        if self.ejection.failed(server, self.servers, now):
            self._stale_at = _NOW
            if server.healthy:
                self._tell(server, False, why)

    def may_eject(self, server: Server, now: float) -> bool:
        """Whether the server may be out now, if it is not yet: not too many others are."""
        self.settle(now)
        return self.ejection is not None and (
            server.eject_until > now or self.ejection.may_eject(self.servers, now)
        )

    def eject(self, server: Server, now: float, until: float, ejections: int, why: str) -> None:
        """Another worker has ejected the server until then (seconds), for the so-manieth time."""
        if self.ejection is None:
            return
        self.settle(now)
        fresh = server.eject_until <= now
        self.ejection.take_over(server, self.servers, max(until, server.eject_until), ejections)
        self._stale_at = _NOW
        if fresh and server.healthy:
            self._tell(server, False, why)

    def readmit(self, server: Server) -> None:
        """An ejection does not hold: too many servers are out already."""
        server.eject_until = 0.0
        self._stale_at = _NOW

    def settle(self, now: float) -> None:
        """Take note of ejections that are over, although nobody asks for a lease."""
        if now >= self._stale_at:
            self._refresh(now)

    def succeeded(self, server: Server, now: float) -> None:
        """A use of the server went well."""
        if server.suspect_until:
            server.suspect_until = 0.0
            self._stale_at = _NOW
        if self.ejection is not None:
            self.ejection.succeeded(server, now)

    def _refresh(self, now: float) -> None:
        """Work out who may be asked, and until when that holds."""
        until = math.inf
        usable: list[Server] = []
        staying: list[Server] = []
        back: list[Server] = []
        for server in self.servers:
            if 0 < server.eject_until <= now:
                server.eject_until = 0.0
                if server.healthy:
                    back.append(server)
            waits = [at for at in (server.eject_until, server.suspect_until) if at > now]
            if waits:
                until = min(until, *waits)
            elif server.healthy:
                (staying if server.draining else usable).append(server)
        self._usable = _first_tier(usable)
        self._reserve = [server for server in usable if server not in self._usable]
        self._staying = staying
        self._stale_at = until
        for server in back:
            self._tell(server, True, "ejection over")

    def _last_resort(self, tried: Sequence[Server], now: float) -> list[Server]:
        """Servers that only could not be reached lately: better than nobody."""
        left = [server for server in self.servers if self.is_up(server, now) and server not in tried]
        return _first_tier(left)

    def _tell(self, server: Server, up: bool, why: str) -> None:
        if self.changed is not None:
            self.changed(server, up, why)


def _first_tier(servers: list[Server]) -> list[Server]:
    """Those that are asked before the others; all of them but for backups."""
    first = min((server.backup for server in servers), default=0)
    return [server for server in servers if server.backup == first]
