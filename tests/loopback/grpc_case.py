"""The test case with one gateway and one gRPC server behind it for all its tests."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tests.loopback.authority import Pair
from tests.loopback.grpc_backend import Client, GrpcBackend
from tests.loopback.http_case import HttpCase


class GrpcCase(HttpCase):
    """`client` calls through the gateway at `@PORT@`; the server is at the port `@BACKEND@`.

    Where `pair` and `ca` are set (by `prepare`), both are spoken to over TLS.
    """

    servers: ClassVar[dict[type, GrpcBackend]] = {}
    """The server of the class whose tests run now."""
    pair: ClassVar[Pair | None] = None
    ca: ClassVar[Path | None] = None

    def setUp(self) -> None:
        super().setUp()
        kind = type(self)
        if kind not in self.servers:
            for other in list(self.servers):
                self.servers.pop(other).close()
            server = self.servers[kind] = GrpcBackend(self.gateway.ports["BACKEND"], self.pair)
            server.start()
        self.client = self.start(Client(self.port, self.ca))
