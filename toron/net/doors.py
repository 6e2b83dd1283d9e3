"""The address of a listener whose connections several workers accept."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from toron.net.sockets import shared_sockets


class Doors:
    """A socket for each worker, on one address; the parent keeps them for as long as it serves.

    So whoever has connected, and waits to be accepted while a worker is away, is still there for the
    next one.
    """

    connections: Sequence[object] = ()
    """Those are the workers' affair."""

    def __init__(
        self,
        name: str,
        address: str | None,
        port: int,
        count: int,
        *,
        stream: bool,
        backlog: int,
        share: Callable[..., list[socket.socket]] = shared_sockets,
    ) -> None:
        self.listener = name
        self.port = port
        """The port they are bound to, once they are."""
        self.sockets: list[socket.socket] = []
        self._address = address
        self._count = count
        self._stream = stream
        self._backlog = backlog
        self._share = share

    def bind(self) -> None:
        """Take the address; raises CannotListen."""
        self.sockets = self._share(
            self.listener, self._address, self.port, self._count, stream=self._stream, backlog=self._backlog
        )
        self.port = self.sockets[0].getsockname()[1]

    def stop_accepting(self) -> None:
        """The parent has done with them; each closes when its worker has, too."""
        opened, self.sockets = self.sockets, []
        for each in opened:
            each.close()

    def pause(self) -> None:
        """Workers go on until they are told to stop: what they accept meanwhile they serve."""

    def resume(self) -> None:
        """Nothing was paused."""

    def drain(self) -> None:
        """There is nobody in here."""
