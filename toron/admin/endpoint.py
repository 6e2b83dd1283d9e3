"""What the admin API can be asked for: each endpoint says in one place what it takes and answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from toron.admin.audit import Audit
from toron.admin.running import Running

PREFIX = "/api/v1"

CONFIGURATIONS = {
    "application/yaml": ".yaml",
    "application/x-yaml": ".yaml",
    "text/yaml": ".yaml",
    "application/toml": ".toml",
    "application/json": ".json",
}
"""Content types of a configuration, with the extension that its file would have."""


class Nothing(Struct, forbid_unknown_fields=True):
    """A body without anything in it, or a query."""


class Text:
    """Stands for a body that is not JSON of ours: a configuration."""


@dataclass(slots=True)
class Call:
    """One request to an endpoint."""

    gateway: Running
    audit: Audit
    who: str
    """`token`, or the address of a client that needs none."""
    parameters: dict[str, str]
    """What stands in the path, by name."""
    query: Any
    """An object of the endpoint's `query`."""
    body: Any
    """An object of the endpoint's `body`; bytes where that is `Text`."""
    media: str
    """The content type of the body, without parameters."""
    accept: str
    """What the client would like to get."""
    if_match: str = ""
    """The entity tag that the configuration has to have; it has it when the endpoint begins."""
    etag: str = ""
    """Set by the endpoint: the entity tag of what is answered."""
    note: str = ""
    """Set by the endpoint: what is said of the change in the audit log."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method of a path. `serve` returns an object of `answer`, or a Page; it raises Refused."""

    method: str
    path: str
    """Below /api/v1; `{name}` stands for one part of it, and may have `/` in it as `%2F`."""
    serve: Callable[[Call], Awaitable[Any]]
    answer: Any
    summary: str
    query: type[Struct] = Nothing
    body: Any = Nothing
    """Of what is not GET."""
    refusals: tuple[int, ...] = ()
    """Statuses of problems that only this endpoint has."""
    also: str = ""
    """A content type that the answer may have besides JSON."""
    conditional: bool = False
    """Whether If-Match is about what this changes."""

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""
        return self.method != "GET"
