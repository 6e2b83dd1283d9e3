"""Opens the sockets that listeners wait on."""

from __future__ import annotations

import os
import socket

_DATAGRAM_BUFFER = 4 << 20


class CannotListen(Exception):
    """A listener's address can not be had; the text names both, and what to do."""


def listening_socket(
    name: str, address: str | None, port: int, *, stream: bool = True, backlog: int = 1024
) -> socket.socket:
    """Bind an address, or every address of both families where none is given.

    Raises CannotListen with the listener's name.
    """
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
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address is None else 1)
            anywhere = "::" if family == socket.AF_INET6 else "0.0.0.0"
            opened.bind((anywhere if address is None else address, port))
            if stream:
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
