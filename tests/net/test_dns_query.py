"""Questions go out and answers come back: in time, from another server, over TCP, and not from a stranger."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.error import CannotListenError, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.names import dns
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from toron.core.wait import Task
from toron.net.dns_query import TCP_TIMEOUT, Answer, LookupFailed, NameServers, NoSuchName, name_servers

ONE, TWO = ("192.0.2.1", 53), ("192.0.2.2", 53)


class Port:
    """A UDP port, which is also the transport of its protocol."""

    def __init__(self, protocol: Any, interface: str) -> None:
        self.protocol, self.interface = protocol, interface
        self.sent: list[tuple[bytes, Any]] = []
        self.open = True

    def write(self, data: bytes, address: Any) -> None:
        self.sent.append((data, address))

    def stopListening(self) -> None:
        self.open = False
        self.protocol.stopProtocol()


class Connector:
    """A TCP connection that the test makes."""

    def __init__(self, address: Any, factory: Any) -> None:
        self.address, self.factory = address, factory
        self.closed = 0

    def disconnect(self) -> None:
        self.closed += 1

    def connect(self) -> None:
        self.protocol = self.factory.buildProtocol(None)
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)


class Network(Clock):
    """A reactor without a network."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: list[Port] = []
        self.connectors: list[Connector] = []
        self.full = False

    def listenUDP(self, port: int, protocol: Any, interface: str = "", **more: Any) -> Port:
        if self.full:
            raise CannotListenError(interface, port, OSError("no descriptor"))
        self.ports.append(Port(protocol, interface))
        protocol.startProtocol()
        protocol.transport = self.ports[-1]
        return self.ports[-1]

    def connectTCP(self, host: str, port: int, factory: Any, timeout: float) -> Connector:
        self.connectors.append(Connector((host, port), factory))
        return self.connectors[-1]


def a(address: str, ttl: int = 60, name: str = "api.internal") -> dns.RRHeader:
    return dns.RRHeader(name, dns.A, dns.IN, ttl, dns.Record_A(address, ttl))


def alias(name: str, to: str, ttl: int = 60) -> dns.RRHeader:
    return dns.RRHeader(name, dns.CNAME, dns.IN, ttl, dns.Record_CNAME(to, ttl))


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.network = Network()
        self.ended: list[Any] = []

    def ask(self, *servers: Any, name: str = "api.internal") -> Task[Answer]:
        client = NameServers(self.network, lambda: servers or (ONE,))
        task = Task(client.ask(name, dns.A), lambda answer, error: self.ended.append(answer or error))
        task.start()
        return task

    def reply(
        self, *records: Any, code: int = dns.OK, truncated: bool = False, place: int = -1, **more: Any
    ) -> bytes:
        """The answer to what was asked from the port at `place`."""
        question = dns.Message()
        question.fromStr(self.network.ports[place].sent[0][0])
        message = dns.Message(more.get("id", question.id), answer=more.get("answer", 1), rCode=code)
        message.trunc = truncated
        message.queries = more.get("queries", question.queries)
        message.answers = list(records)
        return message.toStr()

    def receive(self, data: bytes, source: Any = ONE, place: int = -1) -> None:
        self.network.ports[place].protocol.datagramReceived(data, source)

    def answered(self, *records: Any, **more: Any) -> Any:
        self.receive(self.reply(*records, **more))
        [result] = self.ended
        return result


