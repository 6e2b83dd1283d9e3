"""What two processes say when one takes the other's place, and what is wrong with what they say."""

from __future__ import annotations

import os
import socket
import threading

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from toron.net.detour import Detoured
from toron.net.handover import (
    VARIABLE,
    VERSION,
    FromNew,
    Go,
    Left,
    NotForUs,
    Offer,
    Ready,
    Running,
    Serving,
    encode,
    from_new,
    from_old,
    inherited,
    left,
    offered,
)

OFFER = Offer(
    VERSION,
    4,
    5,
    [Left(False, "127.0.0.1", 80, "", [6, 7])],
    [("web", "http://a", True)],
    [("web", "http://b")],
)


class Words(SynchronousTestCase):
    """One line each."""

    def test_what_the_new_one_says(self) -> None:
        said: list[FromNew] = [Running(7), Ready("1.0", 2, ["TCP *:80"]), Serving()]
        for message in said:
            line = encode(message)
            self.assertEqual((line.count(b"\n"), line[-1:]), (1, b"\n"))
            self.assertEqual(from_new.decode(line), message)

    def test_what_the_old_one_says(self) -> None:
        for message in (OFFER, Go()):
            self.assertEqual(from_old.decode(encode(message)), message)

    def test_the_words_stay_as_they_are(self) -> None:
        # The process at the other end may be of another version of toron.
        self.assertEqual(encode(Running(7)), b'{"say":"running","pid":7}\n')
        self.assertEqual(encode(Serving()), b'{"say":"serving"}\n')
        self.assertEqual(encode(Go()), b'{"say":"go"}\n')
        self.assertEqual(
            encode(OFFER),
            b'{"say":"offer","version":1,"output":4,"errors":5,"sockets":[{"datagrams":false,'
            b'"address":"127.0.0.1","port":80,"name":"","descriptors":[6,7],"detour":-1}],'
            b'"known":[["web","http://a",true]],"drained":[["web","http://b"]]}\n',
        )

    def test_what_is_added_later_is_no_hindrance(self) -> None:
        self.assertEqual(from_new.decode(b'{"say":"running","pid":7,"mood":"good"}'), Running(7))

    def test_what_can_not_be_understood(self) -> None:
        for line in (
            b"",
            b"{}",
            b'{"say":"hello"}',
            b'{"say":"running"}',
            b'{"say":"running","pid":1}',
            b'{"say":"go"}',
            b"[]",
            b"\xff",
        ):
            self.assertRaises(msgspec.DecodeError, from_new.decode, line)


class Sockets(SynchronousTestCase):
    """By the numbers they have at each end."""

    def opened(self) -> socket.socket:
        made = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(made.close)
        return made

    def test_they_are_numbered(self) -> None:
        one, two, three = self.opened(), self.opened(), self.opened()
        dns = (True, "::1", 0, "dns")
        told, ours = left({dns: [three], (False, None, 80, ""): [one, two]}, {}, 6)
        self.assertEqual(told, [Left(*dns, [6]), Left(False, None, 80, "", [7, 8])])
        self.assertEqual(ours, [three.fileno(), one.fileno(), two.fileno()])
        told, ours = left({dns: [three], (False, None, 80, ""): [one]}, {dns: two}, 6)
        self.assertEqual(told, [Left(*dns, [6], 7), Left(False, None, 80, "", [8])])
        self.assertEqual(ours, [three.fileno(), two.fileno(), one.fileno()])

    def test_they_are_taken(self) -> None:
        fd = os.dup(self.opened().fileno())
        os.set_inheritable(fd, True)
        found = inherited(Offer(VERSION, 4, 5, [Left(False, None, 80, "", [fd])]))
        ((place, (taken,)),) = found.items()
        self.addCleanup(taken.close)
        self.assertEqual((place, taken.fileno()), ((False, None, 80, ""), fd))
        self.assertFalse(taken.get_inheritable() or taken.getblocking())

    def test_with_a_detour(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            fds = os.dup(udp.fileno()), os.dup(self.opened().fileno())
        offer = Offer(VERSION, 4, 5, [Left(True, None, 53, "", [fds[0]], fds[1])])
        ((taken,),) = inherited(offer).values()
        self.assertEqual((type(taken), taken.fileno()), (Detoured, fds[0]))
        taken.close()
        self.assertRaises(OSError, os.fstat, fds[1])

    def test_what_is_none(self) -> None:
        with open(os.devnull, "rb") as file:
            offer = Offer(VERSION, 4, 5, [Left(False, None, 80, "", [file.fileno()])])
            failure = self.assertRaises(NotForUs, inherited, offer)
        self.assertIn("is not a socket", str(failure))
        offer = Offer(VERSION, 4, 5, [Left(False, None, 80, "", [12345])])
        self.assertIn("(Bad file descriptor)", str(self.assertRaises(NotForUs, inherited, offer)))


class Offers(SynchronousTestCase):
    """As the new process finds them."""

    def setUp(self) -> None:
        self.old, new = socket.socketpair()
        self.addCleanup(self.old.close)
        self.environ = {VARIABLE: str(new.detach()), "HOME": "/"}
        self.fd = int(self.environ[VARIABLE])

    def close(self) -> None:
        os.close(self.fd)

    def test_none(self) -> None:
        self.addCleanup(self.close)
        self.assertIsNone(offered({}))

    def test_one(self) -> None:
        self.old.sendall(encode(OFFER))
        channel, offer = offered(self.environ) or self.fail("there is one")
        self.addCleanup(channel.close)
        self.assertEqual((offer, self.environ), (OFFER, {"HOME": "/"}))
        self.assertFalse(channel.get_inheritable() or channel.getblocking())

    def test_byte_by_byte(self) -> None:
        def say() -> None:
            for byte in encode(OFFER):
                self.old.sendall(bytes([byte]))

        speaker = threading.Thread(target=say)
        speaker.start()
        channel, offer = offered(self.environ) or self.fail("there is one")
        self.addCleanup(channel.close)
        speaker.join(5)
        self.assertEqual(offer, OFFER)

    def refused(self, line: bytes, why: str) -> None:
        self.old.sendall(line)
        self.old.shutdown(socket.SHUT_WR)
        self.assertIn(why, str(self.assertRaises(NotForUs, offered, self.environ)))
        self.assertNotIn(VARIABLE, self.environ)

    def test_another_version(self) -> None:
        self.refused(
            b'{"say":"will","version":2}\n', "hands over in version 2, this one in version 1: restart"
        )

    def test_garbage(self) -> None:
        self.refused(b"hello\n", "can not be read")

    def test_a_part(self) -> None:
        self.refused(encode(OFFER)[:40], "can not be read")

    def test_nothing(self) -> None:
        self.refused(b"", "can not be read")

    def test_something_else(self) -> None:
        self.refused(b'{"say":"offer","version":1}\n', "can not be read")
        self.setUp()
        self.refused(b'{"say":"go","version":1}\n', "does not begin with an offer")

    def test_a_variable_that_somebody_else_has_set(self) -> None:
        self.addCleanup(self.close)
        for value in ("", "x", "-1"):
            failure = self.assertRaises(NotForUs, offered, {VARIABLE: value})
            self.assertIn("unset it", str(failure))
        failure = self.assertRaises(NotForUs, offered, {VARIABLE: "12345"})
        self.assertIn("unset TORON_HANDOVER", str(failure))
