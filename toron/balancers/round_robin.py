"""Picks servers in turn, smoothly spread by their weights."""

from __future__ import annotations

from collections.abc import Sequence

from toron.config.model import Model
from toron.core.server import Server
from toron.interfaces import Balancer, Caller, Environment


class Options(Model):
    """Nothing to set: `balance: round-robin`."""


class RoundRobin:
    """Smooth weighted round robin, as nginx does it.

    Each server's credit grows by its weight at every pick; the one with the most is picked and
    pays the sum of the weights. The credit stays with the server, so that servers which come and
    go do not disturb the others' turns. A server of weight 0 is picked only among its like.
    """

    def pick(self, servers: Sequence[Server], caller: Caller) -> Server:
        """The server whose turn it is; among equals the first."""
        if len(servers) == 1:
            return servers[0]
        best: Server | None = None
        total = 0
        for server in servers:
            if weight := server.weight:
                server.work += weight
                total += weight
                if best is None or server.work > best.work:
                    best = server
        if best is None:
            return self._evenly(servers)
        best.work -= total
        return best

    def _evenly(self, servers: Sequence[Server]) -> Server:
        for server in servers:
            server.work += 1
        best = max(servers, key=lambda server: server.work)
        best.work -= len(servers)
        return best


def make(options: Options, environment: Environment) -> Balancer:
    """A balancer whose state is kept in the servers."""
    return RoundRobin()
