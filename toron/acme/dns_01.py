"""Proves control of a name by a TXT record, which a command of the user's writes (RFC 8555 section 8.4)."""

from __future__ import annotations

import hashlib
from typing import Any

from josepy.b64 import b64encode

from toron.acme.hook import run_hook


def record(name: str) -> str:
    """The name of the TXT record."""
    return f"_acme-challenge.{name}"


def value(authorization: str) -> str:
    """The text of the TXT record."""
    return b64encode(hashlib.sha256(authorization.encode()).digest()).decode()


class Records:
    """Calls `command... add|remove NAME VALUE`, where each call has `seconds`; a `Proof`.

    The command is done when the record is where the directory finds it.
    """

    kind = "dns-01"

    def __init__(self, reactor: Any, command: tuple[str, ...], seconds: float) -> None:
        self._reactor = reactor
        self._command = command
        self._seconds = seconds

    async def show(self, name: str, token: str, authorization: str) -> None:
        """Have it written."""
        await self._run("add", name, authorization)

    async def hide(self, name: str, token: str, authorization: str) -> None:
        """Have it removed."""
        await self._run("remove", name, authorization)

    async def _run(self, what: str, name: str, authorization: str) -> None:
        command = (*self._command, what, record(name), value(authorization))
        await run_hook(self._reactor, command, self._seconds)
