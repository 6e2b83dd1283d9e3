"""Speaks with one directory: its addresses, its nonces, and requests that are signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toron.acme.failure import AcmeFailed, problem
from toron.acme.https import Ask, Reply
from toron.acme.jws import AccountKey

_ADDRESSES = ("newNonce", "newAccount", "newOrder")
"""What we can not do without (RFC 8555 section 7.1.1)."""

_TRIES = 12
"""Requests sent for one, where the directory takes none of our nonces (RFC 8555 section 6.5)."""

_KEPT = 8
"""Nonces kept for later, at most: they get old."""


class Directory:
    """A directory, by its URL; `wall` gives Unix seconds."""

    def __init__(self, url: str, ask: Ask, wall: Callable[[], float]) -> None:
        self.url = url
        self.terms = ""
        """Where the terms of service are, once it was looked at."""
        self._ask = ask
        self._wall = wall
        self._addresses: dict[str, str] = {}
        self._nonces: list[str] = []

    async def look(self) -> None:
        """Ask where everything is; AcmeFailed where that is not said."""
        reply = await self._ask("GET", self.url, None)
        found = reply.document()
        if reply.status != 200 or not isinstance(found, dict):
            raise problem(found if reply.status != 200 else None, reply.status, reply.wait(self._wall()))
        for key in _ADDRESSES:
            if not str(found.get(key, "")).startswith("https://"):
                raise AcmeFailed(f"{self.url} is no ACME directory: it names no {key} with https")
        self._addresses = {key: value for key, value in found.items() if isinstance(value, str)}
        about = found.get("meta")
        self.terms = str(about.get("termsOfService", "")) if isinstance(about, dict) else ""

    @property
    def known(self) -> bool:
        """Whether it was looked at."""
        return bool(self._addresses)

    def address(self, key: str) -> str:
        """Where something is, such as `newOrder`; empty where the directory has none of it."""
        return self._addresses.get(key, "")

    async def get(self, url: str) -> Reply:
        """What is there for everybody."""
        reply = await self._ask("GET", url, None)
        if reply.status >= 400:
            raise problem(reply.document(), reply.status, reply.wait(self._wall()))
        return reply

    async def post(self, key: AccountKey, url: str, payload: Any, account: str = "") -> Reply:
        """Send what is signed, again where a nonce is not taken; Problem where the answer is no."""
        if not url.startswith("https://"):
            raise AcmeFailed(f"the directory sends us to {url or 'nowhere'}, which is not https")
        for _ in range(_TRIES):
            nonce = self._nonces.pop() if self._nonces else await self._new_nonce()
            reply = await self._ask("POST", url, key.sign(url, nonce, payload, account))
            self._keep(reply)
            if reply.status < 400:
                return reply
            wrong = problem(reply.document(), reply.status, reply.wait(self._wall()))
            if wrong.kind != "badNonce":
                raise wrong
        raise wrong

    async def _new_nonce(self) -> str:
        reply = await self._ask("HEAD", self._addresses["newNonce"], None)
        nonce = reply.fields.get("replay-nonce", "")
        if not nonce:
            wait = reply.wait(self._wall())
            raise AcmeFailed(f"the directory gives no nonce: it answered with status {reply.status}", wait)
        return nonce

    def _keep(self, reply: Reply) -> None:
        nonce = reply.fields.get("replay-nonce")
        if nonce:
            self._nonces = [*self._nonces[1 - _KEPT :], nonce]

    def wait(self, reply: Reply) -> float | None:
        """The seconds that an answer asks us to wait."""
        return reply.wait(self._wall())
