"""Tells what lives: the connections and sessions that are in, found when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from twisted.internet.task import deferLater

from toron.core.message import Request
from toron.net.connection import Connection
from toron.net.relay import FramedEnd, Relay
from toron.net.socket_state import bytes_both_ways
from toron.net.udp import UdpSession

SLICE = 0.005
"""Seconds of looking after which others get their turn."""

STEP = 200
"""Connections between two looks at the clock."""

MOST = 1000
"""Connections that one answer tells of at most."""

ROUTES = 20
"""Routes that are named of one connection at most."""


class Wanted(Struct, forbid_unknown_fields=True):
    """Which connections are asked for; what is empty does not matter."""

    listener: str = ""
    route: str = ""
    backend: str = ""
    server: str = ""
    client: str = ""
    """An address."""
    limit: int = 100
    tallies: bool = False
    """Whether all of them are counted too, by where they are led."""


class Living(Struct):
    """One connection of a client, or one session of a client that sends datagrams."""

    listener: str
    kind: str
    """`http/1.1`, `h2`, `h3`, `websocket`, `tunnel`, `relay`, `udp`; `new` until it is known."""
    client: str
    """`address:port`, after a PROXY header."""
    since: float
    """When it was accepted (Unix seconds)."""
    requests: int
    """HTTP requests under way."""
    routes: list[str]
    """The routes of these requests."""
    backend: str
    """Where it is led to; of HTTP where the last of these requests is. Empty where nowhere."""
    server: str
    bytes_in: int | None
    """From the client; of HTTP all that came over the wire. None where nobody counts it."""
    bytes_out: int | None
    worker: int = 0
    """Whose it is, where several processes serve."""


class Tally(Struct):
    """How many connections live that have the same in these."""

    listener: str
    kind: str
    route: str
    """Of the last of the requests under way."""
    backend: str
    count: int


class Found(Struct, omit_defaults=True):
    """What lives."""

    total: int
    """All of them that are as asked for."""
    connections: list[Living]
    """The first of them."""
    tallies: list[Tally] = []
    """Where they were asked for; of each process its own."""


class Busy(NamedTuple):
    """What a connection is busy with, as the protocol tells that has it."""

    kind: str
    requests: Sequence[Request] = ()
    relay: Relay | None = None


def busy_relay(relay: Relay) -> Busy:
    """Of two streams that were joined."""
    return Busy("relay", (), relay)


def joined(relay: Relay, request: Request | None) -> Busy:
    """Of an HTTP/1.1 connection that became another protocol's."""
    kind = "websocket" if isinstance(relay.server, FramedEnd) else "tunnel"
    return Busy(kind, () if request is None else (request,), relay)


async def look(
    reactor: Any, listeners: Iterable[Any], wanted: Wanted, wall: Callable[[], float], worker: int = 0
) -> Found:
    """Those of `listeners` that are as `wanted`, looked at in slices; `wall` gives Unix seconds."""
    found = Found(0, [])
    limit = max(0, min(wanted.limit, MOST))
    began = wall() - reactor.seconds()
    end = reactor.seconds() + SLICE
    tallies: dict[tuple[str, ...], Tally] = {}
    for number, each in enumerate(_all(list(listeners), wanted.listener)):
        if number % STEP == STEP - 1 and reactor.seconds() >= end:
            await deferLater(reactor, 0)
            end = reactor.seconds() + SLICE
        if each.ended.done:
            continue
        busy = _busy(each)
        if not _is_wanted(each, busy, wanted):
            continue
        found.total += 1
        if wanted.tallies:
            _count(tallies, each, busy)
        if found.total <= limit:
            found.connections.append(_told(each, busy, began, worker))
    found.tallies = list(tallies.values())
    return found


def _count(tallies: dict[tuple[str, ...], Tally], each: Any, busy: Busy) -> None:
    route = busy.requests[-1].route if busy.requests else ""
    key = (each.listener, busy.kind, route, _led_to(each, busy)[0])
    if key not in tallies:
        tallies[key] = Tally(*key, 0)
    tallies[key].count += 1


def _all(listeners: Sequence[Any], name: str) -> Iterator[Any]:
    for listener in listeners:
        if not name or listener.listener == name:
            yield from list(listener.connections)


def _busy(each: Any) -> Busy:
    if isinstance(each, UdpSession):
        return Busy("udp")
    busy: Busy = Busy("new") if each.tells is None else each.tells()
    return busy


def _led_to(each: Any, busy: Busy) -> tuple[str, str]:
    """The names of the backend and the server."""
    if isinstance(each, UdpSession):
        return each.backend, "" if each.server is None else each.server.name
    if each.led_to is not None:
        return each.led_to[0], each.led_to[1].name
    for request in reversed(busy.requests):
        if request.backend is not None:
            return request.backend.name, "" if request.server is None else request.server.name
    return "", ""


def _is_wanted(each: Any, busy: Busy, wanted: Wanted) -> bool:
    if wanted.client and each.client_ip != wanted.client:
        return False
    if wanted.route and not any(request.route == wanted.route for request in busy.requests):
        return False
    if wanted.backend or wanted.server:
        backend, server = _led_to(each, busy)
        return wanted.backend in ("", backend) and wanted.server in ("", server)
    return True


def _told(each: Any, busy: Busy, began: float, worker: int) -> Living:
    backend, server = _led_to(each, busy)
    bytes_in, bytes_out = _bytes(each, busy)
    bracketed = f"[{each.client_ip}]" if ":" in each.client_ip else each.client_ip
    routes = list(dict.fromkeys(request.route for request in busy.requests if request.route))
    return Living(
        listener=each.listener, kind=busy.kind, client=f"{bracketed}:{each.client_port}",
        since=round(began + each.accepted, 3), requests=len(busy.requests), routes=routes[:ROUTES],
        backend=backend, server=server, bytes_in=bytes_in, bytes_out=bytes_out, worker=worker,
    )  # fmt: skip


def _bytes(each: Connection | UdpSession, busy: Busy) -> tuple[int | None, int | None]:
    if isinstance(each, UdpSession):
        return each.bytes_in, each.bytes_out
    if busy.relay is not None:
        return busy.relay.client.received, busy.relay.server.received
    return bytes_both_ways(each.transport)
