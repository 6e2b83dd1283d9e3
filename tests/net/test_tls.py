"""The TLS layer: two of them joined in memory agree, carry, and end as TLS says."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from tests.net.two_layers import DATA, PAIR, Above, ByPublicCalls, TwoLayers, client_context
from toron.net.stream import Stream
from toron.net.tls import TlsFailed, TlsLayer
from toron.net.tls_context import server_context


class Whole:
    """As `Above`, for protocols without half-close."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure) -> None:
        self.lost = reason


class Lenient(Above):
    """Wants to know of a cut, and go on."""

    def read_cut(self) -> None:
        self.ends.append("cut")


class Handshakes(TwoLayers):
    """What is agreed, or not."""

    def test_both_know_what_was_agreed(self) -> None:
        self.shake()
        for layer in (self.client, self.server):
            info = layer.info()
            self.assertEqual((info.version, info.alpn, info.sni), ("TLSv1.3", "two", "server.test"))
            self.assertTrue(info.cipher.startswith("TLS_"))

    def test_byte_by_byte(self) -> None:
        self.shake(1)
        self.client.write(b"hello")
        self.wire.run(1)
        self.assertEqual(self.above_server.received, b"hello")

    def test_versions_that_do_not_meet(self) -> None:
        context = client_context()
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        self.layers(Above(), Above(), "modern")
        self.client = TlsLayer(context, server=False, ready=self.ready.append)
        self.wire.join(self.client, self.server)
        self.wire.run()
        texts = sorted(str(failure) for failure in self.ready)
        self.assertEqual(texts, ["tlsv1 alert protocol version", "unsupported protocol"])
        self.assertFalse(self.wire.near.connected or self.wire.far.connected)

    def test_garbage(self) -> None:
        self.wire.join(self.client, self.server)
        self.wire.near.buffer[:] = b"GET / HTTP/1.1\r\n\r\n"
        self.wire.run()
        self.assertEqual(len(self.ready), 2)
        self.assertIsInstance(self.ready[0], TlsFailed)
        self.assertIsNone(self.above_server.lost, "it was never connected")

    def test_a_check_that_fails(self) -> None:
        def check(connection: SSL.Connection) -> None:
            raise TlsFailed("the certificate is not for you")

        self.client = TlsLayer(client_context(), server=False, ready=self.ready.append, check=check)
        self.wire.join(self.client, self.server)
        self.wire.run()
        self.assertIn("the certificate is not for you", map(str, self.ready))
        self.assertTrue(self.client.distrusted)
        self.assertFalse(self.wire.near.connected)

    def test_the_other_side_goes_in_the_middle(self) -> None:
        for how in ("loseConnection", "abortConnection", "loseWriteConnection"):
            self.setUp()
            self.wire.join(self.client, self.server)
            self.wire.near.carry(100)
            getattr(self.wire.near, how)()
            self.wire.near.buffer.clear()
            self.wire.run()
            self.assertIn("closed during the handshake", str(self.ready[-1]))
            self.assertFalse(self.wire.far.connected)
            self.assertIsNone(self.above_server.lost, "it was never connected")

    def test_who_is_told_may_end_it(self) -> None:
        self.server = TlsLayer(
            server_context(PAIR, "modern", ()), server=True, ready=lambda _: self.server.abortConnection()
        )
        self.server.protocol = self.above_server
        self.wire.join(self.client, self.server)
        self.wire.run()
        self.assertTrue(self.above_server.lost and self.above_server.lost.check(ConnectionAborted))


