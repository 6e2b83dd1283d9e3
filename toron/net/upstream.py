"""What the connections to servers have in common, whichever version of HTTP they speak."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from typing import Any, Protocol

from toron.core.body import Body
from toron.core.message import Response
from toron.core.refusal import Refusal
from toron.core.server import Server
from toron.core.wait import Wait
from toron.wire.events import RequestHead, ResponseHead


class Upstream(Protocol):
    """A connection to a server, or a place on one: good for one exchange."""

    @property
    def used(self) -> bool:
        """Whether an exchange went over the connection before this one."""

    @property
    def answered(self) -> bool:
        """Whether any of the present answer has come."""

    def begin(
        self,
        head: RequestHead,
        body: Body | None,
        inform: Callable[[ResponseHead], None] | None,
        seconds: float,
        over: Callable[[Refusal | None], None],
    ) -> Wait[Response]:
        """Send a request; the answer fires when its head is here, or fails with UpstreamFailed.

        The head must come within `seconds` of the last byte sent. `over` is called when the
        exchange is: when the response is whole, or with an error when it will never be.
        """

    def cancel(self) -> None:
        """The exchange is not wanted any more."""

    def give_up(self, error: Refusal) -> None:
        """End the exchange under way with an error."""


class Connections(Protocol):
    """The connections to the servers of one backend."""

    opened: Callable[[Server], None]
    """Told of every new connection."""

    def take(self, server: Server, certain: bool) -> Upstream | None:
        """One that stands already, if there is one; `certain` asks for one that the server has not closed."""

    def open(self, server: Server, first: bytes | None = None) -> Coroutine[Any, Any, Upstream]:
        """A new one; one that begins with `first` serves one request only. Raises UpstreamFailed."""

    def idle(self, server: Server) -> int:
        """How many connections to the server wait."""

    def drop(self, server: Server) -> None:
        """The server is gone: close what waits for it, and what does not when it is done."""

    def only(self, servers: Collection[Server]) -> None:
        """Keep connections to these servers alone."""

    def close(self) -> None:
        """Close all that wait, and keep none from here on."""

    @property
    def switching(self) -> Connections:
        """Those for requests that offer to switch to another protocol."""
