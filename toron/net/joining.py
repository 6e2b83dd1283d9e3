"""Gives a protocol to the transport that Twisted makes for a socket which is connected already."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.protocol import Factory


def join(reactor: Any, connected: socket.socket, protocol: Any) -> None:
    """Have the protocol speak through a Unix socket, of whose descriptor Twisted takes a copy."""
    reactor.adoptStreamConnection(connected.fileno(), socket.AF_UNIX, _Joining(protocol))


class _Joining(Factory):
    """Of one protocol, that is there already."""

    noisy = False

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: Any) -> Any:
        return self._protocol
