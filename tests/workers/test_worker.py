"""A worker does what its parent says, and tells it what it has to know."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.logger import Logger, LogLevel, globalLogBeginner
from twisted.trial.unittest import SynchronousTestCase

from tests.observe.test_access_lines import http_line
from tests.workers.case import ONE, TWO
from tests.workers.fakes import FakeReactor
from toron import plugin
from toron.compose import compose_parent
from toron.config.load import load
from toron.net.inheritance import Inheritance
from toron.net.living import Found, Wanted
from toron.workers.messages import (
    Begin,
    Change,
    Counted,
    Drained,
    Drop,
    Ejected,
    Failed,
    Health,
    Hurry,
    Leaving,
    Lines,
    Lives,
    Look,
    Prepared,
    Published,
    Ready,
    Report,
    Said,
    Serve,
    Stop,
    Suspected,
    Swap,
    encode,
    from_worker,
)
from toron.workers.packing import Packed
from toron.workers.worker import EVERY, TOO_MANY, Worker, resident

CONFIG = """
listeners:
  - {name: web, protocol: http, address: 127.0.0.1, port: 0}
  - {name: dns, protocol: udp, address: 127.0.0.1, port: 0, backend: {url: "udp://127.0.0.1:1"}}
routes: [{backend: api}]
backends:
  api:
    servers: ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    health: {path: /, initial: down}
    passive_health: {failures: 2, base: 30s}
access_log: access.log
log: {level: warn}
workers: 2
"""


class Reactor(FakeReactor):
    """One that listens to sockets, as far as a worker sees."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers = [each for each in self.readers if each is not reader]


class Transport(StringTransport):
    """One that can be aborted, and tells the protocol that it is closed."""

    def loseConnection(self) -> None:
        super().loseConnection()
        if self.protocol is not None:
            protocol, self.protocol = self.protocol, None
            protocol.connectionLost()

    abortConnection = loseConnection
    protocol: Any = None


class WorkerCase(SynchronousTestCase):
    def setUp(self) -> None:
        folder = self.folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "a.yaml").write_text(CONFIG)
        loaded = load(str(folder / "a.yaml"), plugin, {})
        self.reactor = Reactor()
        inheritance = self.inheritance = Inheritance(4)
        compose_parent(loaded, self.reactor, random.Random(1), lambda: 1.8e9, self.fail, inheritance, 2)
        self.packed = Packed(loaded, inheritance)
        self.reactor.advance(1000)
        self.observers: list[Any] = []
        self.patch(globalLogBeginner, "beginLoggingTo", lambda new, **_: self.observers.extend(new))

    def begin(self, *servers: Any, without: str = "") -> Begin:
        sockets = {}
        for name, kind in (("web", socket.SOCK_STREAM), ("dns", socket.SOCK_DGRAM)):
            if name != without:
                opened = socket.socket(socket.AF_INET, kind)
                opened.bind(("127.0.0.1", 0))
                if kind == socket.SOCK_STREAM:
                    opened.listen()
                opened.setblocking(False)
                sockets[name] = opened.detach()
        return Begin(1, 4, 0, self.packed.data, sockets, [], list(servers), wait=self.wait)

    wait = False

    def worker(self, *servers: Any) -> Worker:
        made = self.made = Worker(self.reactor, random.Random(1), lambda: 1.8e9)
        made.compose(self.begin(*servers))
        self.transport = Transport()
        self.transport.protocol = made
        made.makeConnection(self.transport)
        made.start()
        self.addCleanup(self.close)
        return made

    def close(self) -> None:
        for listener in self.made._part.root.listeners:
            listener.stopService()

    def said(self) -> list[Any]:
        """What it told the parent since the last time."""
        data = self.transport.value()
        self.transport.clear()
        found = []
        while data:
            size = int.from_bytes(data[:4], "big")
            found.append(from_worker.decode(data[4 : 4 + size]))
            data = data[4 + size :]
        return found

    def tell(self, message: Any) -> None:
        data = encode(message)
        self.made.dataReceived(len(data).to_bytes(4, "big") + data)

    def up(self) -> list[bool]:
        backend = self.made._part.backends["api"]
        return [backend.is_up(server, self.reactor.seconds()) for server in backend.servers]


