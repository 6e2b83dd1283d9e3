"""A backend whose servers are fakes that the test lets answer."""

from __future__ import annotations

from typing import Any

from tests.net.http_fakes import Transport, World, nobody
from toron.core.backend import Backend
from toron.core.body import Body
from toron.core.ejection import Ejection
from toron.core.message import Request
from toron.core.refusal import CONNECT_REFUSED, UpstreamFailed
from toron.core.retrying import Budget
from toron.core.server import Server
from toron.core.wait import Wait
from toron.net.pool import Pool
from toron.observe.stats import BackendStats, ServerStats
from toron.services.proxy import Policy, Proxy
from toron.wire.headers import Headers

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class First:
    """Picks the first server that is left."""

    def pick(self, servers: Any, caller: Any) -> Server:
        server: Server = servers[0]
        return server


class Upstreams:
    """A Proxy over `count` servers; `dialed` are the connections made, in order."""

    def __init__(
        self, case: Any, count: int = 1, failures: int = 1, attempts: int = 2, **policy: Any
    ) -> None:
        self.world = World(nobody)
        self.servers = [Server(f"http://10.0.0.{number + 1}:80") for number in range(count)]
        self.backend = Backend(
            "b", self.servers, First(), ejection=Ejection(failures, 30.0, 300.0, 1.0),
            budget=Budget(1.0), attempts=attempts,
        )  # fmt: skip
        self.stats = BackendStats("b")
        self.server_stats = {server: ServerStats("b", server) for server in self.servers}
        self.pool = Pool(self.world.sweep, self, 8, 60.0, 60.0, self.count)  # type: ignore[arg-type]
        self.dialed: list[tuple[Server, Transport, bytes]] = []
        self.down: set[Server] = set()
        self.hanging: list[Wait[None]] = []
        self.hang = False
        self._case = case
        policy.setdefault("retry_methods", frozenset({b"GET", b"PUT"}))
        self.proxy = self.make(Policy(**policy))

    def make(self, policy: Policy, **more: Any) -> Proxy:
        """Another service over the same servers."""
        return Proxy(
            self.backend, self.pool, self.world.sweep, policy,
            seconds=self.world.clock.seconds, wall=lambda: 0.0, stats=self.stats,
            server_stats=self.server_stats, **more,
        )  # fmt: skip

    def count(self, server: Server) -> None:
        """A connection to it was made."""
        self.server_stats[server].connections += 1

    async def dial(self, server: Server, protocol: Any, first: bytes = b"") -> Any:
        """As `Dialer.dial`."""
        if self.hang:
            wait: Wait[None] = Wait()
            self.hanging.append(wait)
            await wait
        if server in self.down:
            raise UpstreamFailed(CONNECT_REFUSED, untouched=True)
        transport = Transport()
        self._case.addCleanup(transport.handle.close)
        self.dialed.append((server, transport, first))
        transport.protocol = protocol
        protocol.makeConnection(transport)
        return transport

    @property
    def transport(self) -> Transport:
        """The connection made last."""
        return self.dialed[-1][1]

    def answer(self, data: bytes = OK) -> bytes:
        """The server connected to last says this; what it had heard."""
        heard = self.transport.said()
        self.transport.protocol.dataReceived(data)
        return heard


def request(method: bytes = b"GET", body: Body | None = None, *fields: tuple[bytes, bytes]) -> Request:
    """A request for /a."""
    headers = Headers([(b"Host", b"a.example"), *fields])
    return Request(method, b"/a", headers, host=b"a.example", body=body, client_ip="192.0.2.1")
