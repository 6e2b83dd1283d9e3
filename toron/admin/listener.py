"""The admin port's place in the service tree."""

from __future__ import annotations

import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred

from toron.admin.api import Api
from toron.admin.running import Running
from toron.admin.site import is_loopback, make_site
from toron.net.sockets import OpenSocket, listening_socket


class AdminListener(Service):
    """Serves the admin site on one address, for as long as the gateway lives."""

    listener = "admin"

    def __init__(
        self,
        reactor: Any,
        address: str,
        port: int,
        gateway: Running,
        open_socket: OpenSocket = listening_socket,
    ) -> None:
        self._reactor = reactor
        self._address = address
        self.port = port
        self.gateway = gateway
        """What the API can ask."""
        self._open_socket = open_socket
        self._socket: socket.socket | None = None
        self._listening: Any = None

    def bind(self) -> None:
        """Take the address; raises CannotListen."""
        self._socket = self._open_socket(self.listener, self._address, self.port, backlog=64)
        self.port = self._socket.getsockname()[1]

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        if self._socket is None:
            self.bind()
        assert self._socket is not None
        bracketed = f"[{self._address}]" if ":" in self._address else self._address
        loopback = is_loopback(bracketed.encode())
        gateway = self.gateway
        site = make_site(
            gateway.metrics, gateway.readiness, self._reactor, loopback=loopback,
            api=Api(gateway, loopback=loopback),
        )  # fmt: skip
        # Twisted takes a copy of the descriptor; ours can be handed over.
        self._listening = self._reactor.adoptStreamPort(self._socket.fileno(), self._socket.family, site)

    def pause(self) -> None:
        """Accept nothing for now; whoever shares the socket may."""
        if self._listening is not None:
            self._listening.stopReading()

    def resume(self) -> None:
        """Accept again."""
        if self._listening is not None:
            self._listening.startReading()

    def stopService(self) -> Deferred[Any] | None:
        super().stopService()  # type: ignore[no-untyped-call]
        opened, self._socket = self._socket, None
        if opened is not None:
            opened.close()
        listening, self._listening = self._listening, None
        return None if listening is None else maybeDeferred(listening.stopListening)