class Serving(WorkerCase):
    def test_it_takes_over_the_sockets(self) -> None:
        worker = self.worker()
        self.assertEqual(self.said(), [Ready()])
        self.assertEqual(len(self.reactor.readers), 2)
        self.assertTrue(all(listener.port for listener in worker._part.root.listeners))
        names = [type(service).__name__ for service in worker._part.root]
        self.assertEqual(
            names,
            ["AccessLog", "Sweep", "FreshTickets", "StreamListener", "UdpListener"],
            "no checks, no admin",
        )

    def test_a_socket_that_is_missing(self) -> None:
        worker = Worker(self.reactor, random.Random(1), lambda: 1.8e9)
        begin = self.begin(without="dns")
        self.assertRaisesRegex(Exception, "'dns' was given no socket", worker.compose, begin)
        for listener in worker._part.root.listeners:
            listener.stopService()

    def test_how_servers_are(self) -> None:
        self.worker(Health("api", ONE, True, "checked before"), Ejected("api", ONE, 1010.0, 1, "x"))
        self.assertEqual(self.up(), [False, False])
        self.tell(Health("api", TWO, True, "checks pass"))
        self.assertEqual(self.up(), [False, True])
        self.tell(Ejected("api", ONE, 0.0, 0, "too many"))
        self.assertEqual(self.up(), [True, True])
        self.tell(Ejected("api", TWO, 1010.0, 3, "upstream_reset"))
        self.assertEqual(self.up(), [True, False])
        self.assertEqual(self.made._part.backends["api"].servers[1].ejections, 3)
        self.assertEqual(self.said(), [Ready()], "what comes from the parent is not told back")
        self.reactor.advance(10)
        self.assertEqual(self.up(), [True, True])

    def test_which_servers_there_are(self) -> None:
        three = "h2c://10.0.0.3:80"
        self.worker(
            Published("api", [(TWO, 5, 1, "api.internal")]), Health("api", TWO, True, "checked before")
        )
        backend = self.made._part.backends["api"]
        [server] = backend.servers
        self.assertEqual((server.url, server.weight, server.backup), (TWO, 5, 1))
        self.assertEqual((server.tls_name, server.healthy), ("api.internal", True))
        self.tell(Published("api", [(TWO, 5, 1, "api.internal"), (three, 1, 0, "10.0.0.3")]))
        self.assertIs(backend.servers[0], server)
        self.assertEqual(backend.servers[1].url, three)
        self.tell(Health("api", ONE, True, "of one that is gone"))
        self.tell(Ejected("api", ONE, 1010.0, 1, "of one that is gone"))
        self.tell(Suspected("api", ONE, 1010.0))
        self.assertEqual(len(backend.servers), 2)

    def test_it_tells_of_an_ejection(self) -> None:
        self.worker(*(Health("api", url, True, "") for url in (ONE, TWO)))
        self.said()
        backend = self.made._part.backends["api"]
        for _ in range(2):
            backend.failed(backend.servers[1], 1000.0, "upstream_reset")
        self.assertEqual(self.said(), [Ejected("api", TWO, 1030.0, 1, "upstream_reset")])
        self.reactor.advance(30)
        backend.settle(1030.0)
        self.assertEqual([m for m in self.said() if not isinstance(m, Counted)], [], "the parent knows when")

    def test_suspicions(self) -> None:
        self.worker(*(Health("api", url, True, "") for url in (ONE, TWO)))
        self.said()
        backend = self.made._part.backends["api"]
        backend.unreachable(backend.servers[0], 1000.0)
        backend.unreachable(backend.servers[0], 1001.0)
        self.assertEqual(self.said(), [Suspected("api", ONE, 1010.0)], "told once")
        self.tell(Suspected("api", TWO, 1009.0))
        self.assertEqual((backend.servers[1].suspect_until, self.said()), (1009.0, []))

    def test_draining(self) -> None:
        self.worker()
        backend = self.made._part.backends["api"]
        self.tell(Drained("api", ONE, True))
        self.assertEqual([server.draining for server in backend.servers], [True, False])
        self.tell(Drained("api", ONE, False))
        self.tell(Drained("api", "http://127.0.0.1:9", True))
        self.tell(Drained("nope", ONE, True))
        self.assertEqual([server.draining for server in backend.servers], [False, False])

    def test_what_lives(self) -> None:
        self.worker()
        self.said()
        self.tell(Look(7, Wanted(limit=3)))
        self.assertEqual(self.said(), [Lives(7, Found(0, []))])

    def test_lines_come_before_what_was_counted(self) -> None:
        worker = self.worker()
        self.said()
        worker._part.access_log.write(http_line(id="a1"))
        self.tell(Report(1))
        self.assertEqual([type(message) for message in self.said()], [Lines, Counted])

    def test_it_counts(self) -> None:
        self.worker()
        self.said()
        self.made._part.metrics.listener("web").opened()
        self.tell(Report(3))
        (counted,) = self.said()
        self.assertEqual((counted.number, len(counted.grown), counted.dropped), (3, 2, 0))
        self.assertGreater(counted.cpu, 0)
        self.assertGreater(counted.resident, 1 << 20)
        self.reactor.advance(EVERY)
        self.assertEqual([(c.number, c.grown) for c in self.said() if isinstance(c, Counted)], [(0, [])])

    def test_its_log(self) -> None:
        self.worker()
        self.said()
        log = Logger(namespace="toron.x", observer=self.observers[0])
        log.info("too little")
        log.warn("enough: {n}", n=1)
        try:
            raise ValueError("that is why")
        except ValueError:
            log.failure("it broke")
        first, second = self.said()
        self.assertEqual(first, Said("warn", "toron.x", "enough: 1"))
        self.assertEqual((second.level, second.namespace), (LogLevel.critical.name, "toron.x"))
        self.assertRegex(second.text, r"(?s)it broke.*ValueError: that is why")

    def test_its_access_lines(self) -> None:
        worker = self.worker()
        self.said()
        log: Any = worker._part.access_log
        log._writer.put(b"a\n")
        self.assertEqual(self.said(), [Lines(b"a\n")])
        self.assertIs(self.transport.producer, log._writer)


