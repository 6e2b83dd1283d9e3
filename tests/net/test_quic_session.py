"""Tests of one client's QUIC connection, as the transport of what is above."""

from __future__ import annotations

from typing import Any

from aioquic.quic import events
from twisted.trial.unittest import SynchronousTestCase

from tests.net.quic_fakes import Client, QuicWorld, Taker
from toron.core.refusal import DENIED
from toron.net.quic_accept import accept_quic
from toron.net.quic_session import QuicSession


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = QuicWorld()
        self.client: Client = self.world.client()
        self.session: QuicSession = self.world.sessions[0]
        self.taker: Taker = self.world.taken[0]


class Streams(Case):
    def test_both_ways(self) -> None:
        self.client.say(b"hello ")
        self.client.say(b"you", True)
        self.world.run()
        self.assertEqual((self.taker.data, self.taker.told), ({0: b"hello you"}, [("end", 0)]))
        self.session.say(0, b"hello", False)
        self.session.say(0, b"", True)
        self.session.flush()
        self.world.run()
        self.assertEqual(self.client.data, {0: b"hello"})
        (last, *_) = [
            event for event in self.client.told[::-1] if isinstance(event, events.StreamDataReceived)
        ]
        self.assertTrue(last.end_stream)

    def test_settling_ends_each_batch(self) -> None:
        for stream in (0, 4, 8):
            self.client.say(b"x", True, stream)
        self.client.speak()
        before = self.taker.settled
        self.world.endpoint.doRead()
        self.assertEqual((len(self.taker.data), self.taker.settled - before), (3, 1))

    def test_a_stream_of_our_own(self) -> None:
        number = self.session.open()
        self.session.say(number, b"ours", False)
        self.session.flush()
        self.world.run()
        self.assertEqual(self.client.data, {number: b"ours"})

    def test_resets(self) -> None:
        for stream in (0, 4, 8):
            self.client.say(b"x", False, stream)
        self.world.run()
        self.client.quic.reset_stream(0, 7)
        self.client.quic.stop_stream(4, 8)
        self.session.reset(8, 9)
        self.session.refuse_stream(8, 10)
        self.session.flush()
        self.world.run(1)
        self.assertEqual(
            set(self.taker.told) - {("finished",)}, {("reset", 0, 7), ("refused", 4, 8), ("reset", 8, 10)}
        )
        (reset,) = self.client.heard_of(events.StreamReset)[-1:]
        self.assertEqual(
            {(e.stream_id, e.error_code) for e in self.client.heard_of(events.StreamReset)}, {(4, 8), (8, 9)}
        )
        (stopped,) = self.client.heard_of(events.StopSendingReceived)
        self.assertEqual((stopped.stream_id, stopped.error_code, reset.stream_id in (4, 8)), (8, 10, True))

    def test_what_is_asked_of_streams_that_are_gone(self) -> None:
        self.client.say(b"x", True)
        self.world.run()
        self.session.say(0, b"y", True)
        self.session.flush()
        self.world.run(1)
        for stream in (0, 4, 400, 1):
            self.session.reset(stream, 1)
            self.session.refuse_stream(stream, 1)
            self.session.credit(stream, 10)
        self.session.say(0, b"more", False)
        self.session.flush()
        self.world.run(1)
        self.assertIsNone(self.client.close_code)

    def test_what_is_queued(self) -> None:
        self.client.say(b"x", True)
        self.world.run()
        self.assertEqual(self.session.queued(0), 0)
        self.session.say(0, bytes(4 << 20), True)
        self.assertEqual(self.session.queued(0), 4 << 20)
        self.session.flush()
        # A client takes no more than its window, and the network no more than it has shown to take.
        self.assertLess(self.session.queued(0), 4 << 20)
        self.world.run(2)
        self.assertEqual(len(self.client.data[0]), 4 << 20)
        self.assertEqual(self.session.queued(0), 0)

    def test_more_is_asked_for_as_long_as_there_is_some(self) -> None:
        self.session.open()
        self.taker.wants_more = 3
        self.session.say(3, b"x" * 5000, False)
        self.session.flush()
        self.assertLess(self.taker.wants_more, 3)

    def test_a_sign_of_life(self) -> None:
        self.world.run(2)
        before = len(self.client.got)
        self.session.ping()
        self.world.run()
        self.assertGreater(len(self.client.got), before)


