"""The account at a directory: made once, kept in the state folder, found again with its key."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from toron.acme.directory import Directory
from toron.acme.failure import AcmeFailed, Problem
from toron.acme.https import Reply
from toron.acme.jws import AccountKey
from toron.acme.state import State
from toron.acme.wanted import Binding


class Account:
    """Who we are for one directory; `binding` is for directories that ask for an account of their own."""

    def __init__(
        self, directory: Directory, state: State, email: str = "", binding: Binding | None = None
    ) -> None:
        self.log = Logger(namespace="toron")
        self.directory = directory
        self._state = state
        self._contact = [f"mailto:{email}"] if email else []
        self._binding = binding
        self._url = ""
        whole = f"{directory.url}\n{binding.kid if binding else ''}"
        self._file = f"account-{hashlib.sha256(whole.encode()).hexdigest()[:8]}.json"
        self._key: AccountKey | None = None
        self._opening = DeferredLock()

    @property
    def thumbprint(self) -> str:
        """What the proofs for challenges name us by; only after `open`."""
        return self._known().thumbprint

    async def open(self) -> None:
        """Have the account, by what is kept or as a new one; raises AcmeFailed."""
        await self._opening.acquire()
        try:
            if not self._url:
                await self._open()
        finally:
            self._opening.release()

    async def _open(self) -> None:
        kept = self._read()
        await self.directory.look()
        if kept and kept.get("contact") == self._contact:
            self._url = kept["account"]
            return
        if self._key is None:
            self._key = AccountKey.new()
        await self._register()

    async def post(self, url: str, payload: Any) -> Reply:
        """Ask as ourselves; None is POST-as-GET. An account that is gone is made anew for the next time."""
        if self._key is None or not self._url:
            raise AcmeFailed("the account was lost in the middle of an order")
        try:
            return await self.directory.post(self._key, url, payload, self._url)
        except Problem as error:
            if error.kind == "accountDoesNotExist":
                self._url = ""
                self._state.set_aside(self._file, "the directory does not know the account any more")
                self._key = None
            raise

    async def _register(self) -> None:
        key, directory = self._known(), self.directory
        address = directory.address("newAccount")
        payload: dict[str, Any] = {"termsOfServiceAgreed": True}
        if self._contact:
            payload["contact"] = self._contact
        if self._binding is not None:
            payload["externalAccountBinding"] = key.bound(address, self._binding.kid, self._binding.hmac)
        reply = await directory.post(key, address, payload)
        url = reply.fields.get("location", "")
        if not url:
            raise AcmeFailed("the directory has made an account, and does not say where")
        if reply.status == 200:
            # It was there already, with the address of then (RFC 8555 section 7.3.1).
            await directory.post(key, url, {"contact": self._contact}, url)
        self._url = url
        self._write()
        self.log.info(
            "ACME: account {url} at {directory}{terms}", url=url, directory=directory.url,
            terms=f", which takes it as agreed: {directory.terms}" if directory.terms else "",
        )  # fmt: skip

    def _known(self) -> AccountKey:
        assert self._key is not None
        return self._key

    def _read(self) -> dict[str, Any] | None:
        data = self._state.read(self._file)
        if data is None:
            return None
        try:
            kept = json.loads(data)
            self._key = AccountKey.read(kept["key"].encode())
            if not isinstance(kept["account"], str) or not kept["account"].startswith("https://"):
                raise ValueError("it names no account")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self._state.set_aside(self._file, f"{type(error).__name__}: {error}")
            self._key = None
            return None
        return dict(kept)

    def _write(self) -> None:
        kept = {
            "directory": self.directory.url,
            "account": self._url,
            "contact": self._contact,
            "key": self._known().pem().decode(),
        }
        self._state.write(self._file, json.dumps(kept, indent=1).encode())
