"""Opens the sockets that listeners wait on."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping

_DATAGRAM_BUFFER = 4 << 20


class CannotListen(Exception):
    """A listener's address can not be had; the text names both, and what to do."""


OpenSocket = Callable[..., socket.socket]
"""Gives a listener its socket; called as `listening_socket` is."""

Place = tuple[bool, str | None, int, str]
"""What a socket is for: whether for datagrams, its address and port; where that is 0 also whose it is."""


class Sockets:
    """The listening sockets of a process, with those that another process has left to it.

    What was left is given out in place of a new socket, where the place is the same.
    """

    def __init__(self, left: Mapping[Place, list[socket.socket]] | None = None) -> None:
        self.left = dict(left or {})
        """Those that nobody has asked for yet."""
        self.taken: list[Place] = []
        """Those of what was left that somebody has asked for."""
        self._given: dict[Place, list[socket.socket]] = {}

    def open(
        self, name: str, address: str | None, port: int, *, stream: bool = True, backlog: int = 1024
    ) -> socket.socket:
        """As `listening_socket`."""
        (opened,) = self._left(name, address, port, 1, stream, backlog) or [
            listening_socket(name, address, port, stream=stream, backlog=backlog)
        ]
        self._given[_place(name, address, port, stream)] = [opened]
        return opened

    def share(
        self, name: str, address: str | None, port: int, count: int, *, stream: bool, backlog: int
    ) -> list[socket.socket]:
        """As `shared_sockets`."""
        opened = self._left(name, address, port, count, stream, backlog) or shared_sockets(
            name, address, port, count, stream=stream, backlog=backlog
        )
        self._given[_place(name, address, port, stream)] = opened
        return opened

    def _left(
        self, name: str, address: str | None, port: int, count: int, stream: bool, backlog: int
    ) -> list[socket.socket]:
        place = _place(name, address, port, stream)
        found = self.left.get(place, [])
        if not found:
            return []
        if len(found) != count:
            # To leave one of them alone would be to leave those alone who wait in its queue.
            raise CannotListen(
                f"listener {name!r} needs {count} sockets and {len(found)} are handed over: the number of "
                "workers can not be changed by an upgrade, restart for this"
            )
        del self.left[place]
        self.taken.append(place)
        if stream:
            for each in found:
                each.listen(backlog)
        return found

    def now(self) -> dict[Place, list[socket.socket]]:
        """Those that are open."""
        self._given = {
            place: still for place, found in self._given.items()
            if (still := [each for each in found if each.fileno() >= 0])
        }  # fmt: skip
        return self._given

    def close_left(self) -> list[Place]:
        """Close those that nobody has asked for; which these were."""
        left, self.left = self.left, {}
        for found in left.values():
            for each in found:
                each.close()
        return list(left)


def _place(name: str, address: str | None, port: int, stream: bool) -> Place:
    return not stream, address, port, "" if port else name


def written_place(place: Place) -> str:
    """For people: `TCP 127.0.0.1:80`."""
    datagrams, address, port, name = place
    host = f"[{address}]" if address is not None and ":" in address else address or "*"
    return f"{'UDP' if datagrams else 'TCP'} {host}:{port or name}"


def listening_socket(
    name: str, address: str | None, port: int, *, stream: bool = True, backlog: int = 1024
) -> socket.socket:
    """Bind an address, or every address of both families where none is given.

    Raises CannotListen with the listener's name.
    """
    return _bound(name, address, port, stream, backlog, shared=False)


def check_free(name: str, address: str | None, port: int, *, stream: bool = True) -> None:
    """Raise CannotListen where `listening_socket` would; nobody is let in meanwhile."""
    _bound(name, address, port, stream, backlog=None, shared=False).close()


def shared_sockets(
    name: str, address: str | None, port: int, count: int, *, stream: bool = True, backlog: int = 1024
) -> list[socket.socket]:
    """As many sockets on one address, over which the kernel spreads who comes (SO_REUSEPORT, socket(7)).

    Raises CannotListen with the listener's name.
    """
    # Once without sharing: with it the kernel would let us in beside another gateway of this user,
    # and each would get some of the other's clients. A port of 0 is chosen here.
    with _bound(name, address, port, stream, backlog=None, shared=False) as alone:
        port = alone.getsockname()[1]
    opened: list[socket.socket] = []
    try:
        for _ in range(count):
            opened.append(_bound(name, address, port, stream, backlog, shared=True))
    except BaseException:
        for each in opened:
            each.close()
        raise
    return opened


def _bound(
    name: str, address: str | None, port: int, stream: bool, backlog: int | None, *, shared: bool
) -> socket.socket:
    """A bound socket; it listens unless `backlog` is None."""
    kind = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
    family = socket.AF_INET if address is not None and ":" not in address else socket.AF_INET6
    try:
        try:
            opened = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        except OSError:
            if address is not None:
                raise
            # A machine without IPv6: every address is every IPv4 address.
            family = socket.AF_INET
            opened = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            if stream:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                # Accepted sockets inherit these, which saves two calls for each of them.
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            else:
                # A burst waits here while we are busy; the kernel gives at most net.core.rmem_max.
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _DATAGRAM_BUFFER)
            if shared:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address is None else 1)
            anywhere = "::" if family == socket.AF_INET6 else "0.0.0.0"
            opened.bind((anywhere if address is None else address, port))
            if stream and backlog is not None:
                opened.listen(backlog)
        except BaseException:
            opened.close()
            raise
    except OSError as error:
        where = f"{address or '*'}:{port}" if address is None or ":" not in address else f"[{address}]:{port}"
        transport = "TCP" if stream else "UDP"
        raise CannotListen(
            f"listener {name!r} can not listen on {transport} {where}: {_advice(error)}"
        ) from error
    return opened


def _advice(error: OSError) -> str:
    code = error.errno or 0
    text = os.strerror(code) if code else str(error)
    advice = {
        98: "another process has this port; stop it, or choose another port",
        13: "ports below 1024 need root or CAP_NET_BIND_SERVICE",
        99: "this machine does not have the address",
    }.get(code)
    return f"{text} ({advice})" if advice else text
