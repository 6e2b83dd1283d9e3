"""Hides what nobody should read in a decision record: credentials, and secrets of the environment."""

from __future__ import annotations

from collections.abc import Callable

from toron.config.load import Loaded
from toron.explain.plugins import shown
from toron.explain.record import Missed
from toron.wire.headers import Field

REDACTED = "<redacted>"

CREDENTIALS = frozenset(
    (b"authorization", b"cookie", b"proxy-authorization", b"set-cookie", b"x-api-key", b"x-auth-token")
)
"""Fields whose values are not shown."""


class Hidden:
    """What of one configuration is not shown; `redact` takes the values of query parameters away."""

    def __init__(self, loaded: Loaded | None, redact: Callable[[str], str]) -> None:
        self._loaded = loaded
        self._redact = redact

    def text(self, text: str) -> str:
        """The text, or what may be read of it."""
        text = self._redact(text) if "?" in text or "&" in text else text
        return text if self._loaded is None else shown(self._loaded, text)

    def fields(self, fields: list[Field]) -> list[Field]:
        """Fields without the values of credentials."""
        return [(name, REDACTED.encode() if name.lower() in CREDENTIALS else value) for name, value in fields]

    def miss(self, missed: Missed) -> None:
        """Hide what the request had where a route wanted something else."""
        what, _, name = missed.what.partition(" ")
        if what == "cookies" or (what == "headers" and name.lower().encode() in CREDENTIALS):
            missed.asked = missed.asked if missed.asked == "nothing" else REDACTED
        elif what == "query":
            missed.asked = self._redact(f"?{missed.asked}").removeprefix("?")
