"""Idle connections are lent again, the one used last first, and never a dead one."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import Transport, World, nobody
from toron.core.refusal import CONNECT_REFUSED, UpstreamFailed
from toron.core.server import Server
from toron.core.wait import as_deferred
from toron.net.http1_client import UpstreamConnection
from toron.net.pool import Pool


class Pooling(SynchronousTestCase):
    """Two a server, for ten seconds."""

    def setUp(self) -> None:
        self.opened: list[Server] = []
        self.dialed: list[tuple[Server, Transport, bytes]] = []
        self.world = World(nobody)
        self.pool = Pool(self.world.sweep, self, 2, 10.0, 30.0, self.opened.append)  # type: ignore[arg-type]
        self.server = self.world.server

    async def dial(self, server: Server, protocol: Any, first: bytes = b"") -> Any:
        """As `Dialer.dial`."""
        if server.port == 1:
            raise UpstreamFailed(CONNECT_REFUSED, untouched=True)
        transport = Transport()
        self.addCleanup(transport.handle.close)
        self.dialed.append((server, transport, first))
        transport.protocol = protocol
        protocol.makeConnection(transport)
        return transport

    def idle(self, server: Server | None = None) -> tuple[UpstreamConnection, Transport]:
        transport = Transport()
        self.addCleanup(transport.handle.close)
        connection = UpstreamConnection(server or self.server, self.world.sweep, 30.0)
        connection.gone = self.pool.forget
        transport.protocol = connection
        connection.makeConnection(transport)
        return connection, transport

    def test_the_last_comes_first(self) -> None:
        one, two = self.idle()[0], self.idle()[0]
        self.assertTrue(self.pool.keep(one) and self.pool.keep(two))
        self.assertEqual(self.pool.idle(self.server), 2)
        self.assertEqual([self.pool.take(self.server, True) for _ in range(3)], [two, one, None])

    def test_servers_do_not_share(self) -> None:
        self.pool.keep(self.idle()[0])
        self.assertIsNone(self.pool.take(Server("http://10.0.0.2:80"), False))

    def test_no_more_than_there_is_room_for(self) -> None:
        kept = [self.pool.keep(self.idle()[0]) for _ in range(3)]
        self.assertEqual(kept, [True, True, False])

    def test_idle_for_too_long(self) -> None:
        connection, transport = self.idle()
        self.pool.keep(connection)
        self.world.pass_time(10.1)
        self.assertEqual(transport.ending, "close")
        self.assertIsNone(self.pool.take(self.server, False))

    def test_lost_while_idle(self) -> None:
        connection, transport = self.idle()
        self.pool.keep(connection)
        transport.lose()
        self.assertEqual(self.pool.idle(self.server), 0)

    def test_closed_by_the_server_but_not_noticed_yet(self) -> None:
        for say in (b"", b"408"):
            connection, transport = self.idle()
            self.pool.keep(connection)
            transport.handle.peers.send(say) if say else transport.handle.peers.close()
            self.assertIsNone(self.pool.take(self.server, True))
            self.assertEqual(transport.ending, "close")
        connection, transport = self.idle()
        self.pool.keep(connection)
        transport.handle.peers.close()
        self.assertIs(self.pool.take(self.server, False), connection, "who can ask again need not be certain")

    def test_a_server_that_is_gone(self) -> None:
        other = Server("http://10.0.0.2:80")
        (kept, closed), (busy, _), (stays, open) = self.idle(), self.idle(), self.idle(other)
        self.assertTrue(self.pool.keep(kept) and self.pool.keep(stays))
        self.server.gone = True
        self.pool.drop(self.server)
        self.assertEqual((closed.ending, open.ending), ("close", ""))
        self.assertEqual(self.pool.idle(self.server), 0)
        self.assertFalse(self.pool.keep(busy), "what was under way is not kept either")
        self.assertIs(self.pool.take(other, False), stays)
        self.pool.drop(self.server)

    def test_closed(self) -> None:
        connection, transport = self.idle()
        self.pool.keep(connection)
        self.pool.close()
        self.assertEqual((transport.ending, self.pool.idle(self.server)), ("close", 0))

    def test_closed_for_good(self) -> None:
        connection, _ = self.idle()
        self.pool.close()
        self.assertFalse(self.pool.keep(connection), "an exchange that was under way leaves nothing behind")

    def test_some_servers_only(self) -> None:
        other = Server("http://10.0.0.2:80")
        (kept, stays), (gone, goes) = self.idle(), self.idle(other)
        self.pool.keep(kept)
        self.pool.keep(gone)
        self.pool.only([self.server])
        self.assertEqual((stays.ending, goes.ending), ("", "close"))
        self.assertIs(self.pool.take(self.server, False), kept)
        self.assertEqual(self.pool.idle(other), 0)

    def test_opened(self) -> None:
        connection = self.successResultOf(as_deferred(self.pool.open(self.server)))
        [(server, transport, first)] = self.dialed
        self.assertEqual((server, first, self.opened), (self.server, b"", [self.server]))
        assert connection.idle is not None
        self.assertTrue(connection.idle(connection))
        self.assertIs(self.pool.take(self.server, True), connection)
        self.pool.keep(connection)
        transport.lose()
        self.assertEqual(self.pool.idle(self.server), 0)

    def test_one_that_begins_with_something_is_not_kept(self) -> None:
        connection = self.successResultOf(as_deferred(self.pool.open(self.server, b"PROXY ")))
        self.assertEqual((self.dialed[0][2], connection.idle, connection.gone), (b"PROXY ", None, None))

    def test_one_that_can_not_be_opened(self) -> None:
        failure = self.failureResultOf(as_deferred(self.pool.open(Server("http://10.0.0.1:1"))))
        self.assertIs(failure.check(UpstreamFailed), UpstreamFailed)
        self.assertEqual(self.opened, [])

    def test_adopted(self) -> None:
        transport = Transport()
        self.addCleanup(transport.handle.close)
        connection = self.pool.adopt(self.server, transport)
        self.assertIs(transport.protocol, connection)
        self.assertEqual(self.opened, [self.server])
        assert connection.idle is not None
        self.assertTrue(connection.idle(connection))
        self.assertIs(self.pool.take(self.server, True), connection)

    def test_a_switch_is_asked_for_here_too(self) -> None:
        self.assertIs(self.pool.switching, self.pool)
