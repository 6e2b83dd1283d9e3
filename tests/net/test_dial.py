"""A connection to a server: made, secured and verified, or refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.loopback.authority import Authority, Pair
from tests.loopback.client_authority import ClientAuthority
from tests.net.wires import End, Taker, Wire
from toron.core.refusal import CONNECT_REFUSED, UpstreamFailed
from toron.core.server import Server
from toron.core.wait import Cancelled, Task, Wait
from toron.net import dial
from toron.net.dial import Dialer, UpstreamTls, client_context
from toron.net.key_pair import KeyPair
from toron.net.tls import TlsFailed, TlsLayer
from toron.net.tls_context import server_context


class Attempt:
    """What a Dialer makes: it stands when the test says so."""

    stands = False

    def __init__(self, test: Dialling, address: str, port: int) -> None:
        self.test = test
        self.wanted = (address, port)
        self.seconds = -1.0
        self.outcome: Wait[None] = Wait()
        test.attempts.append(self)

    async def wait(self, seconds: float) -> None:
        self.seconds = seconds
        await self.outcome

    def transport(self, protocol: Any) -> End:
        end = self.test.wire.near
        end.protocol = protocol
        end.paused = True
        return end


class Unreached(UpstreamFailed):
    """Nobody answers there."""

    def __init__(self, *, ours: bool = False) -> None:
        super().__init__(CONNECT_REFUSED, untouched=True, ours=ours)


class Dialling(SynchronousTestCase):
    """One attempt."""

    def setUp(self) -> None:
        self.reactor = Clock()
        self.wire = Wire()
        self.socket = self.wire.near
        self.wire.far.protocol = self.far = Taker()
        self.protocol = Taker()
        self.attempts: list[Attempt] = []
        self.patch(dial, "Attempt", lambda reactor, address, port: Attempt(self, address, port))
        self.results: list[Any] = []

    def dial(
        self,
        url: str = "tcp://192.0.2.1:80",
        first: bytes = b"",
        tls: UpstreamTls | None = None,
        paused: bool = False,
    ) -> Task[Any]:
        """Begin."""
        dialing = Dialer(self.reactor, 3.0, tls).dial(Server(url), self.protocol, first, paused=paused)
        task = Task(dialing, lambda result, failed: self.results.append(failed or result))
        task.start()
        return task

    def connect(self) -> None:
        """The server's machine accepts."""
        self.attempts[-1].outcome.fire(None)

    def failure(self) -> UpstreamFailed:
        """Why it failed."""
        (failed,) = self.results
        assert isinstance(failed, UpstreamFailed), failed
        return failed


class Plain(Dialling):
    """Without TLS."""

    def test_the_protocol_gets_the_transport(self) -> None:
        self.dial()
        self.assertEqual(self.attempts[0].wanted, ("192.0.2.1", 80))
        self.assertEqual(self.attempts[0].seconds, 3.0)
        self.assertEqual(self.results, [])
        self.connect()
        self.assertEqual(self.results, [self.socket])
        self.assertIs(self.protocol.transport, self.socket)
        self.assertIs(self.socket.protocol, self.protocol)
        self.assertFalse(self.socket.paused)

    def test_one_that_stands_at_once(self) -> None:
        self.patch(Attempt, "stands", True)
        self.dial()
        self.assertEqual(self.results, [self.socket])
        self.assertEqual(self.attempts[0].seconds, -1.0, "nobody waited")

    def test_nothing_is_read_where_that_is_wanted(self) -> None:
        self.dial(paused=True)
        self.connect()
        self.assertEqual(self.results, [self.socket])
        self.assertTrue(self.socket.paused)
        self.assertIs(self.socket.protocol, self.protocol)
        self.assertIsNone(self.protocol.transport)

    def test_what_is_first_is_first(self) -> None:
        self.dial(first=b"PROXY UNKNOWN\r\n")
        self.connect()
        self.assertEqual(self.socket.buffer, b"PROXY UNKNOWN\r\n")

    def test_another_port_of_the_same_machine(self) -> None:
        dialer = Dialer(self.reactor, 3.0, None).at_port(8080)
        Task(dialer.dial(Server("tcp://[2001:db8::1]:80"), self.protocol), lambda *_: None).start()
        self.assertEqual(self.attempts[0].wanted, ("2001:db8::1", 8080))

    def test_a_failure(self) -> None:
        self.dial()
        self.attempts[0].outcome.fail(Unreached())
        self.assertEqual(self.failure().reason, CONNECT_REFUSED)

    def to_a_name(self, *addresses: str) -> None:
        """Dial a name, which took a second to be found."""

        async def lookup(host: str, seconds: float) -> list[str]:
            self.assertEqual((host, seconds), ("a.example", 3.0))
            self.reactor.advance(1.0)
            return list(addresses)

        dialer = Dialer(self.reactor, 3.0, None)
        dialer._resolver.addresses = lookup  # type: ignore[method-assign]
        Task(
            dialer.dial(Server("tcp://a.example:80"), self.protocol),
            lambda result, failed: self.results.append(failed or result),
        ).start()

    def test_every_address_of_a_name_has_its_share_of_the_time(self) -> None:
        self.to_a_name("2001:db8::1", "192.0.2.1")
        (first,) = self.attempts
        self.assertEqual((first.wanted[0], first.seconds), ("2001:db8::1", 1.0))
        first.outcome.fail(Unreached())
        self.assertEqual([each.wanted[0] for each in self.attempts], ["2001:db8::1", "192.0.2.1"])
        self.assertEqual(self.attempts[1].seconds, 2.0)
        self.attempts[1].outcome.fail(Unreached())
        self.assertEqual(self.failure().reason, CONNECT_REFUSED)

    def test_the_second_address_of_a_name(self) -> None:
        self.to_a_name("2001:db8::1", "192.0.2.1")
        self.attempts[0].outcome.fail(Unreached())
        self.connect()
        self.assertEqual(self.results, [self.socket])

    def test_what_is_our_fault_would_be_it_with_every_address(self) -> None:
        self.to_a_name("2001:db8::1", "192.0.2.1")
        self.attempts[0].outcome.fail(Unreached(ours=True))
        self.assertTrue(self.failure().ours)
        self.assertEqual(len(self.attempts), 1)

    def test_given_up(self) -> None:
        self.dial().cancel()
        self.assertIsInstance(self.results[0], Cancelled)
        self.assertIsNone(self.protocol.transport)


