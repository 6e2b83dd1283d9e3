"""What the clients for tests over HTTP/2 and HTTP/3 share: exchanges are streams of one connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tests.loopback.versions.connection import HOST, WEBSOCKET, Connection
from tests.loopback.versions.exchange import PATIENCE, Exchange, Field


def octets(fields: Sequence[Field]) -> list[tuple[bytes, bytes]]:
    """Fields as they are said."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]


def texts(fields: Sequence[tuple[bytes, bytes]]) -> list[Field]:
    """Fields as they came; AssertionError where a name is not in lower case."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]
    assert all(name == name.lower() for name, _ in pairs), pairs
    return pairs


class StreamExchange(Exchange):
    """One stream."""

    def lost(self, why: str, code: int | None = None) -> None:
        """The connection is over, or will be without this."""
        self.unwanted = True
        self._got_broken(why, code)


class StreamsConnection(Connection):
    """One connection for all exchanges."""

    def __init__(self, scheme: str) -> None:
        self.closed = False
        """Whether the gateway has closed."""
        self.gone_away: int | None = None
        """What the last GOAWAY said."""
        self._scheme = scheme

    def pump(self, seconds: float) -> bool:
        """Take in what comes next, for whichever exchange it is; False when nothing came."""
        raise NotImplementedError

    def write(self) -> None:
        """Send what is owed."""
        raise NotImplementedError

    def _begin(self, fields: Sequence[Field], *, end: bool) -> Exchange:
        """A stream with a head."""
        raise NotImplementedError

    def _tunnels(self) -> int | None:
        """What the settings, which are waited for, say of extended CONNECT."""
        raise NotImplementedError

    def _say_head(
        self, method: str, target: str, host: str, fields: Sequence[Field], length: int | None, *, bare: bool
    ) -> Exchange:
        framing = [] if length is None else [("content-length", str(length))]
        pseudo = [(":method", method), (":scheme", self._scheme), (":authority", host), (":path", target)]
        return self._begin([*pseudo, *fields, *framing], end=bare)

    def websocket(self, target: str, fields: Sequence[Field] = (), *, host: str = HOST) -> Exchange:
        assert self._tunnels() == 1, "the settings do not allow extended CONNECT (RFC 8441 section 3)"
        pseudo = [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", self._scheme),
            (":authority", host), (":path", target),
        ]  # fmt: skip
        exchange = self._begin([*pseudo, *WEBSOCKET, *fields], end=False)
        self.write()
        return exchange

    @property
    def is_closing(self) -> bool:
        while self.pump(0.0):
            continue
        return self.closed or self.gone_away is not None

    def until_closed(self, within: float = PATIENCE) -> None:
        self._wait(lambda: self.closed, within, "the end of the connection")

    def _wait(self, check: Callable[[], bool], within: float, what: str) -> None:
        deadline = time.monotonic() + within
        while not check():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{what} did not come in time")
            self.pump(left)
