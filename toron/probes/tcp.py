"""A server is well when it takes a connection, and answers what it should where it is asked something."""

from __future__ import annotations

from typing import Any

from toron.core.expression import expression
from toron.core.server import Server
from toron.core.wait import Cancelled
from toron.interfaces import Environment, Probe, ProbeFailed
from toron.net.dial import Dialer
from toron.probes._reader import Reader

_MOST = 64 << 10


def tcp_probe(
    environment: Environment, dialer: Dialer, send: bytes, expect: str | None, preface: bytes = b""
) -> Probe:
    """A probe that connects (over TLS where the server's URL says so), sends, and reads until `expect`.

    `expect` is a regular expression that the bytes received must match somewhere; `preface` is a
    PROXY header to begin with.
    """
    wanted = None if expect is None else expression(expect)

    async def probe(server: Server) -> None:
        reader = Reader()
        transport = await dialer.dial(server, reader, preface)
        try:
            if send:
                transport.write(send)
            if wanted is not None:
                await _expect(reader, wanted)
        except BaseException:
            transport.abortConnection()
            raise
        transport.loseConnection()

    return probe


async def _expect(reader: Reader, wanted: Any) -> None:
    received = b""
    while not wanted.search(received):
        try:
            data = await reader.more()
        except Cancelled:
            if not received:
                raise
            # The time is over; what it did say tells more than that.
            raise ProbeFailed(f"said {_shown(received)}") from None
        if not data:
            raise ProbeFailed(f"closed after {_shown(received)}")
        received += data
        if len(received) > _MOST:
            raise ProbeFailed(f"said {_shown(received)}")


def _shown(data: bytes) -> str:
    return repr(data[:40])[1:] if data else "nothing"
