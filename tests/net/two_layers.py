"""Two TLS layers, a client and a server, joined in memory."""

from __future__ import annotations

import datetime

from OpenSSL import SSL
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.net.wires import End, Wire
from toron.net import tls
from toron.net.key_pair import self_signed
from toron.net.records import PublicRecords
from toron.net.tls import TlsFailed, TlsLayer
from toron.net.tls_context import server_context

PAIR = self_signed(["server.test"], datetime.datetime.now(datetime.UTC))
DATA = bytes(range(256)) * 1024


def client_context() -> SSL.Context:
    """A context that believes everything."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_alpn_protos([b"one", b"two"])
    return context


@implementer(IHalfCloseableProtocol)
class Above:
    """Collects what the layer tells."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.ends: list[str] = []
        self.lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        assert not self.ends and self.lost is None
        self.received += data

    def readConnectionLost(self) -> None:
        self.ends.append("read")

    def writeConnectionLost(self) -> None:
        """Not told by the layer."""

    def connectionLost(self, reason: Failure) -> None:
        assert self.lost is None, "told twice"
        self.lost = reason


class Counted(End):
    """Remembers what is written to it, and how often it is paused."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.pauses = 0

    def write(self, data: bytes) -> None:
        self.written.append(data)
        super().write(data)

    def pauseProducing(self) -> None:
        self.pauses += 1
        super().pauseProducing()


class TwoLayers(SynchronousTestCase):
    """A client and a server."""

    def setUp(self) -> None:
        self.wire = Wire()
        self.near, self.far = Counted(), Counted()
        self.wire.near, self.wire.far = self.near, self.far
        self.near.other, self.far.other = self.far, self.near
        self.ready: list[TlsFailed | None] = []
        self.layers(Above(), Above())

    def layers(self, client: Above, server: Above, policy: str = "intermediate") -> None:
        """Make both, with these above."""
        self.above_client, self.above_server = client, server
        context = server_context(PAIR, policy, (b"two", b"one"))
        self.client = TlsLayer(client_context(), server=False, ready=self.ready.append, name="server.test")
        self.server = TlsLayer(context, server=True, ready=self.ready.append)
        self.client.protocol, self.server.protocol = client, server

    def shake(self, most: int = 1 << 16) -> None:
        """Shake hands."""
        self.wire.join(self.client, self.server)
        self.wire.run(most)
        self.assertEqual(self.ready, [None, None])


class ByPublicCalls:
    """The same where pyOpenSSL's insides are not as expected."""

    def setUp(self) -> None:
        self.patch(tls, "Records", PublicRecords)  # type: ignore[attr-defined]
        super().setUp()  # type: ignore[misc]