class Secure(Dialling):
    """Over TLS; the server is a TLS layer on the other end of the wire."""

    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.mktemp())
        folder.mkdir()
        self.authority = Authority(folder)
        self.stranger = Authority(folder, "a stranger")

    def shake(
        self,
        pair: Pair,
        *,
        url: str = "tls://192.0.2.1:443",
        name: str | None = None,
        verify: bool = True,
        first: bytes = b"",
    ) -> None:
        """Dial, connect, and shake hands with a server that shows this certificate."""
        context = client_context(str(self.authority.ca), verify, None, None, ())
        self.dial(url, first, UpstreamTls(context, name, verify))
        self.told: list[TlsFailed | None] = []
        shown = server_context(KeyPair(pair.cert.read_bytes(), pair.key.read_bytes()), "intermediate", ())
        self.server = TlsLayer(shown, server=True, ready=self.told.append)
        self.server.protocol = self.far
        self.wire.far.protocol = self.server
        self.server.makeConnection(self.wire.far)
        self.connect()
        if first:
            self.assertTrue(self.socket.buffer.startswith(first))
            del self.socket.buffer[: len(first)]
        self.wire.run()

    def test_the_transport_is_the_decrypted_one(self) -> None:
        pair = self.authority.issue("server.test", "192.0.2.1")
        for name in (None, "server.test"):
            Dialling.setUp(self)
            self.shake(pair, name=name, first=b"PROXY UNKNOWN\r\n")
            (transport,) = self.results
            transport.write(b"question")
            self.wire.run()
            self.server.write(b"answer")
            self.wire.run()
            self.assertEqual((self.far.received, self.protocol.received), (b"question", b"answer"))
            self.assertEqual(self.server.info().sni, name or "")
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_a_certificate_for_another_name(self) -> None:
        pair = self.authority.issue("other.test")
        for name, text in (("server.test", "server.test"), (None, "192.0.2.1")):
            Dialling.setUp(self)
            self.shake(pair, name=name)
            failed = self.failure()
            self.assertEqual(failed.reason.word, "upstream_certificate_invalid")
            self.assertEqual(failed.detail, f"the certificate is not for {text}")
            self.assertTrue(failed.untouched)
            self.assertFalse(self.socket.connected)
            self.assertIsNone(self.protocol.transport)

    def test_a_certificate_for_no_name(self) -> None:
        authority = self.authority = ClientAuthority(self.authority.folder, "old")
        self.shake(
            authority.client("server.test", purpose=ExtendedKeyUsageOID.SERVER_AUTH), name="server.test"
        )
        self.assertEqual(self.failure().reason.word, "upstream_certificate_invalid")
        self.assertEqual(
            self.failure().detail, "the certificate is not for server.test: it has no subjectAltName"
        )

    def test_certificates_that_are_not_good(self) -> None:
        for pair, text in (
            (self.stranger.issue("server.test"), "the certificate is of an unknown authority"),
            (self.authority.issue("server.test", days=-1), "the certificate has expired"),
            (self.authority.issue("server.test", days=100), "the certificate is not valid yet"),
        ):
            Dialling.setUp(self)
            self.shake(pair, name="server.test")
            self.assertEqual(self.failure().reason.word, "upstream_certificate_invalid")
            self.assertEqual(self.failure().detail, text)
            self.assertIn("alert", str(self.told[0]), "the server is told")

    def test_nothing_is_verified_where_that_is_wanted(self) -> None:
        self.shake(self.stranger.issue("other.test"), name="server.test", verify=False)
        self.assertIsInstance(self.results[0], TlsLayer)

    def test_a_server_that_speaks_no_tls(self) -> None:
        self.dial(
            "tls://192.0.2.1:443", tls=UpstreamTls(client_context(None, False, None, None, ()), None, False)
        )
        self.connect()
        self.wire.far.write(b"SSH-2.0-x\r\n")
        self.wire.run()
        self.assertEqual(self.failure().reason.word, "upstream_tls_failed")

    def test_a_server_that_says_nothing(self) -> None:
        self.dial(
            "tls://192.0.2.1:443", tls=UpstreamTls(client_context(None, False, None, None, ()), None, False)
        )
        self.connect()
        self.reactor.advance(3.1)
        self.assertEqual(self.failure().reason.word, "upstream_connect_timeout")
        self.assertFalse(self.socket.connected)

    def test_given_up_in_the_middle(self) -> None:
        tls = UpstreamTls(client_context(None, False, None, None, ()), None, False)
        task = self.dial("tls://192.0.2.1:443", tls=tls)
        self.connect()
        task.cancel()
        self.assertFalse(self.socket.connected)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class Contexts(SynchronousTestCase):
    """What goes into a context."""

    def test_files_that_are_not_there(self) -> None:
        self.assertRaises((SSL.Error, OSError), client_context, "/nowhere/ca.pem", True, None, None, ())
        self.assertRaises((SSL.Error, OSError), client_context, None, True, "/nowhere/cert.pem", None, ())
