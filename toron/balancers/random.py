"""Picks a server at random, by weight."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from toron.config.model import Model
from toron.core.server import Server
from toron.interfaces import Balancer, Caller, Environment


class Options(Model):
    """Nothing to set: `balance: random`."""


class ByChance:
    """Weighted chance; a server of weight 0 is picked only among its like."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def pick(self, servers: Sequence[Server], caller: Caller) -> Server:
        """Any server, as often as its weight says."""
        total = sum(server.weight for server in servers)
        if not total:
            return self._chance.choice(servers)
        left = self._chance.randrange(total)
        for server in servers:
            left -= server.weight
            if left < 0:
                return server
        raise AssertionError("the weights add up to the total")


def make(options: Options, environment: Environment) -> Balancer:
    """A balancer without a memory."""
    return ByChance(environment.random)