class Bytes(TwoLayers):
    """What is carried."""

    def setUp(self) -> None:
        super().setUp()
        self.shake()

    def test_there_and_back_in_any_pieces(self) -> None:
        for most in (1, 7, 1 << 14, 1 << 16):
            del self.above_server.received[:], self.above_client.received[:]
            self.client.write(DATA[:5000])
            self.server.writeSequence([DATA[:3000], DATA[3000:9000]])
            self.wire.run(most)
            self.assertEqual(self.above_server.received, DATA[:5000])
            self.assertEqual(self.above_client.received, DATA[:9000])

    def test_much_at_once(self) -> None:
        self.client.write(DATA * 8)
        self.client.write(b"")
        self.wire.run()
        self.assertEqual(self.above_server.received, DATA * 8)

    def test_the_order_of_a_large_write_and_one_within_it(self) -> None:
        class Interrupts:
            def pauseProducing(producer) -> None:  # noqa: N805  # self is the test
                self.client.write(b"within")

            def resumeProducing(self) -> None:
                """It has nothing to say."""

            def stopProducing(self) -> None:
                """It has nothing to say."""

        self.client.registerProducer(Interrupts(), True)
        self.client.write(DATA)
        self.wire.run()
        self.assertEqual(self.above_server.received, DATA + b"within")

    def test_a_pause_keeps_everything(self) -> None:
        self.server.pauseProducing()
        self.client.write(DATA)
        self.wire.run()
        self.assertEqual(self.above_server.received, b"")
        self.server.resumeProducing()
        self.wire.run()
        self.assertEqual(self.above_server.received, DATA)

    def test_a_pause_in_the_middle_of_what_was_received(self) -> None:
        received: list[bytes] = []

        class Once(Above):
            def dataReceived(above, data: bytes) -> None:  # noqa: N805  # self is the test
                received.append(data)
                self.server.pauseProducing()

        self.server.protocol = Once()
        self.client.write(b"first")
        self.wire.run()
        self.client.write(b"second")
        self.wire.run()
        self.assertEqual(received, [b"first"])
        self.server.resumeProducing()
        self.wire.run()
        self.assertEqual(received, [b"first", b"second"])

    def test_back_pressure_reaches_the_producer(self) -> None:
        calls: list[str] = []

        class Producer:
            def pauseProducing(self) -> None:
                calls.append("pause")

            def resumeProducing(self) -> None:
                calls.append("resume")

            def stopProducing(self) -> None:
                calls.append("stop")

        self.client.registerProducer(Producer(), True)
        self.client.write(DATA)
        self.assertEqual(calls, ["pause"])
        self.wire.run()
        self.assertEqual(calls, ["pause", "resume"])
        self.client.unregisterProducer()
        self.client.write(DATA)
        self.assertEqual(calls, ["pause", "resume"])


