"""Tests of datagrams of no connection: who gets in, what others are told, and how little it costs."""

from __future__ import annotations

import os
import random

from aioquic.buffer import Buffer
from aioquic.quic import events
from aioquic.quic.packet import QuicPacketType, pull_quic_header
from qh3.quic.configuration import QuicConfiguration
from qh3.quic.connection import QuicConnection
from twisted.trial.unittest import SynchronousTestCase

from tests.net.quic_fakes import GATEWAY, IDENTITIES, NOW, Client, QuicWorld, first_of
from toron.net.certificate_source import Source
from toron.net.certificates import Certificates
from toron.net.key_pair import KeyPair, self_signed
from toron.net.quic_identities import Identities
from toron.net.quic_packet import reset_token


def kind(packet: bytes) -> QuicPacketType:
    return QuicPacketType(pull_quic_header(Buffer(data=packet), 8).packet_type)


class Proof(SynchronousTestCase):
    """Clients that have to show that they get what is sent to them (RFC 9000 section 8)."""

    def test_always(self) -> None:
        world = QuicWorld(retry=True)
        client = world.client()
        self.assertEqual(kind(client.got[0]), QuicPacketType.RETRY)
        client.say(b"hello", True)
        world.run()
        self.assertEqual(world.taken[0].data, {0: b"hello"})

    def test_nothing_is_kept_of_those_who_do_not(self) -> None:
        world = QuicWorld(retry=True)
        for _ in range(200):
            client = Client(world)
            world.put(first_of(client), client.address)
        self.assertEqual((world.endpoint.connections, world.endpoint._by_id), (set(), {}))
        self.assertEqual({kind(data) for data, _ in world.socket.sent}, {QuicPacketType.RETRY})

    def test_a_token_of_somebody_else(self) -> None:
        world = QuicWorld(retry=True)
        client = Client(world)
        while client.speak():
            world.endpoint.doRead()
            for data, _ in world.socket.sent:
                client.hear(data)
            world.socket.sent.clear()
            if client.got:
                break
        second = client.quic.datagrams_to_send(world.reactor.seconds())[0][0]
        world.put(second, ("203.0.113.66", 6))
        self.assertEqual(world.endpoint.connections, set())
        self.assertEqual([kind(data) for data, _ in world.socket.sent], [QuicPacketType.RETRY])
        world.put(second, client.address)
        self.assertEqual(len(world.endpoint.connections), 1)

    def test_when_many_shake_hands(self) -> None:
        world = QuicWorld()
        clients = [Client(world) for _ in range(130)]
        for client in clients:
            world.put(first_of(client), client.address)
        self.assertEqual(world.endpoint.half_open, 100)
        kinds = [kind(data) for data, address in world.socket.sent if address[1] > 1100]
        self.assertEqual(set(kinds[-30:]), {QuicPacketType.RETRY})
        # Who proves the address gets in all the same.
        world.clients[:] = clients[120:]
        world.socket.sent.clear()
        world.run(1.5)
        self.assertEqual(len(world.sessions), 10)

    def test_there_is_an_end_to_handshakes(self) -> None:
        world = QuicWorld(handshakes=5)
        for _ in range(20):
            client = Client(world)
            world.put(first_of(client), client.address)
        self.assertEqual((world.endpoint.half_open, len(world.endpoint.connections)), (5, 5))
        self.assertEqual(world.stats.datagrams_dropped, 15)
        world.run(6)
        self.assertEqual((world.endpoint.half_open, len(world.endpoint.connections)), (0, 0))

    def answered(self, world: QuicWorld, sent: bytes) -> int:
        """Bytes that come back for a datagram, to a victim who never answers."""
        world.clients.clear()
        world.put(sent, ("203.0.113.1", 1))
        total = 0
        for _ in range(600):
            total += sum(len(data) for data, _ in world.socket.sent)
            world.socket.sent.clear()
            world.reactor.advance(0.01)
        return total

    def test_a_forged_address_gets_no_more_than_three_times_as_much(self) -> None:
        # With as large a certificate as there may be: the limit is what stops it.
        chain = b"".join(
            self_signed([f"{number}.test" for number in range(60)], NOW).chain for _ in range(12)
        )
        leaf = self_signed(["a.test"], NOW)
        large = Identities(
            Certificates([Source(KeyPair(leaf.chain + chain, leaf.key))], "modern", (), strict=True)
        )
        for identities, least in ((IDENTITIES, 1000), (large, 3000)):
            for size in (1200, 1252, 1350):
                world = QuicWorld(identities=identities)
                sent = first_of(Client(world, max_datagram_size=size))
                back = self.answered(world, sent)
                self.assertLessEqual(back, 3 * len(sent))
                self.assertGreater(back, least)

    def test_a_large_certificate_arrives(self) -> None:
        chain = b"".join(
            self_signed([f"{number}.test" for number in range(60)], NOW).chain for _ in range(12)
        )
        leaf = self_signed(["a.test"], NOW)
        large = Identities(
            Certificates([Source(KeyPair(leaf.chain + chain, leaf.key))], "modern", (), strict=True)
        )
        self.assertGreater(len(chain), 12_000)
        world = QuicWorld(identities=large)
        client = Client(world)
        world.run(3)
        self.assertEqual(len(client.heard_of(events.HandshakeCompleted)), 1)


