"""As few connections as the server's limit of streams allows, made one at a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.h2_partner import Partner
from tests.net.http_fakes import Transport, World, nobody, outcome
from tests.net.test_http2_exchange import head
from toron.core.refusal import CONNECT_REFUSED, UpstreamFailed
from toron.core.server import Server
from toron.core.wait import Cancelled, Task, Wait
from toron.net.http1_client import UpstreamConnection
from toron.net.http2_exchange import UpstreamStream
from toron.net.http2_pool import Http2Pool
from toron.net.late import Late
from toron.net.pool import Pool


class Secured(Transport):
    """One over TLS, which chose a protocol."""

    alpn = ""

    def info(self) -> Any:
        return SimpleNamespace(alpn=self.alpn)


class Pooling(SynchronousTestCase):
    """The pool of a backend whose dialling waits for `let_in`."""

    def setUp(self) -> None:
        self.world = World(nobody)
        self.opened: list[Server] = []
        self.dialing: list[Wait[None]] = []
        self.dialed: list[Secured] = []
        self.alpn = "h2"
        self.down = False
        dialer: Any = self
        http1 = Pool(self.world.sweep, dialer, 8, 60.0, 30.0, self.opened.append)
        self.pool = Http2Pool(self.world.sweep, Late(), dialer, http1, 60.0, 30.0, self.opened.append)
        self.server = Server("h2c://10.0.0.1:80")

    async def dial(
        self,
        server: Server,
        protocol: Any,
        first: bytes = b"",
        *,
        paused: bool = False,
        multiplexed: bool = False,
    ) -> Any:
        """As `Dialer.dial`."""
        wait: Wait[None] = Wait()
        self.dialing.append(wait)
        await wait
        if self.down:
            raise UpstreamFailed(CONNECT_REFUSED, "down", untouched=True)
        transport = Secured()
        transport.alpn = self.alpn if multiplexed else "http/1.1"
        self.addCleanup(transport.handle.close)
        self.dialed.append(transport)
        transport.protocol = protocol
        if not paused:
            protocol.makeConnection(transport)
        return transport

    def open(self, server: Server | None = None) -> list[Any]:
        """Ask for a connection; what it gives, or raises."""
        return outcome(self.pool.open(server or self.server))

    def let_in(self) -> None:
        """The connection that is being made stands."""
        self.dialing.pop(0).fire(None)

    def partner(self) -> Partner:
        """The server at the other end of the connection made last."""
        transport = self.dialed[-1]
        partner = Partner(transport.protocol, transport, client=False)
        partner.talk()
        return partner

    def test_all_wait_for_one(self) -> None:
        asked = [self.open() for _ in range(20)]
        self.assertEqual((len(self.dialing), asked), (1, [[]] * 20))
        self.let_in()
        self.assertEqual({type(got) for [got] in asked}, {UpstreamStream})
        self.assertEqual((len(self.dialed), self.opened), (1, [self.server]))
        self.assertIsInstance(self.pool.take(self.server, True), UpstreamStream)

    def test_more_than_the_server_allows(self) -> None:
        [first] = self.opening()
        partner = self.partner()
        partner.h2.update_settings({3: 1})
        partner.talk()
        first.begin(head(), None, None, 1.0, lambda error: None)
        self.assertIsNone(self.pool.take(self.server, False))
        self.open()
        self.let_in()
        self.assertEqual(len(self.dialed), 2)

    def opening(self) -> list[Any]:
        asked = self.open()
        self.let_in()
        return asked

    def test_one_that_can_not_be_made(self) -> None:
        asked = [self.open() for _ in range(3)]
        self.down = True
        self.let_in()
        self.assertEqual([failure.reason for [failure] in asked], [CONNECT_REFUSED] * 3)
        self.assertEqual(len({id(failure) for [failure] in asked}), 3)
        self.down = False
        self.assertIsInstance(self.opening()[0], UpstreamStream)

    def test_whoever_made_it_goes_away(self) -> None:
        ended: list[BaseException | None] = []
        task = Task(self.pool.open(self.server), lambda _, error: ended.append(error))
        task.start()
        asked = self.open()
        task.cancel()
        self.assertIsInstance(ended[0], Cancelled)
        self.assertEqual(len(self.dialing), 2)
        self.dialing.pop(0)
        self.let_in()
        self.assertIsInstance(asked[0], UpstreamStream)

    def test_over_tls(self) -> None:
        server = Server("h2://a.example")
        asked = self.open(server)
        self.let_in()
        self.assertIsInstance(asked[0], UpstreamStream)
        self.assertTrue(self.dialed[0].written.startswith(b"PRI * HTTP/2.0"))

    def test_over_tls_with_a_server_that_chooses_http_1(self) -> None:
        self.alpn = "http/1.1"
        server = Server("h2://a.example")
        asked, waiting = self.open(server), self.open(server)
        self.let_in()
        connection = asked[0]
        self.assertIsInstance(connection, UpstreamConnection)
        self.assertEqual((self.dialed[0].written, self.dialed[0].reading), (b"", True))
        self.assertEqual(waiting, [])
        self.assertTrue(connection.idle(connection))
        self.assertIs(self.pool.take(server, True), connection)
        self.let_in()
        self.assertIsInstance(waiting[0], UpstreamConnection)

    def test_servers_of_http_1_beside_them(self) -> None:
        server = Server("http://10.0.0.2:80")
        asked = self.open(server)
        self.let_in()
        self.assertIsInstance(asked[0], UpstreamConnection)

    def test_one_that_is_gone(self) -> None:
        self.opening()
        self.assertEqual(self.pool.idle(self.server), 1)
        self.dialed[0].lose()
        self.assertEqual((self.pool.take(self.server, False), self.pool.idle(self.server)), (None, 0))

    def test_a_server_that_is_gone(self) -> None:
        self.opening()
        self.server.gone = True
        self.pool.drop(self.server)
        self.assertEqual((self.dialed[0].ending, self.pool.idle(self.server)), ("close", 0))
        self.assertIsNone(self.pool.take(self.server, False))

    def test_closed(self) -> None:
        self.opening()
        self.pool.close()
        self.assertEqual((self.dialed[0].ending, self.pool.idle(self.server)), ("close", 0))
