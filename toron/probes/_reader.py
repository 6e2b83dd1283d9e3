"""What a server says to a probe, for the probe to wait for."""

from __future__ import annotations

from typing import Any

from toron.core.wait import Wait


class Reader:
    """The protocol of a probe's connection: collects what the server says."""

    def __init__(self) -> None:
        self.transport: Any = None
        self._data = b""
        self._closed = False
        self._wait: Wait[None] | None = None

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        self._wake()

    def connectionLost(self, reason: Any = None) -> None:
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        wait, self._wait = self._wait, None
        if wait is not None:
            wait.fire(None)

    async def more(self) -> bytes:
        """The next bytes, b"" when there will be none."""
        if not self._data and not self._closed:
            self._wait = Wait()
            await self._wait
        data, self._data = self._data, b""
        return data