class Changing(WorkerCase):
    """Another configuration, in two steps."""

    def change(self, worker: Worker, number: int = 1) -> None:
        """The parent asks for one with another limit of its log and of its stop."""
        text = CONFIG.replace("level: warn", "level: error") + "drain: {limit: 9s}\n"
        (self.folder / "a.yaml").write_text(text)
        loaded = load(str(self.folder / "a.yaml"), plugin, {})
        packed = Packed(loaded, self.inheritance, frozenset())
        worker.heard(Change(number, packed.data, [], 0))
        self.reactor.advance(0)

    def test_it_gets_ready_and_then_serves(self) -> None:
        worker = self.worker()
        part = worker._part
        self.said()
        self.change(worker)
        self.assertEqual(self.said(), [Prepared(1, "")])
        self.assertIs(worker._part, part)
        worker.heard(Swap(1, [Health("api", ONE, True, "it is well")]))
        self.assertIsNot(worker._part, part)
        self.assertIs(worker._part.backends["api"], part.backends["api"], "which was not changed")
        self.assertEqual([each.healthy for each in part.backends["api"].servers], [True, False])
        self.assertEqual((part.root._delay, part.root._limit), (0.0, 9.0))
        self.said()
        self.observers[0]({"log_level": LogLevel.warn, "log_format": "below", "log_namespace": "x"})
        self.assertEqual(self.said(), [])

    def test_nothing_comes_of_it(self) -> None:
        worker = self.worker()
        part = worker._part
        self.change(worker)
        worker.heard(Drop(1))
        self.assertIs(worker._part, part)
        self.change(worker, 2)
        self.assertEqual(self.said()[-1], Prepared(2, ""))

    def test_it_can_not(self) -> None:
        worker = self.worker()
        (self.folder / "a.yaml").write_text(CONFIG.replace("name: web", "name: more"))
        loaded = load(str(self.folder / "a.yaml"), plugin, {})
        worker.heard(Change(1, Packed(loaded, self.inheritance, frozenset()).data, [], 0))
        self.reactor.advance(0)
        self.assertEqual(self.said()[-1], Prepared(1, "listener 'more' was given no socket"))

    def asked(self, worker: Worker, sockets: list[str], came: int) -> list[int]:
        """A change with so many sockets of those it needs."""
        text = CONFIG.replace("name: web", f"name: {sockets[0]}")
        (self.folder / "a.yaml").write_text(text)
        loaded = load(str(self.folder / "a.yaml"), plugin, {})
        opened = [socket.create_server(("127.0.0.1", 0)).detach() for _ in range(came)]
        worker.descriptors += opened
        worker.heard(Change(1, Packed(loaded, self.inheritance, frozenset()).data, sockets, 0))
        return opened

    def test_descriptors_that_did_not_come(self) -> None:
        worker = self.worker()
        [came] = self.asked(worker, ["more", "another"], 1)
        self.assertEqual(self.said()[-1], Prepared(1, TOO_MANY))
        self.assertRaises(OSError, os.fstat, came)

    def test_no_socket_stays_open_when_nothing_comes_of_it(self) -> None:
        worker = self.worker()
        for others in ([], ["nobody-wants-it"]):
            opened = self.asked(worker, ["more", *others], 1 + len(others))
            worker.heard(Drop(1))
            self.reactor.advance(0)
            for each in opened:
                self.assertRaises(OSError, os.fstat, each)

    def test_who_drains_knows_nothing_of_what_came_after(self) -> None:
        worker = self.worker()
        worker.heard(Health("another", ONE, False, "it is ill"))
        self.assertEqual([each.healthy for each in worker._part.backends["api"].servers], [False, False])


