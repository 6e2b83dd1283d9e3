"""Tests of sending datagrams: in one call where the kernel can, later where it has no room."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.net.quic_sending import SOL_UDP, Sending, leaving_from, runs

A, B = ("127.0.0.1", 1), ("127.0.0.1", 2)


class Kernel:
    """Takes what it is told to, or raises what it is told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[bytes], Any, Any]] = []
        self.errors: list[OSError | None] = []

    def _next(self) -> None:
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error

    def sendmsg(self, data: Sequence[bytes], ancillary: Any, flags: int, address: Any) -> None:
        self._next()
        self.calls.append((list(data), ancillary, address))

    def sendto(self, data: bytes, address: Any) -> None:
        self._next()
        self.calls.append(([data], [], address))


class Runs(SynchronousTestCase):
    def sizes(self, *sizes: int) -> list[list[int]]:
        found = runs([(bytes(size), A) for size in sizes])
        self.assertEqual([len(data) for run, _ in found for data in run], list(sizes))
        return [[len(data) for data in run] for run, _ in found]

    def test_neighbours_of_one_size(self) -> None:
        self.assertEqual(self.sizes(5, 5, 5), [[5, 5, 5]])
        self.assertEqual(self.sizes(5, 5, 3), [[5, 5, 3]])
        self.assertEqual(self.sizes(5, 3, 3), [[5, 3], [3]])
        self.assertEqual(self.sizes(3, 5, 5), [[3], [5, 5]])
        self.assertEqual(self.sizes(5, 3, 5), [[5, 3], [5]])
        self.assertEqual(self.sizes(), [])

    def test_no_more_than_one_call_takes(self) -> None:
        self.assertEqual([len(run) for run in self.sizes(*[10] * 200)], [64, 64, 64, 8])
        self.assertTrue(all(sum(run) <= 65_000 for run in self.sizes(*[1500] * 100)))

    def test_addresses_are_not_mixed(self) -> None:
        found = runs([(b"1", A), (b"2", A), (b"3", B), (b"4", A)])
        self.assertEqual(found, [([b"1", b"2"], A), ([b"3"], B), ([b"4"], A)])


class Sends(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = Kernel()
        self.sending = Sending(self.kernel)  # type: ignore[arg-type]

    def sent(self) -> list[bytes]:
        return [data for run, _, _ in self.kernel.calls for data in run]

    def test_many_in_one_call(self) -> None:
        self.assertTrue(self.sending.send([(b"ab", A), (b"cd", A), (b"e", A)], []))
        ((data, ancillary, address),) = self.kernel.calls
        self.assertEqual((data, address), ([b"ab", b"cd", b"e"], A))
        self.assertEqual([(level, value[:1]) for level, _, value in ancillary], [(SOL_UDP, b"\x02")])

    def test_from_the_address_that_was_spoken_to(self) -> None:
        via = [(0, 8, b"via")]
        self.sending.send([(b"a", A), (b"b", A), (b"c", B)], via)
        self.assertEqual([ancillary[:1] for _, ancillary, _ in self.kernel.calls], [via, via])

    def test_what_there_is_no_room_for_waits_in_order(self) -> None:
        self.kernel.errors = [None, BlockingIOError()]
        self.assertFalse(self.sending.send([(b"1", A), (b"2", B), (b"3", A)], []))
        self.assertFalse(self.sending.send([(b"4", A)], []))
        self.assertEqual(self.sent(), [b"1"])
        self.kernel.errors = [None, BlockingIOError()]
        self.assertFalse(self.sending.resume())
        self.assertTrue(self.sending.resume())
        self.assertEqual(self.sent(), [b"1", b"2", b"3", b"4"])
        self.assertTrue(self.sending.send([(b"5", A)], []))
        self.assertEqual(self.sending.dropped, 0)

    def test_not_without_end(self) -> None:
        self.kernel.errors = [BlockingIOError()]
        for number in range(5000):
            self.sending.send([(b"%d" % number, A)], [])
        self.assertTrue(self.sending.resume())
        self.assertEqual((len(self.sent()), self.sending.dropped), (4096, 904))

    def test_a_device_that_does_not_cut(self) -> None:
        self.kernel.errors = [OSError(errno.EIO, "")]
        self.assertTrue(self.sending.send([(b"a", A), (b"b", A)], []))
        self.assertTrue(self.sending.send([(b"c", A), (b"d", A)], []))
        self.assertEqual([run for run, _, _ in self.kernel.calls], [[b"a"], [b"b"], [b"c"], [b"d"]])

    def test_a_device_that_does_not_cut_and_is_full(self) -> None:
        self.kernel.errors = [OSError(errno.EIO, ""), None, BlockingIOError()]
        self.assertFalse(self.sending.send([(b"a", A), (b"b", A), (b"c", A)], []))
        self.assertTrue(self.sending.resume())
        self.assertEqual(self.sent(), [b"a", b"b", b"c"])

    def test_what_can_not_be_sent_is_lost(self) -> None:
        self.kernel.errors = [OSError(errno.ENETUNREACH, ""), OSError(errno.EPERM, "")]
        self.assertTrue(self.sending.send([(b"a", A), (b"b", A), (b"c", B), (b"d", A)], []))
        self.assertEqual((self.sent(), self.sending.dropped), ([b"d"], 3))


class Loopback(SynchronousTestCase):
    def test_the_kernel_cuts(self) -> None:
        receiver, sender = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for each in (receiver, sender):
            self.addCleanup(each.close)
            each.bind(("127.0.0.1", 0))
            each.settimeout(2)
        datagrams = [bytes([number]) * 1200 for number in range(10)] + [b"end"]
        where = receiver.getsockname()
        self.assertTrue(Sending(sender).send([(data, where) for data in datagrams], []))
        self.assertEqual([receiver.recv(2000) for _ in datagrams], datagrams)


class From(SynchronousTestCase):
    def test_the_address_that_a_datagram_came_to(self) -> None:
        self.assertEqual(leaving_from(socket.AF_INET, b""), [])
        came = b"\x01\0\0\0" + bytes((127, 0, 0, 2)) + bytes((127, 0, 0, 1))
        ((level, kind, value),) = leaving_from(socket.AF_INET, came)
        self.assertEqual((level, kind), (socket.IPPROTO_IP, 8))
        self.assertEqual(value, bytes(4) + bytes((127, 0, 0, 2)) + bytes(4))
        six = bytes(16) + b"\x01\0\0\0"
        self.assertEqual(leaving_from(socket.AF_INET6, six), [(socket.IPPROTO_IPV6, 50, six)])
