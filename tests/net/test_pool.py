"""Idle connections are lent again, the one used last first, and never a dead one."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import Transport, World, nobody
from toron.core.server import Server
from toron.net.http1_client import UpstreamConnection
from toron.net.pool import Pool


class Pooling(SynchronousTestCase):
    """Two a server, for ten seconds."""

    def setUp(self) -> None:
        self.world = World(nobody)
        self.pool = Pool(self.world.sweep, 2, 10.0)
        self.server = self.world.server

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

    def test_closed(self) -> None:
        connection, transport = self.idle()
        self.pool.keep(connection)
        self.pool.close()
        self.assertEqual((transport.ending, self.pool.idle(self.server)), ("close", 0))