class Waiting(WorkerCase):
    """For the end of another gateway."""

    wait = True

    def test_until_it_may(self) -> None:
        self.worker()
        self.assertEqual((self.said(), self.reactor.readers), ([Ready()], []))
        self.tell(Serve())
        self.assertEqual((self.said(), len(self.reactor.readers)), ([Ready()], 2))

    def test_it_may_already(self) -> None:
        worker = self.worker()
        worker._permitted = None
        self.tell(Serve())
        asked: list[int] = []
        worker._wait_for(lambda: asked.append(1))
        self.assertEqual(asked, [1])


class Ending(WorkerCase):
    def ended(self) -> Deferred[None]:
        """What the reactor does when it is stopped."""
        self.assertEqual(self.reactor.stopped, 1)
        done: Deferred[None] = self.reactor.trigger[2]()
        return done

    def pass_(self, seconds: float) -> None:
        for _ in range(int(seconds * 20)):
            self.reactor.advance(0.05)

    def test_the_parent_asks(self) -> None:
        worker = self.worker()
        self.tell(Stop())
        self.tell(Stop())
        self.assertEqual(self.reactor.trigger[:2], ("before", "shutdown"))
        done = self.ended()
        worker._part.metrics.listener("web").opened()
        self.pass_(2)
        self.successResultOf(done)
        last = [message for message in self.said() if isinstance(message, Counted)][-1]
        self.assertEqual(len(last.grown), 2, "its last words are what it counted")
        self.assertTrue(self.transport.disconnecting)

    def test_another_gateway_serves(self) -> None:
        worker = self.worker()
        self.tell(Stop(handed_over=True))
        self.assertEqual(self.reactor.readers, [], "what comes is for the other one")
        root = worker._part.root
        self.assertEqual((root._limit, root.lingers), (600.0, True))
        done = self.ended()
        self.pass_(2)
        self.successResultOf(done)

    def test_somebody_else_asks(self) -> None:
        worker = self.worker()
        worker.leave()
        self.assertEqual([type(message) for message in self.said()], [Ready, Leaving])
        self.assertEqual(len(self.reactor.readers), 1, "datagrams are for the next one")
        done = self.ended()
        worker.leave()
        self.assertTrue(worker._part.root._hurried)
        self.pass_(1)
        self.successResultOf(done)

    def test_in_a_hurry(self) -> None:
        worker = self.worker()
        self.tell(Stop())
        self.tell(Hurry())
        self.assertTrue(worker._part.root._hurried)

    def test_the_parent_is_gone(self) -> None:
        worker = self.worker()
        worker.connectionLost()
        done = self.ended()
        self.pass_(2)
        self.successResultOf(done)


class Program(SynchronousTestCase):
    """The process itself."""

    def run_it(self, said: bytes) -> tuple[int, bytes]:
        """Its exit code, and what it answers."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(30)
            ours.sendall(said)
            ours.shutdown(socket.SHUT_WR)
            program = (
                f"import os; os.dup2({theirs.fileno()}, 3); from toron.workers.worker import main; main()"
            )
            with subprocess.Popen(
                [sys.executable, "-c", program], pass_fds=[theirs.fileno()], stderr=subprocess.PIPE
            ) as process:
                theirs.close()
                answer = b""
                while more := ours.recv(65536):
                    answer += more
                assert process.stderr is not None
                self.errors = process.stderr.read()
                return process.wait(30), answer

    def test_without_a_parent(self) -> None:
        self.assertEqual(self.run_it(b""), (0, b""))
        self.assertEqual(self.errors, b"")

    def test_it_says_why_it_can_not_start(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "a.yaml").write_text("listeners: [{name: web, protocol: tcp, port: 1, echo: {}}]")
        loaded = load(str(folder / "a.yaml"), plugin, {})
        begin = encode(Begin(1, 4, 0, Packed(loaded, Inheritance(4)).data, {}, [], []))
        code, answer = self.run_it(len(begin).to_bytes(4, "big") + begin)
        self.assertEqual((code, self.errors), (1, b""))
        self.assertEqual(from_worker.decode(answer[4:]), Failed("listener 'web' was given no socket"))

    def test_its_memory(self) -> None:
        self.assertGreater(resident(), 1 << 20)
        self.assertTrue(os.path.exists("/proc/self/statm"))
