"""Tells the service manager how things are (sd_notify(3)); does nothing where nobody asked to be told."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Mapping


def notifier(environ: Mapping[str, str]) -> Callable[[str], None]:
    """What sends a state such as `READY=1` to the socket that NOTIFY_SOCKET names."""
    path = environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return lambda state: None
    address = "\0" + path[1:] if path[0] == "@" else path

    def notify(state: str) -> None:
        # Nobody may be listening any more, and that must not stop a gateway.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(state.encode(), address)

    return notify
