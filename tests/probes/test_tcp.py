"""A TCP server is well when it takes a connection and says what is expected."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.loopback.conversation import Conversation
from tests.loopback.sockets import eventually, free_port
from tests.probes.case import ProbeCase, reactor
from toron.interfaces import Probe
from toron.probes.tcp import tcp_probe


class TcpProbe(ProbeCase):
    """Against scripts."""

    def probe(self, send: bytes = b"", expect: str | None = None, preface: bytes = b"") -> Probe:
        return tcp_probe(self.environment, self.dialer, send, expect, preface)

    async def test_a_connection_is_enough(self) -> None:
        backend = self.backend(None)
        self.assertEqual(await self.why(self.probe(), backend.port), "")
        eventually(lambda: backend.connections == 1)

    async def test_nobody_there(self) -> None:
        why = await self.why(self.probe(), free_port())
        self.assertRegex(why, "^UpstreamFailed: upstream_connect_refused")

    async def test_what_it_sends_and_expects(self) -> None:
        def redis(conversation: Conversation) -> None:
            self.assertEqual(conversation.read_exactly(6), b"PING\r\n")
            conversation.send(b"+PO")
            conversation.wait(0.05)
            conversation.send(b"NG\r\n")
            conversation.read_all()

        backend = self.backend(redis)
        self.assertEqual(await self.why(self.probe(b"PING\r\n", r"^\+PONG\r\n"), backend.port), "")

    async def test_a_server_that_speaks_first(self) -> None:
        backend = self.backend(lambda conversation: conversation.send(b"220 \xff ready\r\n"))
        self.assertEqual(await self.why(self.probe(expect="^220 .* ready"), backend.port), "")

    async def test_a_proxy_header_goes_first(self) -> None:
        backend = self.backend(lambda conversation: conversation.send(conversation.read_exactly(8)))
        self.assertEqual(await self.why(self.probe(b"PING", "^headPING$", b"head"), backend.port), "")

    async def test_closed_without_a_word(self) -> None:
        backend = self.backend(lambda conversation: None)
        why = await self.why(self.probe(expect="x"), backend.port)
        self.assertEqual(why, "ProbeFailed: closed after nothing")

    async def test_closed_after_another_word(self) -> None:
        backend = self.backend(lambda conversation: conversation.send(b"-ERR\r\n"))
        why = await self.why(self.probe(expect="OK"), backend.port)
        self.assertEqual(why, r"ProbeFailed: closed after '-ERR\r\n'")

    async def test_a_server_that_says_too_much(self) -> None:
        def endless(conversation: Conversation) -> None:
            for _ in range(100):
                conversation.send(b"no " * 1000)

        why = await self.why(self.probe(expect="yes"), self.backend(endless).port)
        self.assertRegex(why, "^ProbeFailed: said 'no no no")
        self.assertLess(len(why), 80)

    async def test_given_up_it_tells_what_was_said(self) -> None:
        def half(conversation: Conversation) -> None:
            conversation.send(b"-NOAUTH")
            conversation.read_all()

        backend = self.backend(half)
        why = await self.given_up(self.probe(expect="PONG"), backend.port)
        self.assertEqual(why, "ProbeFailed: said '-NOAUTH'")
        self.assertEqual(backend.open, 0, "the connection is not left open")

    async def test_given_up_in_silence(self) -> None:
        backend = self.backend(None)
        self.assertEqual(await self.given_up(self.probe(expect="PONG"), backend.port), "CancelledError: ")

    async def given_up(self, probe: Probe, port: int) -> str:
        """What comes of a probe that is cancelled when the server has had time to speak."""
        asked: Deferred[None] = self.probing(probe, port)
        await deferLater(reactor, 0.2)
        asked.cancel()
        try:
            await asked
        except Exception as error:
            await deferLater(reactor, 0.1)
            return f"{type(error).__name__}: {error}"
        return ""

    def test_an_expression_that_is_none(self) -> None:
        self.assertRaises(ValueError, self.probe, b"", "(")
