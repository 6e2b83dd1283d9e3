"""The decision record: where a request goes and why, in plain data that JSON can hold.

Every `place` is `file:line:column`. What is not known is None; a verdict is one of the words named.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from msgspec import convert

NEAR = 5
"""Near misses that are told, at most."""

Verdict = Literal["passes", "answers", "refuses", "unknown"]
"""`unknown`: only a running gateway can tell; what comes after is told as if it had passed."""


@dataclass(slots=True)
class Asked:
    """What the record is about."""

    url: str
    method: str | None
    headers: list[tuple[str, str]]
    client: str


@dataclass(slots=True)
class ListenerTaken:
    """The listener that takes it."""

    name: str
    protocol: str
    port: int
    place: str
    others: list[str] = field(default_factory=list)
    """Listeners that would do as well: the question is ambiguous."""
    note: str = ""


@dataclass(slots=True)
class GuardStep:
    """What one guard says."""

    name: str
    place: str
    verdict: Verdict
    reason: str | None = None
    note: str = ""


@dataclass(slots=True)
class CertificateStep:
    """The certificate that the client is shown."""

    names: list[str]
    place: str
    asked: str
    """The name that the client asked for, "" for none."""


@dataclass(slots=True)
class Missed:
    """The first thing of a route that does not match."""

    what: str
    """A key of a match, such as `host`, `path`, `not`, `sni`, or with a name: `headers X-Beta`."""
    wanted: str
    asked: str
    place: str


@dataclass(slots=True)
class RouteStep:
    """A route: the one that is taken, one it shadows, or a near miss."""

    name: str
    place: str
    missed: Missed | None = None
    """Of a near miss."""


@dataclass(slots=True)
class MiddlewareStep:
    """What one middleware does."""

    name: str
    place: str
    verdict: Verdict = "passes"
    status: int | None = None
    reason: str | None = None
    detail: str = ""
    note: str = ""
    request: list[str] = field(default_factory=list)
    """What it changes of the request, in words."""
    response: list[str] = field(default_factory=list)
    """What it changes of the response, in words."""


@dataclass(slots=True)
class ServerStep:
    """A server of the backend, and why it is asked or passed over."""

    name: str
    place: str
    verdict: Literal["picked", "passed over"]
    why: str


@dataclass(slots=True)
class TryStep:
    """One use of a server by a request that was served."""

    server: str | None
    """None where nobody could be asked."""
    place: str
    why: str
    """Why this one."""
    outcome: Literal["answered", "failed", "unanswered"]
    """`unanswered`: the request was over before."""
    status: int | None = None
    reason: str | None = None
    detail: str = ""
    began_ms: float | None = None
    """After the head of the request was whole, or the connection was accepted."""
    ended_ms: float | None = None
    """When the head of the answer was whole, or the connection to the server there, or when it failed."""
    others: list[ServerStep] = field(default_factory=list)
    """Who was passed over, and why, as they stood when this one was picked."""


@dataclass(slots=True)
class BackendStep:
    """The backend, and who in it would be asked."""

    name: str
    place: str
    balancer: str
    servers: list[ServerStep]
    note: str = ""
    tries: list[TryStep] = field(default_factory=list)
    """Of a request that was served, instead of `servers`: who was asked, one after the other."""


@dataclass(slots=True)
class Outcome:
    """How it ends."""

    kind: Literal["server", "answer", "refused"]
    """`server`: a server of the backend is asked. `answer`: the gateway answers itself."""
    status: int | None = None
    """Of HTTP, where the gateway knows it."""
    reason: str | None = None
    """The word that the access log would have; `no_listener` where nothing accepts, so nothing is logged."""
    detail: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    """Of an answer or a refusal, those that the gateway decides on."""
    certain: bool = True
    """False where a verdict on the way is unknown."""


@dataclass(slots=True)
class Ended:
    """Of a request, connection or session that was served: what came of it."""

    line: dict[str, Any]
    """Its line in the access log."""
    note: str = ""
    """What is not known any more, or never was."""


@dataclass(slots=True)
class Record:
    """The whole way of one request, connection or datagram, as far as it goes."""

    asked: Asked
    outcome: Outcome
    listener: ListenerTaken | None = None
    guards: list[GuardStep] = field(default_factory=list)
    certificate: CertificateStep | None = None
    route: RouteStep | None = None
    shadowed: list[RouteStep] = field(default_factory=list)
    """Routes that match too, and come later: the route takes their traffic."""
    near: list[RouteStep] = field(default_factory=list)
    """Routes that almost match, the nearest first."""
    middlewares: list[MiddlewareStep] = field(default_factory=list)
    backend: BackendStep | None = None
    ended: Ended | None = None
    """None where nothing was served."""

    @property
    def verdicts(self) -> list[GuardStep | MiddlewareStep]:
        """Everything that may refuse, in the order in which it is asked."""
        return [*self.guards, *self.middlewares]

    def as_json(self) -> dict[str, Any]:
        """The record as plain data, with the same words."""
        return asdict(self)


def record_of(data: Any) -> Record:
    """A record from what `as_json` made of it."""
    return convert(data, Record)
