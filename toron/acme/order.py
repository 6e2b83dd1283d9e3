"""Gets one certificate: an order, the proofs it asks for, and what comes of it (RFC 8555 section 7.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from josepy.b64 import b64encode
from twisted.internet.task import deferLater
from twisted.logger import Logger

from toron.acme.account import Account
from toron.acme.failure import AcmeFailed, Problem, problem
from toron.acme.https import Reply
from toron.acme.proof import Proof

_FIRST, _MOST = 0.25, 10.0
"""Seconds between two looks at what the directory does: at first, and at most."""

_ASKED_MOST = 60.0
"""Seconds that a directory may ask us to wait between two looks."""

_MINUTES = 10.0
"""That one step may take, from the first look to the last."""

# What a step waits for, by the status that there is: None goes on waiting, else whether that is good.
_PROOFS = {
    "pending": None, "valid": True,
    "invalid": False, "deactivated": False, "expired": False, "revoked": False,
}  # fmt: skip
_PROVED = {"pending": None, "ready": True, "processing": True, "valid": True, "invalid": False}
_ISSUED = {"pending": None, "ready": None, "processing": None, "valid": True, "invalid": False}


class Order:
    """One try to get a certificate for `names`; what goes wrong in it raises AcmeFailed."""

    def __init__(self, reactor: Any, account: Account, names: Sequence[str], proof: Proof) -> None:
        self.log = Logger(namespace="toron")
        self._reactor = reactor
        self._account = account
        self._names = names
        self._proof = proof

    async def obtain(self, request: bytes, replaces: str = "") -> bytes:
        """The chain in PEM for a signing request in DER; `replaces` names the one before (RFC 9773)."""
        reply = await self._new(replaces)
        url = reply.fields.get("location", "")
        order = _document(reply)
        for address in _strings(order, "authorizations"):
            await self._authorize(address)
        order = await self._until(url, _PROVED, "the order")
        if order["status"] == "ready":
            finalize = str(order.get("finalize", ""))
            await self._account.post(finalize, {"csr": b64encode(request).decode()})
        order = await self._until(url, _ISSUED, "the order")
        chain = await self._account.post(str(order.get("certificate", "")), None)
        return chain.body

    async def _new(self, replaces: str) -> Reply:
        address = self._account.directory.address("newOrder")
        payload: dict[str, Any] = {"identifiers": [{"type": "dns", "value": name} for name in self._names]}
        if replaces:
            try:
                return await self._account.post(address, payload | {"replaces": replaces})
            except Problem as error:
                # It may be another directory's, or be replaced already: then this is simply a new one.
                if error.kind not in ("alreadyReplaced", "malformed", "unauthorized"):
                    raise
        return await self._account.post(address, payload)

    async def _authorize(self, url: str) -> None:
        """Prove control of one name, unless the directory knows it from before."""
        found = _document(await self._account.post(url, None))
        if found.get("status") == "valid":
            return
        identifier = found.get("identifier")
        name = str(identifier.get("value", "")) if isinstance(identifier, dict) else ""
        if name not in {each.removeprefix("*.") for each in self._names}:
            raise AcmeFailed(f"the directory asks for a proof of {name or 'nothing'}, which we did not order")
        challenge = self._challenge(found, name)
        token = str(challenge.get("token", ""))
        if not _is_token(token):
            raise AcmeFailed(f"the directory's token for {name} is not well formed")
        authorization = f"{token}.{self._account.thumbprint}"
        try:
            await self._proof.show(name, token, authorization)
            await self._account.post(str(challenge.get("url", "")), {})
            await self._until(url, _PROOFS, f"the proof of {name} by {self._proof.kind}")
        finally:
            await self._clean(name, token, authorization)

    async def _clean(self, name: str, token: str, authorization: str) -> None:
        try:
            await self._proof.hide(name, token, authorization)
        except AcmeFailed as error:
            self.log.warn("ACME: the proof of {name} was not taken away: {why}", name=name, why=str(error))

    def _challenge(self, found: dict[str, Any], name: str) -> dict[str, Any]:
        offered = [each for each in found.get("challenges") or () if isinstance(each, dict)]
        for each in offered:
            if each.get("type") == self._proof.kind:
                return each
        kinds = ", ".join(str(each.get("type")) for each in offered) or "none"
        raise AcmeFailed(f"the directory does not take {self._proof.kind} for {name}: it offers {kinds}")

    async def _until(self, url: str, verdicts: dict[str, bool | None], what: str) -> dict[str, Any]:
        """Look until there is a verdict, in the directory's pace or ours."""
        end = self._reactor.seconds() + _MINUTES * 60
        pause = _FIRST
        while True:
            reply = await self._account.post(url, None)
            found = _document(reply)
            status = str(found.get("status", ""))
            good = verdicts.get(status, False)
            if good:
                return found
            if good is False:
                raise AcmeFailed(f"{what} is {status or 'without a status'}{_because(found)}", word="proof")
            if self._reactor.seconds() >= end:
                raise AcmeFailed(f"{what} is still {status} after {_MINUTES:g} minutes")
            asked = self._account.directory.wait(reply)
            await deferLater(self._reactor, pause if asked is None else min(max(asked, _FIRST), _ASKED_MOST))
            pause = min(_MOST, 2 * pause)


def _because(found: dict[str, Any]) -> str:
    """What an order or an authorization says about its end."""
    errors = [found.get("error"), *(each.get("error") for each in found.get("challenges") or ())]
    told = [str(problem(error, 0)) for error in errors if isinstance(error, dict)]
    return f": {'; '.join(told)}" if told else ""


def _document(reply: Reply) -> dict[str, Any]:
    found = reply.document()
    if not isinstance(found, dict):
        raise AcmeFailed("the directory's answer is not a JSON object")
    return found


def _strings(order: dict[str, Any], key: str) -> list[str]:
    found = order.get(key)
    if not isinstance(found, list):
        raise AcmeFailed(f"the directory's order has no {key}")
    return [str(each) for each in found]


_TOKEN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def _is_token(token: str) -> bool:
    """Whether it may stand in a path (RFC 8555 section 8.3)."""
    return bool(token) and len(token) <= 256 and _TOKEN.issuperset(token)
