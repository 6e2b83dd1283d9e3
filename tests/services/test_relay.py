"""The relay service: a lease, the next server before the first byte, and an account of it all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.net.wires import Taker, Wire
from toron.core.backend import Backend
from toron.core.ejection import Ejection
from toron.core.refusal import CONNECT_FAILED, CONNECT_REFUSED, Refusal, UpstreamFailed
from toron.core.retrying import Budget
from toron.core.server import Server
from toron.core.wait import Task, Wait
from toron.net.connection import Arrival, Connection
from toron.net.sweep import Sweep
from toron.observe.stats import BackendStats, ListenerStats, ServerStats
from toron.services.relay import RelayService


class First:
    """Picks the first server that is left."""

    def pick(self, servers: Sequence[Server], caller: Any) -> Server:
        return servers[0]


class RelayServices(SynchronousTestCase):
    """A client, the service, and servers that are fakes; the service dials this test."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.sweep = Sweep(self.clock)
        self.servers = [Server(f"tcp://10.0.0.{number}:80") for number in (1, 2, 3)]
        self.backend = Backend(
            "b", self.servers, First(), ejection=Ejection(1, 30.0, 300.0, 1.0), budget=Budget(1.0), attempts=2
        )
        self.down: dict[Server, UpstreamFailed] = {}
        self.hang: Wait[None] | None = None
        self.dialed: list[tuple[Server, bytes]] = []
        self.wires: list[Wire] = []
        self.lines: list[str] = []
        self.stats, self.backend_stats = ListenerStats("l4"), BackendStats("b")
        self.server_stats = {server: ServerStats("b", server) for server in self.servers}
        self.results: list[Any] = []

    async def dial(self, server: Server, protocol: Any, first: bytes = b"", *, paused: bool = False) -> Any:
        """What a Dialer does."""
        assert paused
        self.dialed.append((server, first))
        if self.hang is not None:
            await self.hang
        if server in self.down:
            raise self.down[server]
        wire = Wire()
        self.wires.append(wire)
        wire.near.protocol, wire.far.protocol = Taker(), protocol
        wire.near.protocol.makeConnection(wire.near)
        wire.far.paused = True
        return wire.far

    def serve(self, held: bytes = b"", preface: Any = None) -> None:
        """A client connects; `held` was read from it already."""
        service = RelayService(
            self.backend,
            self,  # type: ignore[arg-type]
            self.sweep,
            idle=60.0,
            preface=preface,
            stats=self.stats,
            backend_stats=self.backend_stats,
            server_stats=self.server_stats,
            started=lambda connection, backend, server: self.lines.append(f"start {backend} {server.name}"),
            finished=lambda connection, backend, server, relay: self.lines.append(
                f"end {backend} {server.name} {relay.client.received} {relay.server.received} "
                f"{relay.reason.word if relay.reason else ''}".strip()
            ),
        )
        self.client = Wire()
        self.client.near.protocol = Taker()
        arrival = Arrival()
        self.client.far.protocol = arrival
        arrival.makeConnection(self.client.far)
        self.connection = Connection(self.clock, "l4", self.client.far, ("192.0.2.1", 5), ("192.0.2.2", 80))
        arrival.belong(self.connection)
        self.connection.held = held
        Task(service(self.connection), lambda _, error: self.results.append(error)).start()

    def run_wires(self) -> None:
        """Carry until nothing moves."""
        for _ in range(5):
            for wire in (self.client, *self.wires):
                wire.run()

    def refuse(self, *numbers: int) -> None:
        """These servers refuse connections."""
        for number in numbers:
            self.down[self.servers[number]] = UpstreamFailed(CONNECT_REFUSED, untouched=True)

    def test_a_whole_relay(self) -> None:
        self.serve(held=b"early ")
        self.client.near.write(b"question")
        self.run_wires()
        self.assertEqual(self.wires[0].near.protocol.received, b"early question")
        self.wires[0].near.write(b"answer")
        self.run_wires()
        self.assertEqual(self.client.near.protocol.received, b"answer")
        self.assertEqual(self.servers[0].in_flight, 1)
        self.assertEqual(self.results, [])
        self.client.near.loseConnection()
        self.wires[0].near.loseConnection()
        self.run_wires()
        self.assertEqual(self.results, [None])
        self.assertEqual(self.lines, ["start b 10.0.0.1:80", "end b 10.0.0.1:80 14 6"])
        self.assertEqual((self.stats.bytes_in, self.stats.bytes_out), (14, 6))
        self.assertEqual(self.server_stats[self.servers[0]].connections, 1)
        self.assertEqual(self.servers[0].in_flight, 0)
        self.assertTrue(self.connection.ended.done)

    def test_bytes_are_counted_while_it_goes_on(self) -> None:
        self.serve(held=b"early ")
        self.sweep.startService()
        self.addCleanup(self.sweep.stopService)
        self.wires[0].near.write(b"answer")
        self.run_wires()
        self.clock.pump([0.2] * 7)
        self.assertEqual((self.stats.bytes_in, self.stats.bytes_out), (6, 6))
        self.clock.pump([0.2] * 7)
        self.client.near.write(b"more")
        self.run_wires()
        self.assertEqual((self.stats.bytes_in, self.stats.bytes_out), (6, 6))
        self.clock.pump([0.2] * 7)
        self.assertEqual((self.stats.bytes_in, self.stats.bytes_out), (10, 6))
        self.client.near.write(b"!")
        self.client.near.loseConnection()
        self.wires[0].near.loseConnection()
        self.run_wires()
        self.assertEqual((self.stats.bytes_in, self.stats.bytes_out), (11, 6))
        self.assertEqual(self.sweep._timed, set())

    def test_the_next_server(self) -> None:
        self.refuse(0)
        self.serve()
        self.assertEqual([server for server, _ in self.dialed], self.servers[:2])
        self.assertEqual(self.lines, ["start b 10.0.0.2:80"])
        self.assertEqual(self.backend_stats.retries, 1)
        self.assertEqual(self.server_stats[self.servers[0]].failures, {"upstream_connect_refused": 1})
        self.assertEqual([server.in_flight for server in self.servers], [0, 1, 0])
        self.serve()
        self.assertEqual(self.dialed[-1][0], self.servers[1], "the one that refused is out")

    def test_no_more_tries_than_are_allowed(self) -> None:
        self.refuse(0, 1)
        self.serve()
        (failed,) = self.results
        self.assertEqual(
            (failed.reason, failed.backend, failed.server), (CONNECT_REFUSED, "b", "10.0.0.2:80")
        )
        self.assertEqual(len(self.dialed), 2)
        self.assertEqual([server.in_flight for server in self.servers], [0, 0, 0])
        self.assertEqual(self.lines, [])

    def test_nobody_is_left(self) -> None:
        for server in self.servers:
            self.backend.set_healthy(server, False, "ill")
        self.serve()
        (failed,) = self.results
        self.assertEqual(failed.reason.word, "no_server_available")
        self.assertEqual(self.dialed, [])

    def test_what_is_our_fault_does_not_count_against_the_server(self) -> None:
        self.down[self.servers[0]] = UpstreamFailed(CONNECT_FAILED, untouched=True, ours=True)
        self.serve()
        self.assertEqual(self.servers[0].eject_until, 0.0)
        self.assertEqual(self.servers[0].suspect_until, 0.0)

    def test_a_preface_for_each_try(self) -> None:
        self.refuse(0)
        self.serve(preface=lambda connection, server: f"{connection.client_ip} {server.name}".encode())
        self.assertEqual(
            [first for _, first in self.dialed], [b"192.0.2.1 10.0.0.1:80", b"192.0.2.1 10.0.0.2:80"]
        )

    def test_the_client_is_lost_while_we_connect(self) -> None:
        self.hang = Wait()
        self.serve()
        self.client.far.lose(ConnectionLost)
        self.hang.fire(None)
        (refusal,) = self.results
        assert isinstance(refusal, Refusal)
        self.assertEqual(refusal.reason.word, "client_gone")
        self.assertFalse(self.wires[0].near.connected)
        self.assertEqual(self.servers[0].in_flight, 0)
        self.assertEqual(self.lines, [])

    def test_a_reset_is_in_the_account(self) -> None:
        self.serve()
        self.wires[0].near.abortConnection()
        self.assertEqual(self.lines[-1], "end b 10.0.0.1:80 0 0 upstream_reset")
        self.assertFalse(self.client.near.connected)
        self.assertEqual(self.results, [None])

    def test_the_gateway_stops(self) -> None:
        self.serve()
        assert self.connection.drain is not None
        self.connection.drain()
        self.connection.transport.abortConnection()
        self.assertEqual(self.lines[-1], "end b 10.0.0.1:80 0 0 drained")
