"""What is said of changes of the configuration: what one would do, how one goes, and those there were."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from toron.admin.problem import Mistake


class ChangedKey(Struct):
    """A key that has another value."""

    key: str
    """With the keys it is in: `timeouts.response`; empty where only a secret is different."""
    before: Any
    """The value; null where there is none, secrets as `<secret>`."""
    after: Any
    place_before: str | None
    """Where it was written, as `file:line:column`; null where it was not."""
    place_after: str | None


class Change(Struct):
    """A part of the configuration that is not what it was."""

    action: str
    """`add`, `change` or `remove`."""
    kind: str
    """`listener`, `certificate`, `route`, `backend`, `server`, `middleware` or `setting`."""
    name: str
    place_before: str | None
    """Where it was written, as `file:line:column`."""
    place_after: str | None
    keys: list[ChangedKey]
    """Of what is changed."""


class Touched(Struct):
    """Connections that live, and what becomes of them."""

    count: int
    kind: str
    """`http/1.1`, `h2`, `h3`, `websocket`, `tunnel`, `relay`, `udp`, or `new`."""
    listener: str
    route: str
    """Of a request under way."""
    backend: str
    fate: str
    """`unaffected`; `finishes`: goes on with what it began with until it ends; `drains`: is asked to end."""
    why: str


class State(Struct):
    """Something that remembers, and what becomes of that."""

    what: str
    fate: str
    """`kept` or `lost`."""
    note: str


class Plan(Struct):
    """What a configuration would do if it was applied."""

    file: str
    """What serves now, or is compared with."""
    live: bool
    """Whether a running gateway was asked."""
    changes: list[Change]
    connections: list[Touched]
    state: list[State]
    refused: list[Mistake]
    """Why it would not be applied."""
    warnings: list[Mistake]


class HistoryEntry(Struct):
    """A configuration that was taken into service."""

    id: int
    time: float
    """Unix seconds."""
    author: str
    message: str
    result: str
    """`applied`, `waiting` for its confirmation, `confirmed`, or `went back`."""
    reason: str
    """Why it went back."""
    serving: bool
    added: int
    """Lines of the text that were not in the one before."""
    removed: int
    diff: str = ""
    """The unified diff from the text before, secrets as `<secret>`; only where it was asked for."""


class Progress(Struct):
    """How a change goes that is not confirmed yet, or how the last one went."""

    state: str
    """`idle`, `applying`, `watching`, `saving` or `going back`."""
    id: int
    """Of the entry in the history; 0 where there was none yet."""
    result: str
    """As that of the entry."""
    reason: str
    left: float
    """Seconds until it is decided without anybody."""
    needs: str
    """`confirmation`, or `nothing`: then it is kept where the condition has not held."""
    figures: list[str]
    """What the condition sees now."""
    saved: bool
    """Whether the file says what serves."""
    file: str
    warnings: list[Mistake] = []


class Apply(Struct, forbid_unknown_fields=True):
    """A configuration that is to be taken into service."""

    configuration: str
    """Its text."""
    format: str = "yaml"
    """`yaml`, `json` or `toml`."""
    name: str = ""
    """What problems call the file it comes from; empty for the gateway's own."""
    author: str = ""
    message: str = ""
    window: str = ""
    """How long it is watched, such as `60s`; empty where it is final at once."""
    confirm: bool = False
    """Whether it goes back at the end of that time unless somebody confirms it."""
    rollback_if: str = ""
    """The condition on which it goes back at once, such as `error_rate > 2% or p99 > 2x`."""
    requests: int = 20
    """How many requests must have come before a condition says anything; five times as many for p95, p99."""
    save: bool = True
    """Whether the file is replaced once it is final."""
    overwrite: bool = False
    """Whether that is done even where somebody has edited it, and what it says has not served."""


class Rollback(Struct, forbid_unknown_fields=True):
    """Back to what served before."""

    steps: int = 1
    """How many changes ago."""
    id: int = 0
    """An entry of the history instead."""
    author: str = ""
    message: str = ""
    save: bool = True
    """Whether the file is replaced."""
    overwrite: bool = False
    """As in an application."""
