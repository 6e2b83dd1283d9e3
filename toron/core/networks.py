"""Whether an IP address is in a set of networks, and the one way to write it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from toron.wire.addresses import MAPPED, packed, written

_REMEMBERED = 4096
"""Addresses whose answers are kept: the same ones come again and again."""


@lru_cache(_REMEMBERED)
def address(ip: str) -> str | None:
    """The address in its shortest form, IPv4 where it was mapped, without zone; None when it is none."""
    value = packed(ip)
    return None if value is None else written(value)


def plain(ip: str) -> str:
    """As `address`, and a text that is no address as it is; cheap for IPv4."""
    if ":" not in ip:
        return ip
    return address(ip) or ip


def client_key(ip: str, v6_prefix: int = 64) -> str:
    """What to count a client by: an IPv4 address, or the network of an IPv6 one, `2001:db8::/64`.

    One IPv6 subscriber has at least a whole /64 (RFC 6177), so single addresses count nothing.
    """
    return ip if ":" not in ip else _client_key(ip, v6_prefix)


@lru_cache(_REMEMBERED)
def _client_key(ip: str, v6_prefix: int) -> str:
    value = packed(ip)
    if value is None or len(value) == 4:
        return ip if value is None else written(value)
    free = 128 - v6_prefix
    kept = int.from_bytes(value, "big") >> free << free
    return f"{written(kept.to_bytes(16, 'big'))}/{v6_prefix}"


class Networks:
    """A set of networks; `ip in networks` takes an address as text.

    An IPv4 address is the same written as an IPv6 one (`::ffff:192.0.2.1`), and is only ever in IPv4
    networks. What is no address is in none.
    """

    __slots__ = ("_known", "_members", "_size")

    def __init__(self, cidrs: Iterable[IPv4Network | IPv6Network | str]) -> None:
        """ValueError where a text is not a network, or has bits beyond its prefix."""
        members: dict[tuple[int, int], set[int]] = {}
        for cidr in cidrs:
            network = ip_network(cidr) if isinstance(cidr, str) else cidr
            first, length = network.network_address.packed, network.prefixlen
            if len(first) == 16 and length >= 96 and first.startswith(MAPPED):
                first, length = first[12:], length - 96
            shift = 8 * len(first) - length
            members.setdefault((len(first), shift), set()).add(int.from_bytes(first, "big") >> shift)
        self._members: dict[int, list[tuple[int, set[int]]]] = {
            width: [(shift, kept) for (of, shift), kept in members.items() if of == width]
            for width in (4, 16)
        }
        self._size = sum(map(len, members.values()))
        self._known: dict[str, bool] = {}

    def __len__(self) -> int:
        return self._size

    def __contains__(self, ip: str) -> bool:
        known = self._known.get(ip)
        if known is None:
            known = self._look(ip)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[ip] = known
        return known

    def _look(self, ip: str) -> bool:
        value = packed(ip)
        if value is None:
            return False
        number = int.from_bytes(value, "big")
        return any(number >> shift in kept for shift, kept in self._members[len(value)])