class Ends(Case):
    def test_the_client_closes(self) -> None:
        self.client.quic.close(0x100)
        self.world.run()
        assert self.taker.lost is not None
        self.assertEqual(self.taker.lost.reason.word, "client_gone")
        self.assertEqual(len(self.world.endpoint.connections), 0)
        self.nothing_is_said()
        self.world.run(5)
        self.assertEqual(self.world.endpoint._by_id, {})

    def nothing_is_said(self) -> None:
        """Whatever is asked of a session that is over."""
        session = self.session
        session.say(0, b"x", True)
        session.reset(0, 1)
        session.refuse_stream(0, 1)
        session.credit(0, 5)
        session.ping()
        session.flush()
        session.close(0x100)
        session.loseConnection()
        session.abortConnection()
        self.assertEqual((session.queued(0), session.unfinished), (0, False))

    def test_we_close(self) -> None:
        self.session.close(0x10C, "that is all")
        self.world.run()
        self.assertEqual(self.client.close_code, 0x10C)
        # It was asked for: nobody has to be told.
        self.assertIsNone(self.taker.lost)
        self.assertEqual(len(self.world.endpoint.connections), 0)
        self.nothing_is_said()

    def test_the_last_word_is_said_again_to_a_client_that_missed_it(self) -> None:
        self.session.close(0x100)
        self.session.send()
        self.world.socket.sent.clear()
        for _ in range(3):
            self.client.quic.send_ping(1)
            self.world.run(0.05)
        self.assertEqual(self.client.close_code, 0x100)

    def test_it_is_cut(self) -> None:
        self.session.connection.refuse(DENIED)
        self.world.run()
        self.assertEqual(self.client.close_code, 0x100)
        self.assertIsNotNone(self.taker.lost)

    def test_the_client_is_gone_without_a_word(self) -> None:
        world = QuicWorld(idle=20.0)
        world.client()
        world.clients.clear()
        world.run(19, 0.5)
        self.assertIsNone(world.taken[0].lost)
        world.run(3, 0.5)
        self.assertIsNotNone(world.taken[0].lost)
        self.assertEqual((world.endpoint.connections, world.endpoint._by_id), (set(), {}))
        world.run(60, 0.5)
        self.assertEqual(world.reactor.getDelayedCalls(), [])

    def test_nothing_comes_before_somebody_takes_it(self) -> None:
        kept: list[QuicSession] = []

        async def serve(connection: Any) -> None:
            kept.append(await accept_quic(connection, 5.0))
            await connection.ended

        world = QuicWorld(serve)
        client = world.client()
        client.say(b"early", True)
        world.run()
        taker = Taker()
        kept[0].attach(taker)
        self.assertEqual((taker.data, taker.told), ({0: b"early"}, [("end", 0)]))


class Handshake(SynchronousTestCase):
    def test_no_more_is_heard_than_a_handshake_takes(self) -> None:
        world = QuicWorld()
        client = Client(world)
        first = client.quic.datagrams_to_send(0.0)[0][0]
        for _ in range(40):
            world.put(first, client.address)
        self.assertEqual((world.endpoint.half_open, len(world.endpoint.connections)), (0, 0))
        self.assertEqual(world.refused, [("198.51.100.1", "handshake_failed")])

    def test_what_comes_while_guards_think_is_kept_but_not_without_end(self) -> None:
        async def guard(connection: Any, serve: Any) -> None:
            sessions.append(connection.transport)
            await connection.ended

        sessions: list[QuicSession] = []
        world = QuicWorld(guards=[guard])
        client = Client(world)
        first = client.quic.datagrams_to_send(0.0)[0][0]
        for _ in range(40):
            world.put(first, client.address)
        self.assertEqual(len(sessions[0]._batch), 16)