class Endings(TwoLayers):
    """How it ends."""

    def setUp(self) -> None:
        super().setUp()
        self.shake()

    def test_one_direction_and_then_the_other(self) -> None:
        self.client.write(b"question")
        self.client.loseWriteConnection()
        self.client.write(b"not sent any more")
        self.wire.run()
        self.assertEqual(self.above_server.received, b"question")
        self.assertEqual(self.above_server.ends, ["read"])
        self.assertIsNone(self.above_server.lost)
        self.server.write(b"answer")
        self.server.loseConnection()
        self.wire.run()
        self.assertEqual(self.above_client.received, b"answer")
        self.assertEqual(self.above_client.ends, ["read"])
        self.assertTrue(self.above_server.lost and self.above_server.lost.check(ConnectionDone))

    def test_what_was_written_comes_before_the_end(self) -> None:
        self.client.write(DATA)
        self.client.loseConnection()
        self.client.loseConnection()
        self.wire.run()
        self.assertEqual(self.above_server.received, DATA)
        self.assertEqual(self.above_server.ends, ["read"])
        self.assertTrue(self.above_client.lost and self.above_client.lost.check(ConnectionDone))

    def test_a_protocol_without_half_close_is_closed(self) -> None:
        self.server.protocol = whole = Whole()
        self.client.write(b"x")
        self.client.loseWriteConnection()
        self.wire.run()
        self.assertEqual(whole.received, b"x")
        self.assertTrue(whole.lost and whole.lost.check(ConnectionDone))
        self.assertEqual(self.above_client.ends, ["read"], "it was told goodbye too")

    def test_a_pause_keeps_the_end_too(self) -> None:
        self.server.pauseProducing()
        self.client.write(b"x")
        self.client.loseConnection()
        self.wire.run()
        self.assertEqual((self.above_server.received, self.above_server.ends), (b"", []))
        self.server.resumeProducing()
        self.wire.run()
        self.assertEqual((self.above_server.received, self.above_server.ends), (b"x", ["read"]))

    def test_a_stream_that_is_cut_is_lost(self) -> None:
        for how in ("loseConnection", "loseWriteConnection"):
            self.setUp()
            self.client.write(b"half")
            getattr(self.wire.near, how)()
            self.wire.run()
            self.assertEqual(self.above_server.received, b"half")
            self.assertEqual(self.above_server.ends, [])
            self.assertTrue(self.above_server.lost and self.above_server.lost.check(ConnectionLost))

    def test_a_cut_may_be_told(self) -> None:
        self.server.protocol = lenient = Lenient()
        self.client.write(b"half")
        self.wire.near.loseWriteConnection()
        self.wire.run()
        self.assertEqual((lenient.received, lenient.ends, lenient.lost), (b"half", ["cut"], None))
        self.server.write(b"still")
        self.wire.run()
        self.assertEqual(self.above_client.received, b"still")

    def test_a_cut_is_passed_on_without_notice(self) -> None:
        self.client.protocol = lenient = Lenient()
        self.server.write(b"half")
        self.server.cut_write()
        self.server.cut_write()
        self.server.loseConnection()
        self.wire.run()
        self.assertEqual((lenient.received, lenient.ends), (b"half", ["cut"]))

    def test_a_reset(self) -> None:
        self.client.abortConnection()
        self.client.abortConnection()
        self.assertTrue(self.above_server.lost and self.above_server.lost.check(ConnectionLost))
        self.assertTrue(self.above_client.lost and self.above_client.lost.check(ConnectionAborted))
        for layer in (self.client, self.server):
            layer.write(b"to nobody")
            layer.loseWriteConnection()
            layer.loseConnection()
            layer.resumeProducing()
            self.assertFalse(layer.connected)

    def test_a_record_that_is_garbage_is_answered_with_an_alert(self) -> None:
        self.wire.near.write(b"\x17\x03\x03\x00\x20" + bytes(32))
        self.wire.far.carry(1 << 16)
        self.wire.near.carry(1 << 16)
        self.assertTrue(self.wire.far.buffer.startswith(b"\x17\x03\x03"), "an alert is on its way")
        self.server.write(b"this must not follow it")
        self.wire.run()
        self.assertEqual(self.above_client.received, b"")
        self.assertTrue(self.above_server.lost and self.above_server.lost.check(ConnectionLost))

    def test_an_end_behind_data_that_is_held_up_for_a_moment(self) -> None:
        class HoldsUp(Above):
            def dataReceived(above, data: bytes) -> None:  # noqa: N805  # self is the test
                self.server.pauseProducing()
                self.server.resumeProducing()
                super().dataReceived(data) if not above.ends else above.ends.append("late")

        self.server.protocol = above = HoldsUp()
        self.client.write(b"last words")
        self.client.loseWriteConnection()
        self.wire.run()
        self.assertEqual(above.ends.count("read"), 1)

    def test_close_is_at_once_where_the_transport_can(self) -> None:
        calls: list[str] = []

        class Quick(Stream):
            def __init__(self) -> None:
                """Without a socket."""

            def write(self, data: bytes) -> None:
                calls.append("write")

            def close(self) -> None:
                calls.append("close")

            def loseConnection(self, reason: Any = None) -> None:
                calls.append("lose")

        self.server.transport = Quick()
        self.server.close()
        self.server.close()
        self.server.loseConnection()
        self.assertEqual(calls, ["write", "close"])

    def test_close_is_an_orderly_end_elsewhere(self) -> None:
        self.server.write(DATA)
        self.server.close()
        self.server.close()
        self.wire.run()
        self.assertEqual((self.above_client.received, self.above_client.ends), (DATA, ["read"]))
        self.assertTrue(self.above_server.lost and self.above_server.lost.check(ConnectionDone))
        self.server.close()

    def test_nothing_is_read_after_the_end(self) -> None:
        self.client.loseWriteConnection()
        self.wire.run()
        self.wire.near.write(b"\x17\x03\x03\x00\x01x")
        self.wire.near.write(b"more")
        self.wire.run()
        self.assertEqual(self.above_server.received, b"")
        self.assertEqual(self.above_server.ends, ["read"])


class HandshakesByPublicCalls(ByPublicCalls, Handshakes):
    """What is agreed, or not."""


class BytesByPublicCalls(ByPublicCalls, Bytes):
    """What is carried."""


class EndingsByPublicCalls(ByPublicCalls, Endings):
    """How it ends."""
