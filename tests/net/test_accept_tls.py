"""TLS on an accepted connection: the certificate by name, and an alert for who can not be served."""

from __future__ import annotations

from typing import Any

from tests.net.certificates_made import p256
from tests.net.tls_accepted import CERTIFICATES, TlsAccepted
from tests.net.wires import Taker
from toron.core.refusal import DENIED, Refusal
from toron.core.wait import Task, Wait
from toron.net.accept_tls import accept_tls, alert, read_hello
from toron.net.certificate_source import Source
from toron.net.certificates import Certificates
from toron.wire.events import Malformed


class AcceptingCase(TlsAccepted):
    """Accepts."""

    certificates = CERTIFICATES

    def accept(self, *protocols: bytes, plain: bytes = b"", tickets_wait: bool = False) -> None:
        """Begin."""
        self.begin(
            accept_tls(
                self.connection,
                self.certificates,
                5.0,
                protocols=protocols,
                plain=plain,
                tickets_wait=tickets_wait,
            )
        )


class Accepting(AcceptingCase):
    """A connection from a client that speaks TLS, or does not."""

    def test_afterwards_the_transport_is_the_decrypted_one(self) -> None:
        for most in (1, 1 << 16):
            self.setUp()
            self.accept(b"one")
            client = self.shake("b.test", b"two", b"one")
            self.wire.run(most)
            self.assertEqual((self.results, self.told), ([None], [None]))
            assert self.connection.tls is not None and self.connection.hello is not None
            self.assertEqual((self.connection.tls.alpn, self.connection.tls.sni), ("one", "b.test"))
            self.assertEqual(self.connection.hello.alpn, (b"two", b"one"))
            client.write(b"early")
            self.wire.run(most)
            taker = Taker()
            self.connection.hand_over(taker)
            self.wire.run(most)
            self.assertEqual(taker.received, b"early")
            taker.transport.write(b"answer")
            self.wire.run(most)
            self.assertEqual(self.client.received, b"answer")
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_it_costs(self) -> None:
        for waits, writes in ((True, 2), (False, 3)):
            self.setUp()
            written: list[bytes] = []
            pauses: list[None] = []
            write, pause = self.wire.far.write, self.wire.far.pauseProducing
            self.wire.far.write = lambda data: [written.append(data), write(data)]  # noqa: B023
            self.wire.far.pauseProducing = lambda: [pauses.append(None), pause()]  # noqa: B023
            taker = Taker()

            async def serve(waits: bool = waits, taker: Taker = taker) -> None:
                await accept_tls(self.connection, CERTIFICATES, 5.0, tickets_wait=waits)
                self.connection.hand_over(taker)

            self.begin(serve())
            client = self.shake("a.test")
            self.wire.run()
            client.write(b"question")
            self.wire.run()
            self.assertEqual(taker.received, b"question")
            taker.transport.write(b"answer")
            self.wire.run()
            self.assertEqual(self.client.received, b"answer")
            self.assertEqual((len(written), pauses), (writes, []))

    def test_the_end_is_heard_of(self) -> None:
        self.accept()
        client = self.shake("a.test")
        self.wire.run()
        client.abortConnection()
        self.assertTrue(self.connection.ended.done)

    def test_an_unknown_name(self) -> None:
        self.accept()
        self.shake("c.test")
        self.wire.run()
        self.assertEqual(self.reason(), "unrecognized_name")
        self.assertIn("unrecognized name", str(self.told[0]))
        self.assertFalse(self.wire.far.connected)

    def test_a_protocol_that_nobody_speaks(self) -> None:
        self.accept(b"one")
        self.shake("a.test", b"two", b"three")
        self.wire.run()
        self.assertEqual(self.reason(), "handshake_failed")
        self.assertEqual(self.results[0].detail, "none of its protocols is spoken here: two, three")
        self.assertIn("no application protocol", str(self.told[0]))

    def test_no_tls_at_all(self) -> None:
        for plain in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"):
            self.setUp()
            self.accept(plain=plain)
            self.wire.near.write(b"GET / HTTP/1.1\r\n\r\n")
            self.wire.run()
            self.assertIsInstance(self.results[0], Malformed)
            self.assertEqual(self.client.received, plain)

    def test_a_hello_that_is_not_well_formed(self) -> None:
        self.accept(plain=b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.wire.near.write(b"\x16\x03\x01\x00\x00")
        self.wire.run()
        self.assertEqual(self.client.received, alert(50))

    def test_one_deadline_for_all_of_it(self) -> None:
        self.accept()
        self.clock.advance(3)
        self.shake("a.test")
        self.wire.near.carry(1 << 16)
        self.clock.advance(1.9)
        self.assertEqual(self.results, [])
        self.clock.advance(0.2)
        self.assertEqual(self.reason(), "handshake_timeout")

    def test_no_hello(self) -> None:
        self.accept()
        self.clock.advance(5.1)
        self.assertEqual(self.reason(), "handshake_timeout")

    def test_the_client_goes_in_the_middle(self) -> None:
        self.accept()
        self.shake("a.test")
        self.wire.near.carry(1 << 16)
        self.wire.near.abortConnection()
        self.assertEqual(self.reason(), "handshake_failed")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_hello_is_only_looked_at(self) -> None:
        async def reading() -> str:
            return (await read_hello(self.connection, 5.0)).sni

        Task(reading(), lambda name, _: self.results.append(name)).start()
        self.shake("a.test")
        said = bytes(self.wire.near.buffer)
        self.wire.run(100)
        self.assertEqual(self.results, ["a.test"])
        self.assertEqual(self.connection.held, said)


class Demanding(AcceptingCase):
    """Names that get their certificate when they are asked for."""

    def setUp(self) -> None:
        super().setUp()
        self.certificates = Certificates([Source(p256("a.test"))], "intermediate", (), strict=True)
        self.asked: list[str] = []
        self.answer: Wait[None] = Wait()
        self.certificates.demand = self.demand

    async def demand(self, name: str, client_ip: str) -> None:
        self.asked.append(name)
        await self.answer
        self.certificates.add(Source(p256("new.test")))

    def test_the_handshake_waits_for_it(self) -> None:
        self.accept()
        self.shake("new.test")
        self.wire.run()
        self.assertEqual((self.asked, self.results), (["new.test"], []))
        self.answer.fire(None)
        self.wire.run()
        self.assertEqual((self.results, self.told), ([None], [None]))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_name_that_got_none(self) -> None:
        self.accept()
        self.shake("other.test")
        self.answer.fire(None)
        self.wire.run()
        self.assertEqual(self.reason(), "unrecognized_name")
        self.assertIn("unrecognized name", str(self.told[0]))

    def test_not_for_this_client(self) -> None:
        self.accept()
        self.shake("new.test")
        self.wire.run()
        self.answer.fail(Refusal(DENIED))
        self.wire.run()
        self.assertEqual(self.reason(), "address_denied")
        self.assertIn("unrecognized name", str(self.told[0]))

    def test_not_in_time(self) -> None:
        self.accept()
        self.shake("new.test")
        self.wire.run()
        self.clock.advance(5.1)
        self.wire.run()
        self.assertEqual(self.reason(), "handshake_timeout")
        self.assertIn("unrecognized name", str(self.told[0]))

    def test_where_the_first_serves_all_others(self) -> None:
        self.certificates = Certificates([Source(p256("a.test"))], "intermediate", (), strict=False)
        self.certificates.demand = self.demand
        self.answer.fire(None)
        for name, shown in (("new.test", "new.test"), ("other.test", "a.test"), ("", "a.test")):
            AcceptingCase.setUp(self)
            self.accept()
            client = self.shake(name)
            self.wire.run()
            self.assertEqual(self.results, [None])
            leaf: Any = client._ssl.get_peer_certificate(as_cryptography=True)
            self.assertEqual(leaf.subject.rfc4514_string(), f"CN={shown}")
        self.assertEqual(self.asked, ["new.test", "other.test"])

    def test_a_proof_is_shown_to_who_looks_for_one(self) -> None:
        self.certificates.sources[0].offer_challenge("new.test", p256("new.test"))
        self.accept()
        self.shake("new.test", b"acme-tls/1")
        self.wire.run()
        self.assertEqual((self.asked, self.reason()), ([], "acme_challenge"))

    def test_names_that_are_there_ask_nobody(self) -> None:
        self.accept()
        self.shake("a.test")
        self.wire.run()
        self.assertEqual((self.asked, self.results), ([], [None]))


class Challenged(TlsAccepted):
    """Who only wants to see who we are (RFC 8737)."""

    def test_nothing_is_served_behind_it(self) -> None:
        source, proof = Source(p256("a.test")), p256("a.test")
        certificates = Certificates([source], "intermediate", (b"h2",), strict=True)
        source.offer_challenge("a.test", proof)
        self.begin(accept_tls(self.connection, certificates, 5.0, protocols=(b"h2",)))
        client = self.shake("a.test", b"acme-tls/1")
        self.wire.run()
        self.assertEqual((self.told, self.reason()), ([None], "acme_challenge"))
        self.assertEqual(client.info().alpn, "acme-tls/1")
        shown = client._ssl.get_peer_certificate(as_cryptography=True)
        self.assertEqual(shown, proof.leaf)
        self.assertFalse(self.wire.far.connected)

    def test_where_nothing_is_to_be_shown(self) -> None:
        certificates = Certificates([Source(p256("a.test"))], "intermediate", (b"h2",), strict=True)
        self.begin(accept_tls(self.connection, certificates, 5.0, protocols=(b"h2",)))
        self.shake("a.test", b"acme-tls/1")
        self.wire.run()
        self.assertEqual(self.reason(), "handshake_failed")
        self.assertIn("no application protocol", str(self.told[0]))
