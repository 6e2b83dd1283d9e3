"""The lean reactor does what Twisted's does: Twisted's own tests of reactors say so, and a few of ours."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from twisted.internet.base import ReactorBase
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.unix import Server as UnixServer
from twisted.python import log
from twisted.trial.unittest import SynchronousTestCase

from tests.net.turning import CLOSED, TurningCase
from toron.net.tcp import LeanClient, LeanPort, LeanServer

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


class TwistedsOwn(SynchronousTestCase):
    """The tests that every reactor of Twisted is held to, unchanged."""

    maxDiff = None

    def outcomes(self, *reactors: str) -> list[dict[str, str]]:
        """The outcome of every test, with each of the reactors; each in a process, both at once."""
        running = []
        for reactor in reactors:
            folder = self.mktemp()
            os.makedirs(folder)
            command = [sys.executable, "-m", "tests.net.reactor_outcomes", reactor]
            running.append(
                subprocess.Popen(
                    command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
                )
            )
        for each in running:
            self.addCleanup(each.kill)
        said = [each.communicate(timeout=120) for each in running]
        for each, (_, errors) in zip(running, said, strict=True):
            self.assertEqual(each.returncode, 0, errors.decode())
        self.told = [errors.decode() for _, errors in said]
        return [json.loads(out) for out, _ in said]

    def test_the_outcomes_are_the_same(self) -> None:
        # Not every test passes everywhere (some want to become another user): equal is what counts.
        ours, twisteds = self.outcomes(
            "toron.net.reactor.EPollReactor", "twisted.internet.epollreactor.EPollReactor"
        )
        self.assertEqual(ours, twisteds, self.told)
        self.assertGreater(Counter(ours.values())["passed"], 280)
        of_reactors = [name for name in ours if "_EPollReactorTests." in name]
        self.assertGreater(len(of_reactors), 280)


class Telling(Protocol):
    """Logs what it is sent, breaks when it is told to, and remembers why it ended."""

    def __init__(self) -> None:
        self.ended: list[Any] = []
        self.got = b""

    def dataReceived(self, data: bytes) -> None:
        self.got += data
        log.msg(f"got {data!r}")
        if data == b"break":
            raise RuntimeError("broken")

    def connectionLost(self, reason: Any = None) -> None:
        self.ended.append(reason.type.__name__)


class Reads:
    """Reads from a descriptor, one byte at a time."""

    def __init__(self, number: int, read: list[bytes]) -> None:
        self.number = number
        self.read = read

    def fileno(self) -> int:
        return self.number

    def logPrefix(self) -> str:
        return "reads"

    def doRead(self) -> None:
        self.read.append(os.read(self.number, 1))


class Events(TurningCase):
    """One turn at a time."""

    def setUp(self) -> None:
        super().setUp()
        self.said: list[Any] = []
        log.addObserver(self.said.append)
        self.addCleanup(log.removeObserver, self.said.append)

    def systems(self, word: str) -> list[str]:
        """The prefixes of what was logged with the word in it."""
        return [event["system"] for event in self.said if word in str(event.get("message"))]

    def pair(self, protocol: Telling) -> socket.socket:
        """A connection: the far end of it."""
        return self.connected(protocol)[1]

    def test_the_log_says_whose_turn_it_is(self) -> None:
        far = self.pair(Telling())
        far.sendall(b"x")
        self.turn()
        self.assertEqual(self.systems("got b'x'"), ["Telling,0,127.0.0.1"])
        log.msg("between turns")
        self.assertEqual(self.systems("between"), ["-"])

    def test_the_loop_says_whose_turn_it_is_and_goes_on(self) -> None:
        far = self.pair(Telling())
        reactor: Any = self.reactor
        reactor._started = True

        def stop() -> None:
            log.msg("timed call")
            reactor._started = False

        def polled(events: Any) -> None:
            del reactor._dispatch
            raise ValueError("once, where none is expected")

        reactor._dispatch = polled
        far.sendall(b"x")
        reactor.callLater(0.05, stop)
        reactor.mainLoop()
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(self.systems("got b'x'"), ["Telling,0,127.0.0.1"])
        self.assertEqual(self.systems("timed call"), ["-"])
        log.msg("between turns")
        self.assertEqual(self.systems("between"), ["-"])

    def test_how_long_it_may_sleep(self) -> None:
        reactor = self.reactor
        self.assertIsNone(reactor.timeout())
        far = reactor.callLater(1e9, int)
        self.assertEqual(reactor.timeout(), 2147483, "milliseconds of a C int")
        near = reactor.callLater(60, int)
        soon = reactor.timeout()
        self.assertTrue(soon is not None and 59 < soon <= 60, soon)
        due = reactor.callLater(0, int)
        self.assertEqual(reactor.timeout(), 0)
        for call in (far, near, due):
            call.cancel()

    def test_a_prefix_that_breaks_breaks_nothing_else(self) -> None:
        def nameless() -> str:
            raise RuntimeError("no name")

        protocol = Telling()
        near, far = self.connected(protocol)
        near.logPrefix = nameless  # type: ignore[method-assign]
        far.sendall(b"x")
        self.turn()
        self.assertEqual((protocol.got, protocol.ended), (b"x", []))
        self.assertEqual(self.systems("got b'x'"), ["(buggy logPrefix method)"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_protocol_that_breaks_is_logged_and_cut_off(self) -> None:
        broken, other = Telling(), Telling()
        far, far_other = self.pair(broken), self.pair(other)
        far.sendall(b"break")
        far_other.sendall(b"x")
        self.turn()
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual((broken.ended, other.ended, other.got), (["RuntimeError"], [], b"x"))

    def test_what_is_gone_since_the_events_were_asked_for(self) -> None:
        first, second = Telling(), Telling()
        near, far = self.connected(first)
        near_second, far_second = self.connected(second)
        first.dataReceived = lambda data: near_second.connectionLost(CLOSED)  # type: ignore[method-assign]
        second.dataReceived = lambda data: near.connectionLost(CLOSED)  # type: ignore[method-assign]
        far.sendall(b"x")
        far_second.sendall(b"x")
        self.turn()
        self.assertEqual(sorted([first.ended, second.ended]), [[], ["ConnectionDone"]])

    def test_a_hang_up_of_a_socket_that_had_the_number_before(self) -> None:
        protocol = Telling()
        near, far = self.connected(protocol)
        hang_up = [(near.fileno(), select.EPOLLHUP)]
        self.reactor._dispatch(hang_up)
        self.reactor.removeReader(near)
        self.reactor._fresh.clear()
        self.reactor.addWriter(near)
        self.reactor._dispatch(hang_up)
        self.assertEqual(protocol.ended, [], "it was registered after these events were asked for")
        self.reactor.addReader(near)
        self.reactor.removeWriter(near)
        self.turn()
        far.sendall(b"x")
        self.turn()
        self.assertEqual(protocol.got, b"x")
        self.reactor._dispatch(hang_up)
        self.assertEqual(protocol.ended, ["ConnectionDone"])

    def test_readers_and_writers(self) -> None:
        reactor = self.reactor
        near, _ = self.connected(Telling())
        number = near.fileno()
        for steps, reads, writes in (
            (("addReader", "addReader"), True, False),
            (("addWriter",), True, True),
            (("addReader", "removeReader", "removeReader"), False, True),
            (("addReader",), True, True),
            (("removeWriter", "removeWriter"), True, False),
            (("removeReader", "removeReader"), False, False),
            (("addWriter", "addReader", "forget"), False, False),
            (("forget",), False, False),
        ):
            for step in steps:
                getattr(reactor, step)(near)
            self.assertEqual((near in reactor.getReaders(), near in reactor.getWriters()), (reads, writes))
            self.assertEqual(number in reactor._selectables, reads or writes)
        with self.assertRaises(FileExistsError):
            # The kernel knows it still, and forgets it only with the socket.
            reactor.addReader(near)
        near.connectionLost(CLOSED)

    def test_a_file_is_read_in_another_way(self) -> None:
        with open(__file__, "rb") as file:
            read: list[bytes] = []
            reader = Reads(file.fileno(), read)
            self.reactor.addReader(reader)
            self.turn_until(lambda: read)
            self.reactor.removeReader(reader)
            self.assertEqual(self.reactor.getReaders(), [self.reactor.waker])

    def test_a_turn_on_which_nothing_is_due(self) -> None:
        asked: list[int] = []
        ran: list[int] = []
        real = ReactorBase.runUntilCurrent
        self.patch(ReactorBase, "runUntilCurrent", lambda reactor: (asked.append(1), real(reactor)))
        self.turn()
        asked.clear()
        self.turn()
        self.assertEqual((asked, ran), ([], []))
        self.reactor.callLater(0, ran.append, 1)
        self.reactor.callLater(60, ran.append, 60).cancel()
        self.turn()
        self.assertEqual((asked, ran), ([1], [1]))
        self.reactor.callFromThread(ran.append, 2)
        self.turn()
        self.assertEqual((asked, ran), ([1, 1], [1, 2]))
        self.turn()
        self.assertEqual((asked, ran), ([1, 1], [1, 2]))

    def test_transports_are_lean(self) -> None:
        port = self.reactor.listenTCP(0, Factory.forProtocol(Telling), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.assertIsInstance(port, LeanPort)
        client = Telling()
        factory: Any = Factory.forProtocol(lambda: client)
        for word in ("doStart", "doStop"):
            setattr(factory, word, lambda: None)
        factory.startedConnecting = factory.clientConnectionLost = lambda *_: None
        connector = self.reactor.connectTCP("127.0.0.1", port.getHost().port, factory)
        self.turn_until(lambda: client.transport is not None)
        self.assertIsInstance(client.transport, LeanClient)
        self.addCleanup(connector.disconnect)

    def test_adopted_descriptors(self) -> None:
        for family, kind in ((socket.AF_INET, LeanServer), (socket.AF_UNIX, UnixServer)):
            made: list[Telling] = []

            def build(address: Any, made: list[Telling] = made) -> Telling:
                made.append(Telling())
                return made[-1]

            factory: Any = Factory()
            factory.buildProtocol = build
            far, near = self.sockets(family)
            transport = self.reactor.adoptStreamConnection(near.fileno(), family, factory)
            near.close()
            self.assertIs(type(transport), kind)
            far.sendall(b"x")
            self.turn_until(lambda made=made: made[0].got == b"x")

    def test_adopted_ports(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = self.reactor.adoptStreamPort(listening.fileno(), socket.AF_INET, Factory())
            self.assertIsInstance(port, LeanPort)
            port.stopListening()
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(os.path.join(os.path.relpath(self.folder()), "s"))
            listening.listen()
            port = self.reactor.adoptStreamPort(listening.fileno(), socket.AF_UNIX, Factory())
            self.assertNotIsInstance(port, LeanPort)
            port.stopListening()
        self.turn()

    def folder(self) -> str:
        made: str = self.mktemp()
        os.makedirs(made)
        return made


class Installing(SynchronousTestCase):
    """In a process of its own, for it is for good."""

    def test_once_and_first(self) -> None:
        script = (
            "from toron.net.reactor import install\n"
            "made = install()\n"
            "from twisted.internet import reactor\n"
            "assert made is reactor, reactor\n"
            "import gc\n"
            "assert gc.get_freeze_count() == 0\n"
            "reactor.callWhenRunning(reactor.stop)\n"
            "reactor.run()\n"
            "assert gc.get_freeze_count() > 1000\n"
            "install()\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, timeout=60
        )
        self.assertIn("ReactorAlreadyInstalledError: reactor already installed", done.stderr)
        self.assertEqual(done.stderr.count("Traceback"), 1, done.stderr)
