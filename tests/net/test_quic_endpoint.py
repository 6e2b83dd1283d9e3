"""Tests of an address that QUIC is spoken on: who gets in, what others are told, and how little it costs."""

from __future__ import annotations

import errno
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.quic_fakes import GATEWAY, Client, QuicWorld, first_of, packet_info
from toron.core.refusal import DENIED, Refusal
from toron.core.wait import Wait

REFUSED = 0x02


class Connections(SynchronousTestCase):
    def test_many_clients(self) -> None:
        world = QuicWorld()
        clients = [Client(world) for _ in range(20)]
        world.run()
        for number, client in enumerate(clients):
            client.say(b"%d" % number, True)
        world.run()
        self.assertEqual(sorted(int(taker.data[0]) for taker in world.taken), list(range(20)))
        self.assertEqual(len(world.endpoint.connections), 20)
        self.assertEqual((world.stats.connections, world.stats.active), (20, 20))
        for client in clients:
            client.quic.close()
        world.run(5)
        self.assertEqual((len(world.endpoint.connections), world.stats.active), (0, 0))
        self.assertEqual(world.endpoint._by_id, {})

    def test_what_connections_are_told_of_themselves(self) -> None:
        world = QuicWorld()
        world.client()
        connection = world.sessions[0].connection
        self.assertEqual((connection.client_ip, connection.client_port), ("198.51.100.1", 1001))
        self.assertEqual((connection.local_ip, connection.local_port), GATEWAY)
        self.assertEqual(connection.listener, "quic")

    def test_a_client_that_comes_from_another_port(self) -> None:
        world = QuicWorld()
        client = world.client()
        client.say(b"here ")
        world.run()
        client.address = ("198.51.100.1", 5555)
        client.say(b"and there")
        world.run()
        self.assertEqual(world.taken[0].data, {0: b"here and there"})
        world.sessions[0].say(0, b"x" * 100_000, True)
        world.sessions[0].flush()
        world.run(3)
        self.assertEqual(len(client.data[0]), 100_000)
        self.assertEqual(len(world.sessions), 1)

    def test_a_client_that_moves_and_takes_another_id(self) -> None:
        world = QuicWorld()
        client = world.client()
        # qh3 follows a connection to three further addresses.
        for turn in range(3):
            client.address = (f"203.0.113.{turn}", 7)
            client.quic.change_connection_id()
            client.say(b"%d " % turn)
            world.run()
        self.assertEqual(world.taken[0].data, {0: b"0 1 2 "})
        for _ in range(20):
            client.quic.change_connection_id()
            client.say(b"x")
            world.run()
        self.assertEqual(world.taken[0].data, {0: b"0 1 2 " + b"x" * 20})
        # Ids that are not in use any more are forgotten.
        self.assertLess(len(world.endpoint._by_id), 16)

    def test_the_same_client_in_one_batch_from_two_ports(self) -> None:
        world = QuicWorld()
        client = world.client()
        client.say(b"a")
        client.speak()
        client.address = ("198.51.100.1", 5555)
        client.say(b"b")
        client.speak()
        world.run()
        self.assertEqual(world.taken[0].data, {0: b"ab"})

    def test_datagrams_that_the_kernel_put_together(self) -> None:
        world = QuicWorld()
        client = world.client()
        client.say(b"x" * 6000, True)
        datagrams = [data for data, _ in client.quic.datagrams_to_send(world.reactor.seconds())]
        size = len(datagrams[0])
        self.assertEqual({len(each) for each in datagrams[:-1]}, {size})
        before = world.stats.datagrams_in
        world.put(b"".join(datagrams), client.address, (17, 104, size.to_bytes(4, "little")))
        self.assertEqual(world.stats.datagrams_in - before, len(datagrams))
        self.assertGreater(len(datagrams), 2)
        self.assertGreater(len(world.taken[0].data[0]), 1200 * (len(datagrams) - 1))

    def test_on_every_address_the_one_that_was_spoken_to_answers(self) -> None:
        world = QuicWorld(address=None)
        client = Client(world)
        via = packet_info("192.0.2.77")
        left: list[Any] = []
        send = world.socket.sendmsg
        world.socket.sendmsg = (
            lambda data, ancillary, flags, address: (  # type: ignore[method-assign]
                left.append(ancillary[0][:2]),
                send(data, ancillary, flags, address),
            )[1]
        )
        world.put(first_of(client), client.address, via)
        self.assertEqual(set(left), {via[:2]})
        (connection,) = world.endpoint.connections
        self.assertEqual(connection.local_ip, "192.0.2.77")

    def test_an_answer_that_has_to_wait(self) -> None:
        world = QuicWorld()
        client = world.client()
        world.socket.errors = [BlockingIOError(), OSError(errno.ENOBUFS, "full")]
        world.sessions[0].say(3, b"x" * 3000, False)
        world.sessions[0].flush()
        self.assertEqual(world.endpoint.reactor.writers, {world.endpoint})
        world.socket.errors = []
        world.endpoint.doWrite()
        self.assertEqual(world.endpoint.reactor.writers, set())
        world.run()
        self.assertEqual(client.data, {3: b"x" * 3000})

    def test_an_error_of_what_is_above_ends_one_connection(self) -> None:
        world = QuicWorld()
        clients = [world.client(), world.client()]

        def bad(*_: Any) -> None:
            raise ZeroDivisionError

        world.taken[0].stream_data = bad  # type: ignore[method-assign]
        for client in clients:
            client.say(b"x")
        world.run()
        self.assertEqual(world.taken[1].data, {0: b"x"})
        self.assertEqual(len(world.endpoint.connections), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class Guards(SynchronousTestCase):
    def test_they_are_asked_before_anything_is_said(self) -> None:
        seen: list[str] = []
        go_on: Wait[None] = Wait()

        async def guard(connection: Any, serve: Any) -> None:
            seen.append(connection.client_ip)
            await go_on
            await serve(connection)

        world = QuicWorld(guards=[guard])
        client = world.client()
        self.assertEqual((seen, client.got), (["198.51.100.1"], []))
        go_on.fire(None)
        world.run()
        self.assertEqual(len(world.sessions), 1)

    def test_who_is_refused_is_told_and_then_not_answered_for_a_while(self) -> None:
        asked = 0

        async def guard(connection: Any, serve: Any) -> None:
            nonlocal asked
            asked += 1
            raise Refusal(DENIED)

        world = QuicWorld(guards=[guard])
        client = world.client()
        self.assertEqual((client.close_code, world.refused), (REFUSED, [("198.51.100.1", "address_denied")]))
        self.assertEqual((world.endpoint.half_open, world.endpoint._by_id), (0, {}))
        again = Client(world)
        again.address = client.address
        world.run()
        self.assertEqual((again.got, asked), ([], 1))
        world.run(1.5)
        self.assertEqual((again.close_code, asked), (REFUSED, 2))

    def test_they_see_the_end(self) -> None:
        over: list[str] = []

        async def guard(connection: Any, serve: Any) -> None:
            try:
                await serve(connection)
            finally:
                over.append(connection.client_ip)

        world = QuicWorld(guards=[guard])
        client = world.client()
        self.assertEqual(over, [])
        client.quic.close()
        world.run()
        self.assertEqual(over, ["198.51.100.1"])

    def test_a_full_listener(self) -> None:
        world = QuicWorld(most=2)
        clients = [world.client() for _ in range(3)]
        self.assertEqual([client.close_code for client in clients], [None, None, REFUSED])
        self.assertEqual(world.refused, [("198.51.100.1", "too_many_connections")])
        clients[0].quic.close()
        world.run()
        self.assertIsNone(world.client().close_code)


class Detour:
    """Remembers what is passed on to another process."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = 0

    def send(self, data: bytes, address: Any, via: bytes) -> bool:
        self.sent.append(data)
        return True

    def close(self) -> None:
        self.closed += 1


class Stopping(SynchronousTestCase):
    def test_no_more_are_accepted(self) -> None:
        world = QuicWorld()
        client = world.client()
        world.endpoint.stop_accepting()
        late = world.client()
        self.assertEqual((late.got, len(world.sessions)), ([], 1))
        client.say(b"x", True)
        world.run()
        self.assertEqual(world.taken[0].data, {0: b"x"})

    def test_connections_are_asked_to_end(self) -> None:
        world = QuicWorld()
        world.client()
        asked: list[int] = []
        world.sessions[0].connection.drain = lambda: asked.append(1)
        world.endpoint.drain()
        self.assertEqual(asked, [1])

    def test_what_is_for_another_process(self) -> None:
        world = QuicWorld()
        client = world.client()
        detour = Detour()
        world.endpoint.pass_on(detour)
        world.endpoint.pause()
        world.endpoint.stop_accepting()
        self.assertIn(world.endpoint, world.reactor.readers)
        client.say(b"x", True)
        world.run()
        self.assertEqual(world.taken[0].data, {0: b"x"})
        self.assertEqual(detour.sent, [])
        world.client()
        self.assertEqual(len(world.sessions), 1)
        self.assertTrue(detour.sent)
        self.assertEqual(detour.closed, 0)
        world.sessions[0].abortConnection()
        world.run(30.0, 1.0)
        self.assertEqual(detour.closed, 1)
        self.assertNotIn(world.endpoint, world.reactor.readers)

    def test_another_process_reads_from_here_on(self) -> None:
        world = QuicWorld()
        client = world.client()
        world.endpoint.pause()
        self.assertNotIn(world.endpoint, world.reactor.readers)
        world.endpoint.resume()
        self.assertIn(world.endpoint, world.reactor.readers)
        world.endpoint.pause()
        world.endpoint.stop_accepting()
        world.deliver()
        self.assertEqual(client.close_code, 0x100, "it is told to come again")

    def test_what_is_left_is_told(self) -> None:
        world = QuicWorld()
        client = world.client()
        half = Client(world)
        half.speak()
        world.endpoint.doRead()
        world.endpoint.stopService()
        world.deliver()
        self.assertEqual(client.close_code, 0x100)
        lost = world.taken[0].lost
        assert lost is not None
        self.assertEqual(lost.reason.word, "drained")
        self.assertEqual((len(world.endpoint.connections), world.socket.closed), (0, True))
        self.assertEqual(world.endpoint.reactor.readers, set())
        world.reactor.advance(100)

    def test_it_can_be_stopped_twice(self) -> None:
        world = QuicWorld()
        world.endpoint.stopService()
        world.endpoint.doRead()
        world.endpoint.stopService()
        self.assertEqual((world.endpoint.fileno(), world.reactor.readers), (-1, set()))
