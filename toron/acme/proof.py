"""How control of a name is proved: what every kind of challenge has in common."""

from __future__ import annotations

from typing import Protocol


class Proof(Protocol):
    """One kind of challenge (RFC 8555 section 8)."""

    kind: str
    """The word that directories know it by, such as `http-01`."""

    async def show(self, name: str, token: str, authorization: str) -> None:
        """Have the proof where the directory looks for it when this returns; raises AcmeFailed.

        `name` has no `*.`; `authorization` is the key authorization (RFC 8555 section 8.1).
        """

    async def hide(self, name: str, token: str, authorization: str) -> None:
        """Take it away; raises AcmeFailed."""
