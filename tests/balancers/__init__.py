"""Tests of the balancers, with what they share."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from twisted.internet.task import Clock
from twisted.logger import Logger

from toron.core.server import Server
from toron.interfaces import Balancer, Environment


@dataclass
class Client:
    """A caller with an address and nothing else."""

    client_ip: str = "192.0.2.1"


def environment(seed: int = 1) -> Environment:
    return Environment("balancer", Clock(), random.Random(seed), Logger())


def servers(*weights: int) -> list[Server]:
    """Servers called a, b, c ... with these weights."""
    return [Server(f"http://{chr(97 + i)}:80", weight) for i, weight in enumerate(weights)]


def sequence(balancer: Balancer, among: Sequence[Server], picks: int) -> str:
    """The hosts picked, in order."""
    return "".join(balancer.pick(among, Client()).host for _ in range(picks))
