"""Picks the server that the client's address hashes to."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from pydantic import Field

from toron.config.model import Model
from toron.core.networks import client_key
from toron.core.server import Server
from toron.interfaces import Balancer, Caller, Environment

REMEMBERED = 200_000
"""Draws (one for each client and server) that are kept at most; about 20 MB."""


class Options(Model):
    """How clients are told apart."""

    ipv6_prefix: int = Field(64, ge=1, le=128)
    """IPv6 clients that share so many leading bits are one client."""


class IpHash:
    """Weighted rendezvous hashing (highest random weight).

    Every server draws a number from the client's address and its own name; the best draw, taken
    with the weight, wins. When a server goes, only its own clients move, and they come back
    with it. The draws are the same in every process and after every start. A server of weight
    0 is picked only among its like.
    """

    def __init__(self, ipv6_prefix: int) -> None:
        self._ipv6_prefix = ipv6_prefix
        self._draws: OrderedDict[str, dict[str, float]] = OrderedDict()
        self._widest = 0
        """The most servers there have been to choose from."""

    def pick(self, servers: Sequence[Server], caller: Caller) -> Server:
        """The server that this client always gets while it is among them."""
        if len(servers) == 1:
            return servers[0]
        draws = self._drawn(caller.client_ip, servers)
        best: Server | None = None
        least = math.inf
        for server in servers:
            weight = server.weight
            # Exponential variables of rate `weight`: the least of them falls to a server as
            # often as its share of the weights.
            if weight and (arrival := draws[server.name] / weight) < least:
                best, least = server, arrival
        return best or min(servers, key=lambda server: draws[server.name])

    def _drawn(self, client_ip: str, servers: Sequence[Server]) -> dict[str, float]:
        known = self._draws
        widest = self._widest = max(self._widest, len(servers))
        draws = known.get(client_ip)
        if draws is None or len(draws) > 2 * widest:
            # Unknown, or full of servers that discovery took away long ago.
            draws = known[client_ip] = {}
            while len(known) * widest > REMEMBERED and len(known) > 1:
                known.popitem(last=False)
        else:
            known.move_to_end(client_ip)
        network = b""
        for server in servers:
            if server.name not in draws:
                network = network or client_key(client_ip, self._ipv6_prefix).encode()
                draws[server.name] = _draw(network, server.name)
        return draws


def _draw(network: bytes, name: str) -> float:
    digest = blake2b(name.encode() + b"\0" + network, digest_size=8).digest()
    return -math.log((int.from_bytes(digest, "big") + 0.5) / 2**64)


def make(options: Options, environment: Environment) -> Balancer:
    """A balancer that remembers only what it can draw again."""
    return IpHash(options.ipv6_prefix)