class OverUdp(Case):
    def test_an_answer(self) -> None:
        self.ask()
        [(_, address)] = self.network.ports[0].sent
        self.assertEqual((address, self.network.ports[0].interface), (ONE, ""))
        answer = self.answered(a("10.0.0.1", 60), a("10.0.0.2", 30))
        self.assertEqual([each.dottedQuad() for each in answer.records], ["10.0.0.1", "10.0.0.2"])
        self.assertEqual(answer.ttl, 30)
        self.assertFalse(self.network.ports[0].open)
        self.assertEqual(self.network.getDelayedCalls(), [])

    def test_a_server_with_an_ipv6_address(self) -> None:
        self.ask(("2001:db8::1", 53))
        self.assertEqual(self.network.ports[0].interface, "::")

    def test_aliases_are_followed_and_no_other_names_believed(self) -> None:
        self.ask()
        answer = self.answered(
            a("10.0.0.9", name="other.internal"),
            alias("API.internal", "x.internal", 20),
            alias("x.internal", "y.internal", 40),
            a("10.0.0.1", 30, "y.internal"),
        )
        self.assertEqual([each.dottedQuad() for each in answer.records], ["10.0.0.1"])
        self.assertEqual(answer.ttl, 20)

    def test_aliases_in_a_ring(self) -> None:
        self.ask()
        answer = self.answered(alias("api.internal", "x.internal"), alias("x.internal", "api.internal"))
        self.assertEqual(answer.records, [])

    def test_a_name_without_records_of_the_type(self) -> None:
        self.ask()
        self.assertEqual(self.answered().records, [])

    def test_a_name_that_does_not_exist(self) -> None:
        self.ask(ONE, TWO)
        self.assertIsInstance(self.answered(code=dns.ENAME), NoSuchName)

    def test_servers_that_can_not_say(self) -> None:
        for code, word in ((dns.ESERVER, "SERVFAIL"), (dns.EREFUSED, "REFUSED"), (9, "code 9")):
            with self.subTest(word):
                self.ended.clear()
                self.network.ports.clear()
                self.ask(ONE, TWO)
                for place, server in enumerate((ONE, TWO, ONE, TWO)):
                    self.assertEqual(self.network.ports[place].sent[0][1], server)
                    self.receive(self.reply(code=code), server)
                self.assertEqual([str(error) for error in self.ended], [f"{word} from 192.0.2.2"])

    def test_the_next_server_is_asked(self) -> None:
        self.ask(ONE, TWO)
        self.network.advance(1.5)
        self.assertEqual(len(self.network.ports), 2)
        self.receive(self.reply(a("10.0.0.1")), TWO)
        self.assertEqual(self.ended[0].records[0].dottedQuad(), "10.0.0.1")

    def test_nobody_answers(self) -> None:
        self.ask(ONE, TWO)
        for seconds in (1.5, 1.5, 3):
            self.network.advance(seconds)
        self.assertEqual(self.ended, [])
        self.network.advance(3)
        self.assertIsInstance(self.ended[0], LookupFailed)
        self.assertEqual(str(self.ended[0]), "no answer from 192.0.2.2")
        self.assertEqual([port.open for port in self.network.ports], [False] * 4)

    def test_strangers_are_not_heard(self) -> None:
        self.ask()
        good = self.reply(a("10.0.0.1"))
        question = dns.Message()
        question.fromStr(good)
        self.receive(good, TWO)
        self.receive(self.reply(a("10.0.0.2"), id=(question.id + 1) % 65536))
        self.receive(b"")
        self.assertEqual(self.ended, [])
        self.receive(good)
        self.assertEqual(self.ended[0].records[0].dottedQuad(), "10.0.0.1")

    def test_answers_to_something_else(self) -> None:
        for more in ({"queries": [dns.Query("other", dns.A)]}, {"queries": []}, {"answer": 0}):
            self.ended.clear()
            self.ask()
            self.receive(self.reply(a("10.0.0.1"), **more))
            self.assertEqual(self.ended, [])
            self.receive(self.reply(a("10.0.0.1"), **more))
            self.assertEqual(
                [str(error) for error in self.ended], ["an answer to something else from 192.0.2.1"]
            )

    def test_no_descriptor(self) -> None:
        self.network.full = True
        self.ask()
        self.assertIsInstance(self.ended[0], LookupFailed)

    def test_no_name_servers(self) -> None:
        client = NameServers(self.network, lambda: ())
        Task(client.ask("a", dns.A), lambda answer, error: self.ended.append(error)).start()
        self.assertEqual(str(self.ended[0]), "no name servers")

    def test_cancelled(self) -> None:
        task = self.ask()
        task.cancel()
        self.assertFalse(self.network.ports[0].open)
        self.network.advance(60)
        self.assertEqual(len(self.ended), 1)


class OverTcp(Case):
    """What does not fit into a datagram."""

    def setUp(self) -> None:
        super().setUp()
        self.task = self.ask(ONE, TWO)
        self.receive(self.reply(a("10.0.0.9"), truncated=True))
        self.assertEqual(self.ended, [])
        [self.connector] = self.network.connectors

    def asked(self) -> dns.Message:
        message = dns.Message()
        message.fromStr(self.connector.transport.value()[2:])
        return message

    def test_an_answer(self) -> None:
        self.assertEqual(self.connector.address, ONE)
        self.connector.connect()
        question = self.asked()
        message = dns.Message(question.id, answer=1, maxSize=0)
        message.queries = question.queries
        message.answers = [a(f"10.0.{number >> 8}.{number & 255}") for number in range(500)]
        data = message.toStr()
        for place in range(2):
            frame = len(data).to_bytes(2, "big") + data
            self.connector.protocol.dataReceived(
                frame[place * 3000 : (place + 1) * 3000 if not place else None]
            )
        self.assertEqual(len(self.ended[0].records), 500)
        self.assertEqual(self.connector.closed, 1)
        self.connector.protocol.connectionLost(None)
        self.assertEqual(self.network.getDelayedCalls(), [])

    def test_it_can_not_be_reached(self) -> None:
        self.connector.factory.clientConnectionFailed(self.connector, Failure(ConnectionRefusedError()))
        self.assertEqual(self.network.ports[-1].sent[0][1], TWO, "the next one is asked")
        self.receive(self.reply(a("10.0.0.1")), TWO)
        self.assertEqual(len(self.ended[0].records), 1)

    def test_it_closes(self) -> None:
        self.connector.connect()
        self.connector.protocol.connectionLost(None)
        self.assertEqual(self.network.ports[-1].sent[0][1], TWO)

    def test_it_says_nothing(self) -> None:
        self.connector.connect()
        self.network.advance(TCP_TIMEOUT)
        self.assertEqual(self.network.ports[-1].sent[0][1], TWO)
        self.assertEqual(self.connector.closed, 1)

    def test_cancelled(self) -> None:
        self.connector.connect()
        self.task.cancel()
        self.assertEqual(self.connector.closed, 1)
        self.connector.protocol.connectionLost(None)
        self.network.advance(60)
        self.assertEqual(len(self.network.ports), 1)


class ResolvConf(SynchronousTestCase):
    def read(self, text: str) -> list[tuple[str, int]]:
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(text)
        return name_servers(path)

    def test_its_servers(self) -> None:
        text = "# nameserver 10.0.0.9\nsearch a b\nnameserver 10.0.0.1\nnameserver\n nameserver ::1 # x\n"
        self.assertEqual(self.read(text), [("10.0.0.1", 53), ("::1", 53)])

    def test_none(self) -> None:
        self.assertEqual(self.read("search a\n"), [("127.0.0.1", 53)])
        self.assertEqual(name_servers(os.path.join(self.mktemp(), "none")), [("127.0.0.1", 53)])
