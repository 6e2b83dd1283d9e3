"""One address, a socket for each worker, and a queue that outlives whoever accepted from it."""

from __future__ import annotations

import select
import socket

from twisted.trial.unittest import SynchronousTestCase

from toron.net.doors import Doors
from toron.net.sockets import CannotListen


class DoorsTests(SynchronousTestCase):
    def doors(self, port: int = 0, *, stream: bool = True) -> Doors:
        made = Doors("web", "127.0.0.1", port, 3, stream=stream, backlog=64)
        self.addCleanup(made.stop_accepting)
        made.bind()
        return made

    def test_one_port_for_all(self) -> None:
        doors = self.doors()
        self.assertEqual({each.getsockname() for each in doors.sockets}, {("127.0.0.1", doors.port)})
        self.assertEqual((len(doors.sockets), list(doors.connections)), (3, []))

    def test_the_kernel_spreads_who_comes(self) -> None:
        doors = self.doors()
        for _ in range(60):
            self.addCleanup(socket.create_connection(("127.0.0.1", doors.port)).close)
        readable, _, _ = select.select(doors.sockets, [], [], 1)
        self.assertEqual(len(readable), 3)

    def test_datagrams(self) -> None:
        doors = self.doors(stream=False)
        for _ in range(60):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"x", ("127.0.0.1", doors.port))
        readable, _, _ = select.select(doors.sockets, [], [], 1)
        self.assertEqual(len(readable), 3)

    def test_a_second_gateway_does_not_get_in_beside_it(self) -> None:
        for stream in (True, False):
            port = self.doors(stream=stream).port
            failure = self.assertRaises(CannotListen, self.doors, port, stream=stream)
            self.assertIn("another process has this port", str(failure))

    def test_they_may_be_somebody_elses(self) -> None:
        found = self.doors().sockets
        made = Doors("web", None, 80, 3, stream=True, backlog=64, share=lambda *_, **__: found)
        made.bind()
        self.assertEqual((made.sockets, made.port), (found, found[0].getsockname()[1]))

    def test_workers_know_no_pause(self) -> None:
        doors = self.doors()
        doors.pause()
        socket.create_connection(("127.0.0.1", doors.port)).close()
        doors.resume()
        self.assertEqual(len(doors.sockets), 3)

    def test_closed(self) -> None:
        doors = self.doors()
        doors.drain()
        doors.stop_accepting()
        doors.stop_accepting()
        self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", doors.port))