class Strangers(SynchronousTestCase):
    def test_another_version(self) -> None:
        world = QuicWorld()
        world.put(b"\xc0\xff\0\0\x1d\x08serverid\x08clientid" + bytes(1200))
        ((answer, address),) = world.socket.sent
        read = pull_quic_header(Buffer(data=answer), 8)
        self.assertEqual(read.packet_type, QuicPacketType.VERSION_NEGOTIATION)
        self.assertEqual((read.destination_cid, read.source_cid), (b"clientid", b"serverid"))
        self.assertEqual((read.supported_versions, address), ([1], ("203.0.113.9", 9)))

    def test_another_version_in_too_small_a_datagram(self) -> None:
        world = QuicWorld()
        world.put(b"\xc0\xff\0\0\x1d\x08serverid\x08clientid" + bytes(1000))
        self.assertEqual(world.socket.sent, [])

    def test_negotiation_is_not_answered_with_negotiation(self) -> None:
        world = QuicWorld()
        world.put(b"\xc0\0\0\0\0\x08serverid\x08clientid" + bytes(1200))
        self.assertEqual(world.socket.sent, [])

    def test_a_connection_that_is_not_here(self) -> None:
        world = QuicWorld()
        world.put(b"\x40someonesid" + bytes(100))
        ((answer, _),) = world.socket.sent
        self.assertEqual(answer[-16:], reset_token(IDENTITIES.reset_key, b"someones"))

    def test_a_gateway_that_began_anew_says_so(self) -> None:
        world = QuicWorld()
        configuration = QuicConfiguration(alpn_protocols=["h3"], server_name="a.test", verify_mode=0)
        client = QuicConnection(configuration=configuration)
        client.connect(GATEWAY, 0.0)
        for turn in range(20):
            self.exchange(client, world, turn / 100)
        self.assertEqual(len(world.sessions), 1)
        restarted = QuicWorld()
        client.send_stream_data(0, b"x" * 200)
        self.assertIsNone(client._close_event)
        self.exchange(client, restarted, 0.3)
        self.assertIsNotNone(client._close_event)

    def exchange(self, client: QuicConnection, world: QuicWorld, now: float) -> None:
        """One time there and back."""
        for data, _ in client.datagrams_to_send(now):
            world.put(data, ("198.51.100.9", 9))
        for data, _ in world.socket.sent:
            client.receive_datagram(data, GATEWAY, now)
        world.socket.sent.clear()
        world.reactor.advance(0.01)

    def test_answers_to_strangers_are_few(self) -> None:
        world = QuicWorld()
        for _ in range(1000):
            world.put(b"\x40" + os.urandom(60))
            world.put(b"\xc0\xff\0\0\x1d\x08" + os.urandom(8) + b"\x08clientid" + bytes(1200))
        self.assertLessEqual(len(world.socket.sent), 100)
        self.assertGreaterEqual(world.stats.datagrams_dropped, 1900)

    def test_an_initial_that_is_too_small(self) -> None:
        world = QuicWorld()
        sent = first_of(Client(world))
        world.put(sent[:1199])
        self.assertEqual((world.socket.sent, world.endpoint.connections), ([], set()))

    def test_other_packets_begin_nothing(self) -> None:
        world = QuicWorld()
        sent = bytearray(first_of(Client(world)))
        for first in (0xD0, 0xE0, 0xF0):
            sent[0] = first
            world.put(bytes(sent))
        self.assertEqual((world.socket.sent, world.endpoint.connections), ([], set()))

    def test_nonsense(self) -> None:
        chance = random.Random(7)
        world = QuicWorld()
        good = first_of(Client(world))
        for turn in range(3000):
            if turn % 2:
                data = bytearray(good)
                for _ in range(chance.randrange(1, 20)):
                    data[chance.randrange(60)] = chance.randrange(256)
                text = bytes(data[: chance.choice((1200, 1200, chance.randrange(1200)))])
            else:
                text = chance.randbytes(chance.choice((0, 1, 6, 7, 30, 1200, 1500)))
            world.put(text, ("203.0.113.9", turn))
        self.assertLessEqual(world.endpoint.half_open, 1000)
        world.run(70, 0.5)
        self.assertEqual((world.endpoint.half_open, len(world.endpoint.connections)), (0, 0))
        self.assertEqual(world.endpoint._by_id, {})

    def test_nonsense_for_a_connection_that_is_there(self) -> None:
        chance = random.Random(8)
        world = QuicWorld()
        client = world.client()
        ids = list(world.endpoint._by_id)
        for _ in range(1000):
            target = chance.choice(ids)
            size = chance.choice((0, 1, 5, 20, 40, 1200))
            first = chance.choice((b"\x40", b"\x5f", b"\xc0\0\0\0\1" + bytes((len(target),))))
            world.put(
                first + target + chance.randbytes(size), chance.choice((client.address, ("203.0.113.1", 1)))
            )
        client.say(b"still there", True)
        world.run()
        self.assertEqual(world.taken[0].data, {0: b"still there"})
