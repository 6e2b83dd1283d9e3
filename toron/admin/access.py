"""Who may use the admin API: whoever is on this machine, or knows the token."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from twisted.internet.task import deferLater

from toron.admin.audit import Audit
from toron.admin.problem import Refused
from toron.core.networks import plain

SLOW = 0.5
"""Seconds until somebody hears that a token was wrong."""

FAILURES, WITHIN = 10, 60.0
"""From another machine: so many wrong tokens in so many seconds, and none is looked at for as long."""

ADDRESSES = 10_000
"""Addresses that are remembered for that."""

_ASK = "send it as Authorization: Bearer TOKEN (toron reads it from TORON_ADMIN_TOKEN, or --token-file FILE)"


class Access:
    """Lets clients in, or not. `token` gives the one that is configured now, empty where none is."""

    def __init__(self, reactor: Any, token: Callable[[], str], audit: Audit, *, loopback: bool) -> None:
        self._reactor = reactor
        self._token = token
        self._audit = audit
        self._loopback = loopback
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """How often in a row each address has failed, and until when that counts."""

    def welcome(self, authorization: str) -> bool:
        """Whether this is the right token, or none is needed; takes as long for any wrong one."""
        token = self._token()
        if not token:
            return self._loopback
        scheme, _, said = authorization.partition(" ")
        same = hmac.compare_digest(said.strip().encode("latin-1", "replace"), token.encode())
        return same and scheme.lower() == "bearer"

    async def enter(self, authorization: str, ip: str, client: str, what: str) -> str:
        """Who that is, for the audit log; raises Refused."""
        ip = plain(ip)
        if not self._token() and not self._loopback:
            raise Refused(
                403, "no_token_set", "the API is not for other machines while admin: has no token:",
                "set admin.token in the configuration, or ask on the machine itself",
            )  # fmt: skip
        here = ip.startswith("127.") or ip == "::1"
        count, until = self._failed.get(ip, (0, 0.0))
        now = self._reactor.seconds()
        if count >= FAILURES and now < until and not here:
            raise Refused(
                429, "too_many_failures", f"too many wrong tokens came from {ip}",
                f"wait {int(until - now) + 1} seconds",
                headers=[("retry-after", str(int(until - now) + 1))],
            )  # fmt: skip
        if self.welcome(authorization):
            self._failed.pop(ip, None)
            return "token" if self._token() else ip
        count = count + 1 if now < until else 1
        self._failed[ip] = (count, now + WITHIN)
        self._failed.move_to_end(ip)
        if len(self._failed) > ADDRESSES:
            self._failed.popitem(last=False)
        wrong = "the token is wrong" if authorization else "a token is needed"
        if count == 1 or count % FAILURES == 0:
            # What others have done must not vanish behind these.
            self._audit.note("?", client, what, 401, f"{wrong} ({count} in a row)")
        if authorization:
            await deferLater(self._reactor, SLOW)
        raise Refused(
            401, "token_wrong" if authorization else "token_missing", wrong, _ASK,
            headers=[("www-authenticate", 'Bearer realm="toron"')],
        )  # fmt: skip
