"""Gets certificates for names when a client first asks for them: allowed ones, and not too many."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from twisted.logger import Logger

from toron.acme.failure import AcmeFailed
from toron.acme.https import Ask
from toron.acme.upkeep import Upkeep
from toron.acme.wanted import Wanted
from toron.core.networks import client_key
from toron.core.token_bucket import TokenBuckets
from toron.core.wait import Wait
from toron.net.certificate_source import Source
from toron.net.certificates import Certificates

if TYPE_CHECKING:
    from toron.acme.keeper import Keeper

MOST = 10_000
"""Certificates, at most: a client that makes up names must not fill the memory."""

HELD = 100
"""Handshakes that wait at a time, at most."""

_LABEL = re.compile("(?!-)[a-z0-9-]{1,63}(?<!-)")

PER_CLIENT = 10
"""New names that one client (an IPv6 /64 is one) may ask for in an hour, also those that get none."""

QUIET = 10.0
"""Seconds from one warning to the next, at least."""

HOUR = 3600.0


class OnDemand:
    """The `demand` of each listener's certificates that were attached.

    `template` says how a certificate is had, whatever its names; `allow` has names, and `*.` before a name
    for any label. `ask` is called with `?domain=NAME` for each new name, and says yes by a status of 2xx.
    """

    def __init__(
        self,
        keeper: Keeper,
        template: Wanted,
        allow: Sequence[str],
        per_hour: int,
        seconds: Callable[[], float],
        ask: str = "",
        https: Ask | None = None,
    ) -> None:
        """`per_hour` new names are taken in an hour; `seconds` is a clock that does not run back."""
        self.log = Logger(namespace="toron")
        self._keeper = keeper
        self._template = template
        self._exact = {name for name in allow if not name.startswith("*.")}
        self._wild = {name[2:] for name in allow if name.startswith("*.")}
        self._bucket = TokenBuckets(per_hour / HOUR, per_hour)
        self._clients = TokenBuckets(PER_CLIENT / HOUR, PER_CLIENT)
        self._seconds = seconds
        self._url = ask
        self._https = https if ask else None
        self.told: Callable[[Source], object] = lambda source: None
        """Told of each new certificate's source."""
        self._upkeeps: dict[str, Upkeep] = {}
        self._listeners: weakref.WeakSet[Certificates] = weakref.WeakSet()
        self._asking: dict[str, list[Wait[None]]] = {}
        self._held = 0
        self._quiet_until = 0.0

    def attach(self, certificates: Certificates) -> None:
        """Serve these names in this listener, too."""
        known = set(certificates.sources)
        for upkeep in self._upkeeps.values():
            if upkeep.source not in known:
                certificates.add(upkeep.source)
        self._listeners.add(certificates)
        certificates.demand = self

    @property
    def wanted(self) -> list[Wanted]:
        """The certificates that were asked for."""
        return [upkeep.wanted for upkeep in self._upkeeps.values()]

    def allows(self, name: str) -> bool:
        """Whether a name (in lower case) may have a certificate."""
        label, _, parent = name.partition(".")
        return name in self._exact or (parent in self._wild and _LABEL.fullmatch(label) is not None)

    async def __call__(self, name: str, client_ip: str) -> None:
        """Wait until there is a certificate for a name, or it is known that there is none."""
        if not self.allows(name) or self._held >= HELD or self._keeper.resting:
            return
        self._held += 1
        try:
            upkeep = self._upkeeps.get(name) or await self._agreed(name, client_ip)
            if upkeep is not None:
                await upkeep.first()
        finally:
            self._held -= 1

    async def _agreed(self, name: str, client_ip: str) -> Upkeep | None:
        """See to a new name once, however many clients ask for it meanwhile."""
        asking = self._asking.get(name)
        if asking is not None:
            wait: Wait[None] = Wait()
            asking.append(wait)
            await wait
            return self._upkeeps.get(name)
        asking = self._asking[name] = []
        try:
            return await self._new(name, client_ip)
        finally:
            del self._asking[name]
            for each in asking:
                each.fire(None)

    async def _new(self, name: str, client_ip: str) -> Upkeep | None:
        upkeep = self._keeper.upkeep(self._template.at(name))
        if not upkeep.record.kept and not await self._may(name, client_ip):
            self._keeper.forget(upkeep)
            return None
        self._upkeeps[name] = upkeep
        for certificates in list(self._listeners):
            certificates.add(upkeep.source)
        self.told(upkeep.source)
        self._keeper.begin(upkeep)
        return upkeep

    async def _may(self, name: str, client_ip: str) -> bool:
        """Whether a name that was never served may have a certificate now."""
        if not self._clients.take(client_key(client_ip), self._seconds()).allowed:
            self._refuse(name, f"{client_ip} has asked for too many")
            return False
        if self._https is not None and not await self._asked(self._https, name):
            return False
        if len(self._upkeeps) < MOST and self._bucket.take(None, self._seconds()).allowed:
            return True
        self._refuse(name, "there were too many")
        return False

    def _refuse(self, name: str, why: str) -> None:
        """Say why, but not for each of those who ask for names that they make up."""
        now = self._seconds()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            self.log.warn("ACME: no certificate for {name} on demand: {why}", name=name, why=why)

    async def _asked(self, https: Any, name: str) -> bool:
        mark = "&" if "?" in self._url else "?"
        try:
            reply = await https("GET", f"{self._url}{mark}domain={quote(name)}", None)
        except AcmeFailed as error:
            self._refuse(name, str(error))
            return False
        return bool(200 <= reply.status < 300)
