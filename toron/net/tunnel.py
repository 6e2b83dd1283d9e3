"""Joins a client with what answered its upgrade."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toron.core.wait import Task
from toron.net.relay import Relay
from toron.net.sweep import NEVER, Sweep


class UpstreamTunnel:
    """What a 101 leaves: the server's transport, paused, and the bytes that came after the head."""

    __slots__ = ("_release", "data", "idle", "transport")

    def __init__(self, transport: Any, data: bytes = b"", release: Callable[[], None] = lambda: None) -> None:
        """`release` is called once, when the tunnel is over."""
        self.transport = transport
        self.data = data
        self.idle = NEVER
        """Seconds without a byte after which both ends are cut."""
        self._release = release

    def abort(self) -> None:
        """Nobody joins it."""
        self.transport.abortConnection()
        self._release()

    def join(
        self, client: Any, early: bytes, sweep: Sweep, websocket: bool, over: Callable[[Relay], None]
    ) -> Relay:
        """Relay between the client's transport and the server's; `early` came from the client already."""
        relay = Relay(sweep, self.idle, websocket=websocket)

        async def ending() -> None:
            await relay.ended

        def ended(_: None, error: BaseException | None) -> None:
            self._release()
            over(relay)

        Task(ending(), ended).start()
        relay.join(client, self.transport, early, self.data)
        return relay
