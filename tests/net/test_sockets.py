"""Listening sockets: what they are set to, and what is said when there is none."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from tests.loopback.sockets import free_port
from toron.net.sockets import (
    CannotListen,
    Sockets,
    check_free,
    listening_socket,
    shared_sockets,
    written_place,
)


class Opening(SynchronousTestCase):
    """On loopback."""

    def opened(self, address: str | None, port: int = 0, *, stream: bool = True) -> socket.socket:
        """A socket that is closed after the test."""
        made = listening_socket("web", address, port, stream=stream)
        self.addCleanup(made.close)
        return made

    def test_every_address_is_both_families(self) -> None:
        port = self.opened(None).getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, port), timeout=1) as client:
                self.assertEqual(client.getpeername()[:2], (host, port))

    def test_one_address_is_one_family(self) -> None:
        port = self.opened("::1").getsockname()[1]
        socket.create_connection(("::1", port), timeout=1).close()
        self.assertRaises(OSError, socket.create_connection, ("127.0.0.1", port), 1)
        self.assertEqual(self.opened("127.0.0.1").family, socket.AF_INET)

    def test_every_ipv6_address_leaves_ipv4_alone(self) -> None:
        port = self.opened("::").getsockname()[1]
        self.assertEqual(self.opened("127.0.0.1", port).getsockname(), ("127.0.0.1", port))

    def test_accepted_sockets_are_set_up(self) -> None:
        listener = self.opened("127.0.0.1")
        self.assertFalse(listener.getblocking())
        self.assertFalse(listener.get_inheritable())
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            self.addCleanup(accepted.close)
            self.assertTrue(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            self.assertTrue(accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def test_datagrams(self) -> None:
        made = self.opened("127.0.0.1", stream=False)
        self.assertEqual(made.type, socket.SOCK_DGRAM)
        usual = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(usual.close)
        size = socket.SOL_SOCKET, socket.SO_RCVBUF
        self.assertGreater(made.getsockopt(*size), usual.getsockopt(*size))

    def shared(self, address: str | None, port: int = 0, *, stream: bool = True) -> list[socket.socket]:
        made = shared_sockets("web", address, port, 2, stream=stream)
        for each in made:
            self.addCleanup(each.close)
        return made

    def test_several_on_one_port(self) -> None:
        for address in ("127.0.0.1", "::1", None):
            for stream in (True, False):
                one, two = self.shared(address, stream=stream)
                self.assertEqual(one.getsockname(), two.getsockname())
                self.assertFalse(one.getblocking() or two.getblocking())
                self.assertTrue(one.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT))

    def test_several_share_with_nobody_else(self) -> None:
        for stream in (True, False):
            port = self.opened("127.0.0.1", stream=stream).getsockname()[1]
            self.assertRaises(CannotListen, self.shared, "127.0.0.1", port, stream=stream)
            port = self.shared("127.0.0.1", stream=stream)[0].getsockname()[1]
            self.assertRaises(CannotListen, self.opened, "127.0.0.1", port, stream=stream)
            failure = self.assertRaises(CannotListen, self.shared, "127.0.0.1", port, stream=stream)
            self.assertIn("another process has this port", str(failure))

    def test_a_port_that_is_taken(self) -> None:
        port = self.opened("127.0.0.1").getsockname()[1]
        for stream, word in ((True, "TCP"), (False, "UDP")):
            if not stream:
                self.opened("127.0.0.1", port, stream=False)
            error = self.assertRaises(CannotListen, self.opened, "127.0.0.1", port, stream=stream)
            self.assertEqual(
                str(error),
                f"listener 'web' can not listen on {word} 127.0.0.1:{port}: Address already in use "
                "(another process has this port; stop it, or choose another port)",
            )

    def test_one_that_is_free_is_not_taken_by_asking(self) -> None:
        for stream in (True, False):
            port = free_port()
            check_free("web", "127.0.0.1", port, stream=stream)
            self.opened("127.0.0.1", port, stream=stream)
            error = self.assertRaises(CannotListen, check_free, "web", "127.0.0.1", port, stream=stream)
            self.assertIn("another process has this port", str(error))

    def test_an_address_that_is_elsewhere(self) -> None:
        error = self.assertRaises(CannotListen, self.opened, "192.0.2.1", 80)
        self.assertIn("TCP 192.0.2.1:80", str(error))
        self.assertIn("this machine does not have the address", str(error))
        error = self.assertRaises(CannotListen, self.opened, "2001:db8::1", 80)
        self.assertIn("TCP [2001:db8::1]:80", str(error))

    def test_everywhere_has_a_name(self) -> None:
        port = self.opened(None).getsockname()[1]
        error = self.assertRaises(CannotListen, self.opened, None, port)
        self.assertIn(f"TCP *:{port}", str(error))


class Handing(SynchronousTestCase):
    """Sockets that another process has left."""

    def left(self, count: int = 1, *, stream: bool = True) -> list[socket.socket]:
        made = (
            [listening_socket("web", "127.0.0.1", 0, stream=stream)] if count == 1
            else shared_sockets("web", "127.0.0.1", 0, count, stream=stream)
        )  # fmt: skip
        for each in made:
            self.addCleanup(each.close)
        return made

    def test_one_for_the_same_place(self) -> None:
        (web,), (dns,) = self.left(), self.left(stream=False)
        sockets = Sockets({(False, "127.0.0.1", 80, ""): [web], (True, "127.0.0.1", 80, ""): [dns]})
        self.assertIs(sockets.open("any", "127.0.0.1", 80, stream=False), dns)
        self.assertIs(sockets.open("name", "127.0.0.1", 80, backlog=7), web)
        self.assertEqual(sockets.taken, [(True, "127.0.0.1", 80, ""), (False, "127.0.0.1", 80, "")])
        self.assertEqual((sockets.left, sockets.close_left()), ({}, []))
        socket.create_connection(web.getsockname(), 1).close()

    def test_a_port_that_the_system_chose_belongs_to_a_name(self) -> None:
        (web,) = self.left()
        sockets = Sockets({(False, "127.0.0.1", 0, "web"): [web]})
        other = sockets.open("other", "127.0.0.1", 0)
        self.addCleanup(other.close)
        self.assertIsNot(other, web)
        self.assertIs(sockets.open("web", "127.0.0.1", 0), web)

    def test_what_nobody_wants(self) -> None:
        (web,) = self.left()
        sockets = Sockets({(False, "::1", 80, ""): [web]})
        self.assertEqual(sockets.close_left(), [(False, "::1", 80, "")])
        self.assertEqual(web.fileno(), -1)

    def test_for_workers(self) -> None:
        found = self.left(2)
        sockets = Sockets({(False, None, 80, ""): found})
        self.assertEqual(sockets.share("web", None, 80, 2, stream=True, backlog=9), found)
        self.assertEqual(sockets.now(), {(False, None, 80, ""): found})
        fresh = sockets.share("more", "127.0.0.1", 0, 3, stream=False, backlog=9)
        for each in fresh:
            self.addCleanup(each.close)
        self.assertEqual((len(fresh), len(sockets.now())), (3, 2))

    def test_not_for_another_number_of_them(self) -> None:
        for count in (1, 3):
            sockets = Sockets({(False, None, 80, ""): self.left(2)})
            failure = self.assertRaises(
                CannotListen, sockets.share, "web", None, 80, count, stream=True, backlog=9
            )
            self.assertIn("the number of workers can not be changed by an upgrade", str(failure))
            self.assertEqual(len(sockets.left), 1)

    def test_those_that_are_open(self) -> None:
        sockets = Sockets()
        one, two = sockets.open("one", "127.0.0.1", 0), sockets.open("two", "127.0.0.1", 0)
        self.addCleanup(two.close)
        one.close()
        self.assertEqual(sockets.now(), {(False, "127.0.0.1", 0, "two"): [two]})

    def test_how_they_are_written(self) -> None:
        self.assertEqual(written_place((False, None, 80, "")), "TCP *:80")
        self.assertEqual(written_place((True, "::1", 53, "")), "UDP [::1]:53")
        self.assertEqual(written_place((False, "127.0.0.1", 0, "web")), "TCP 127.0.0.1:web")
