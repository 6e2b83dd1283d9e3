"""A connection of a client that speaks TLS, accepted in memory."""

from __future__ import annotations

import datetime
from collections.abc import Awaitable
from typing import Any

from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.net.wires import Taker, Wire
from toron.core.refusal import Refusal
from toron.core.wait import Task
from toron.net.certificate_source import Source
from toron.net.certificates import Certificates
from toron.net.connection import Arrival, Connection
from toron.net.key_pair import self_signed
from toron.net.tls import TlsFailed, TlsLayer

NOW = datetime.datetime.now(datetime.UTC)
CERTIFICATES = Certificates(
    [Source(self_signed([name], NOW)) for name in ("a.test", "b.test")],
    "intermediate",
    (b"one",),
    strict=True,
)


class TlsAccepted(SynchronousTestCase):
    """A connection from a client that speaks TLS, or does not."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wire = Wire()
        arrival = Arrival()
        self.wire.near.protocol = self.client = Taker()
        self.wire.far.protocol = arrival
        arrival.makeConnection(self.wire.far)
        self.connection = Connection(self.clock, "tls", self.wire.far, ("192.0.2.1", 5), ("192.0.2.2", 443))
        arrival.belong(self.connection)
        self.results: list[Any] = []

    def begin(self, serving: Awaitable[None]) -> None:
        """Serve it; `results` has the outcome once there is one."""
        Task(serving, lambda _, error: self.results.append(error)).start()

    def shake(self, name: str, *protocols: bytes, most: int = 1 << 16) -> TlsLayer:
        """A client shakes hands; nothing moves yet."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        if protocols:
            context.set_alpn_protos(list(protocols))
        self.told: list[TlsFailed | None] = []
        layer = TlsLayer(context, server=False, ready=self.told.append, name=name)
        layer.protocol = self.client
        self.wire.near.protocol = layer
        layer.makeConnection(self.wire.near)
        return layer

    def reason(self) -> str:
        """Why it was refused."""
        (refusal,) = self.results
        assert isinstance(refusal, Refusal)
        return refusal.reason.word
