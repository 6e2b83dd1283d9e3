"""A server is well when it answers a request as it should."""

from __future__ import annotations

from toron.core.body import Body
from toron.core.expression import expression
from toron.core.server import Server
from toron.interfaces import Environment, Probe, ProbeFailed
from toron.net.dial import Dialer
from toron.net.http1_client import UpstreamConnection
from toron.net.sweep import NEVER, Sweep
from toron.wire.events import RequestHead
from toron.wire.headers import Headers

_MOST = 64 << 10


def http_probe(
    environment: Environment,
    dialer: Dialer,
    sweep: Sweep,
    *,
    method: str,
    path: str,
    host: str | None,
    status: str,
    body: str | None,
    preface: bytes = b"",
) -> Probe:
    """A probe that asks for `path` over a connection of its own.

    `status` lists what is well (`200-399`, `200,204`); `body` is a regular expression that the
    answer's first 64 KiB must match; `preface` is a PROXY header to begin with.
    """
    ranges = statuses(status)
    wanted = None if body is None else expression(body)

    async def probe(server: Server) -> None:
        connection = UpstreamConnection(server, sweep, NEVER)
        headers = Headers(
            [
                (b"Host", (host or server.name).encode()),
                (b"User-Agent", b"toron-health-check"),
            ]
        )
        head = RequestHead(method.encode(), path.encode(), headers)
        try:
            await dialer.dial(server, connection, preface)
            response = await connection.begin(head, None, None, NEVER, lambda error: None)
            if not any(low <= response.status <= high for low, high in ranges):
                raise ProbeFailed(f"status {response.status}, not {status}")
            if wanted is not None:
                body_said = response.body
                if not wanted.search(body_said if isinstance(body_said, bytes) else await _first(body_said)):
                    raise ProbeFailed(f"the body does not match {body}")
        finally:
            connection.cancel()

    return probe


async def _first(body: Body) -> bytes:
    """The first 64 KiB."""
    received = b""
    while len(received) < _MOST:
        data = await body.read()
        if not data:
            break
        received += data
    return received[:_MOST]


def statuses(text: str) -> list[tuple[int, int]]:
    """`200-299,304` as pairs of a lowest and a highest status."""
    pairs = (part.partition("-") for part in text.split(","))
    return [(int(low), int(high or low)) for low, _, high in pairs]
