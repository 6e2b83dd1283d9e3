"""Everything the author of a plug-in reads.

A plug-in is one module with a sentence as its docstring, a pydantic model `Options`, and one
function `make(options, environment)` that returns the behaviour:

| drawer      | `make` returns                                                           |
|-------------|--------------------------------------------------------------------------|
| balancers   | a `Balancer`                                                             |
| discovery   | a `Discover`: `async def (publisher) -> None`, which goes on until it is cancelled |
| middleware  | a `Middleware`: `async def (request, service) -> Response`               |
| guards      | a `Guard`: `async def (connection, serve) -> None`                       |
| probes      | a `Probe`: `async def (server) -> None`, raising when the server is ill  |

Refuse by raising `Refusal` with a reason of `toron.core.refusal`. A guard's or middleware's module
may also have a function `note(options, asked) -> str`, asked with the connection or request: what
`toron explain` should add to the verdict, where a running gateway may know more than it does.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol

from twisted.logger import Logger

from toron.core.body import Body, BodyFailed
from toron.core.limits import Limits
from toron.core.message import Middleware, Request, Response, Service
from toron.core.refusal import Reason, Refusal
from toron.core.rise_fall import ProbeFailed
from toron.core.server import Server
from toron.wire.headers import Headers


class Environment:
    """What a plug-in is handed besides its options: the clock, randomness, the log, limits.

    `name` is what the configuration calls this use of the plug-in, `folder` where relative
    paths start, `reactor` Twisted's reactor (typed Any: it provides what your code asks of it).
    What `limits` makes holds for all workers together; ask for it in `make`, not later.
    """

    __slots__ = ("folder", "limits", "log", "name", "random", "reactor", "seconds")

    def __init__(
        self,
        name: str,
        reactor: Any,
        random: random.Random,
        log: Logger,
        folder: str = ".",
        limits: Limits | None = None,
    ) -> None:
        self.name = name
        self.reactor = reactor
        self.seconds: Callable[[], float] = reactor.seconds
        self.random = random
        self.log = log
        self.folder = folder
        self.limits = limits or Limits()


class Caller(Protocol):
    """Who a server is picked for: a Request, a connection or a UDP session."""

    @property
    def client_ip(self) -> str:
        """The client's address, after PROXY headers and trusted proxies."""


class Balancer(Protocol):
    """Picks a server."""

    def pick(self, servers: Sequence[Server], caller: Caller) -> Server:
        """One of `servers`: never empty, all healthy, none of them tried for this caller yet."""


class Publisher(Protocol):
    """Takes what a discovery provider finds out about one backend."""

    def publish(self, servers: Iterable[Server]) -> None:
        """These are all the servers there are now, the one to prefer first; say so as often as you like.

        The backend finds out what is different: a server with a URL that it knows stays what it is.
        None at all, or one whose scheme is not that of the options, counts as `failed`.
        """

    def failed(self, why: str) -> None:
        """Nothing could be found out, in a few words: the servers that were published last stay."""


class Connection(Protocol):
    """An accepted connection (or a new UDP session) as a guard sees it, before a byte is read."""

    @property
    def client_ip(self) -> str:
        """The client's address, after a PROXY header."""

    @property
    def client_port(self) -> int:
        """The client's port, after a PROXY header."""

    @property
    def peer_ip(self) -> str:
        """The address the connection came from."""

    @property
    def listener(self) -> str:
        """The listener's name."""


Serve = Callable[[Any], Awaitable[None]]
"""Serves a connection; done when the connection has ended."""

Guard = Callable[[Any, Serve], Awaitable[None]]
"""Stands before `Serve`: may refuse (raise Refusal), and sees the connection end."""

Discover = Callable[[Publisher], Awaitable[None]]
"""Says which servers a backend has, and again whenever that changes, until it is cancelled."""

Probe = Callable[[Server], Awaitable[None]]
"""Checks a server once: returns when it is well, raises ProbeFailed when it is not."""


__all__ = [
    "Balancer",
    "Body",
    "BodyFailed",
    "Caller",
    "Connection",
    "Discover",
    "Environment",
    "Guard",
    "Headers",
    "Limits",
    "Middleware",
    "Probe",
    "ProbeFailed",
    "Publisher",
    "Reason",
    "Refusal",
    "Request",
    "Response",
    "Serve",
    "Server",
    "Service",
]
