"""Picks the server with the least in flight for its weight."""

from __future__ import annotations

import random
from collections.abc import Sequence

from toron.config.model import Model
from toron.core.server import Server
from toron.interfaces import Balancer, Caller, Environment


class Options(Model):
    """Nothing to set: `balance: least-conn`."""


class LeastConn:
    """Least requests or connections in flight, divided by the weight.

    Ties are broken at random, heavier servers more often, so that an idle backend is not all
    sent to its first server. A server of weight 0 is picked only among its like.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def pick(self, servers: Sequence[Server], caller: Caller) -> Server:
        """One of the least busy servers."""
        if len(servers) == 1:
            return servers[0]
        least = float("inf")
        ties: list[Server] = []
        for server in servers:
            if not server.weight:
                continue
            load = server.in_flight / server.weight
            if load < least:
                least = load
                ties = [server]
            elif load == least:
                ties.append(server)
        if len(ties) == 1:
            return ties[0]
        if ties:
            return self._chance.choices(ties, [server.weight for server in ties])[0]
        fewest = min(server.in_flight for server in servers)
        return self._chance.choice([server for server in servers if server.in_flight == fewest])


def make(options: Options, environment: Environment) -> Balancer:
    """A balancer that counts what the backend counts."""
    return LeastConn(environment.random)
