"""Compares a whole new set of servers with the one in use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from toron.core.server import Server


class Difference(NamedTuple):
    """What a new set changes."""

    servers: list[Server]
    """The whole set in its own order; servers that were known are the objects that they were."""
    came: list[Server]
    gone: list[Server]
    news: bool
    """Whether anything at all is different, the order and the weights among it."""


def compare(known: Sequence[Server], leaving: Iterable[Server], published: Iterable[Server]) -> Difference:
    """What `published` changes about the servers that are `known`; those that are `leaving` may come back.

    Servers are the same where their URLs are; of two with one URL in `published` the first counts.
    Known servers take over what else is said of them, at once.
    """
    before = {server.url: server for server in (*leaving, *known)}
    servers: dict[str, Server] = {}
    news = False
    for server in published:
        if server.url in servers:
            continue
        same = before.get(server.url)
        if same is not None and same is not server:
            news = _take_over(same, server) or news
        servers[server.url] = same or server
    found = list(servers.values())
    came = [server for server in found if server not in known]
    gone = [server for server in known if server not in found]
    return Difference(found, came, gone, news or found != list(known))


def _take_over(server: Server, said: Server) -> bool:
    """Note what is said of a server that is known; whether it is anything new."""
    before = (server.weight, server.backup, server.tls_name)
    after = (said.weight, said.backup, said.tls_name)
    server.weight, server.backup, server.tls_name = after
    return before != after
