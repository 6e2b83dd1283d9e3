"""What a client for tests can do with a connection, whichever version of HTTP it speaks."""

from __future__ import annotations

from collections.abc import Sequence

from tests.loopback.versions.exchange import PATIENCE, Exchange, Field

HOST = "a.example"
"""The authority of all requests, where nothing else is said."""


class Connection:
    """A client's connection: exchanges begin with `ask`, as many at a time as the test wants.

    HTTP/1.1 opens a connection more where the others are busy; `opened` says how many there were.
    """

    opened = 1

    def ask(
        self,
        method: str,
        target: str,
        fields: Sequence[Field] = (),
        body: bytes = b"",
        *,
        length: int | None = None,
        end: bool = True,
        host: str = HOST,
    ) -> Exchange:
        """Begin an exchange.

        With `end` the request is whole, with `body` (of which the head says the length). Without it
        `send` and `end` of the exchange follow; the head says `length` where that is given. Several
        `cookie` fields are the crumbs of one (RFC 9113 section 8.2.3).
        """
        if end and (body or method not in ("GET", "HEAD")):
            length = len(body)
        exchange = self._say_head(method, target, host, fields, length, bare=end and not body)
        exchange.begin(body, end=end)
        return exchange

    def _say_head(
        self, method: str, target: str, host: str, fields: Sequence[Field], length: int | None, *, bare: bool
    ) -> Exchange:
        """Begin an exchange with its head; `bare` where no body follows, `length` where it has to be said."""
        raise NotImplementedError

    def websocket(self, target: str, fields: Sequence[Field] = (), *, host: str = HOST) -> Exchange:
        """Ask for a WebSocket; once `switched`, the bodies of the exchange are the bytes of the tunnel."""
        raise NotImplementedError

    @property
    def is_closing(self) -> bool:
        """Whether the gateway has said, as far as we listened, that it takes no more requests here."""
        raise NotImplementedError

    def until_closed(self, within: float = PATIENCE) -> None:
        """Wait until the gateway has closed; TimeoutError when it does not."""
        raise NotImplementedError

    def close(self) -> None:
        """Close it, whatever is under way."""
        raise NotImplementedError


WEBSOCKET: list[Field] = [("sec-websocket-version", "13")]
"""What every version sends with a wish for a WebSocket."""


def switched(exchange: Exchange) -> bool:
    """Whether the wish for a WebSocket was granted, in the way of any version."""
    return exchange.head().status in (101, 200)
