"""What the TLS layer does no more often than it has to, and that this changes nothing of what arrives."""

from __future__ import annotations

import gc
import weakref

from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.net.two_layers import DATA, PAIR, Above, ByPublicCalls, TwoLayers, client_context
from tests.net.wires import Wire
from toron.net.tls import TlsFailed, TlsLayer
from toron.net.tls_context import server_context


class Tickets(TwoLayers):
    """When a server's session tickets go out, and whether they serve."""

    def server_that(self, *, waits: bool, version: int = SSL.TLS1_3_VERSION) -> None:
        """Make both: the server's tickets wait or not."""
        self.setUp()
        context = server_context(PAIR, "intermediate", ())
        context.set_max_proto_version(version)
        self.server = TlsLayer(context, server=True, ready=self.ready.append, tickets_wait=waits)
        self.server.protocol = self.above_server
        self.shake()

    def test_as_soon_as_they_can(self) -> None:
        self.server_that(waits=False)
        self.assertEqual(len(self.far.written), 2)
        self.server.write(b"answer")
        self.assertLess(len(self.far.written[2]), 40)

    def test_with_the_first_answer(self) -> None:
        self.server_that(waits=True)
        self.client.write(b"question")
        self.wire.run()
        self.assertEqual(len(self.far.written), 1)
        self.server.write(b"answer")
        self.assertEqual(len(self.far.written), 2)
        self.assertGreater(len(self.far.written[1]), 400)
        self.wire.run()
        self.assertEqual(self.above_client.received, b"answer")

    def test_with_goodbye_where_there_was_no_question(self) -> None:
        self.server_that(waits=True)
        self.client.loseWriteConnection()
        self.wire.run()
        self.assertEqual((self.above_server.received, len(self.far.written)), (b"", 1))
        self.server.loseConnection()
        self.assertGreater(len(self.far.written[1]), 400)

    def test_a_handshake_of_tls_1_2_does_not_wait(self) -> None:
        self.server_that(waits=True, version=SSL.TLS1_2_VERSION)
        self.assertEqual(self.client.info().version, "TLSv1.2")

    def test_they_resume_the_session(self) -> None:
        self.server_that(waits=True)
        self.server.write(b"answer")
        self.wire.run()
        session = self.client._ssl.get_session()
        assert session is not None
        full = len(self.far.written[0])
        wire = Wire()
        ready: list[TlsFailed | None] = []
        client = TlsLayer(
            self.client._ssl.get_context(), server=False, ready=ready.append, name="server.test"
        )
        client._ssl.set_session(session)
        server = TlsLayer(self.server._ssl.get_context(), server=True, ready=ready.append)
        wire.join(client, server)
        client.protocol, server.protocol = Above(), Above()
        wire.near.carry(1 << 16)
        self.assertLess(len(wire.far.buffer), full - 300, "there is a certificate in it")
        wire.run()
        self.assertEqual(ready, [None, None])


class Cost(TwoLayers):
    """What must not be done more often than it has to be."""

    def test_writes_of_an_exchange(self) -> None:
        self.shake()
        self.assertEqual((len(self.near.written), len(self.far.written)), (2, 2))
        for _ in range(3):
            self.client.write(b"question")
            self.wire.run()
            self.server.write(b"answer")
            self.wire.run()
        self.assertEqual((len(self.near.written), len(self.far.written)), (5, 5))
        self.client.loseConnection()
        self.wire.run()
        self.server.loseConnection()
        self.assertEqual((len(self.near.written), len(self.far.written)), (6, 6))

    def test_a_pause_that_is_taken_back_is_none(self) -> None:
        def ready(failure: TlsFailed | None) -> None:
            self.server.pauseProducing()
            self.server.resumeProducing()

        for name, again in (("taken back", ready), ("kept", lambda _: self.server.pauseProducing())):
            self.setUp()
            self.server = TlsLayer(server_context(PAIR, "modern", ()), server=True, ready=again)
            self.server.protocol = self.above_server
            self.wire.join(self.client, self.server)
            self.wire.run()
            self.client.write(b"early")
            self.wire.run()
            self.assertEqual(self.far.pauses, 1 if name == "kept" else 0, name)
            self.assertEqual(self.above_server.received, b"" if name == "kept" else b"early", name)
            self.server.resumeProducing()
            self.wire.run()
            self.assertEqual(self.above_server.received, b"early", name)

    def test_nothing_is_left_for_the_garbage_collector(self) -> None:
        self.shake()
        gc.disable()
        self.addCleanup(gc.enable)
        for layer, above in ((self.client, self.above_client), (self.server, self.above_server)):
            above.transport = layer  # type: ignore[attr-defined]
        kept = [weakref.ref(layer._ssl) for layer in (self.client, self.server)]
        for layer in (self.client, self.server, self.client):
            layer.loseConnection()
            self.wire.run()
        self.assertTrue(self.above_client.lost and self.above_server.lost)
        self.near.protocol = self.far.protocol = None
        del layer, above, self.client, self.server, self.above_client, self.above_server
        self.assertEqual([each() for each in kept], [None, None])


class Pieces(SynchronousTestCase):
    """What arrives is what was sent, however the network cuts it."""

    @settings(deadline=None, max_examples=30)
    @given(
        st.sampled_from([SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION]),
        st.booleans(),
        st.one_of(st.integers(1, 100), st.integers(100, 1 << 17)),
        st.lists(st.tuples(st.booleans(), st.integers(0, 40_000), st.booleans()), max_size=8),
    )
    def test_any(self, version: int, waits: bool, most: int, steps: list[tuple[bool, int, bool]]) -> None:
        context = server_context(PAIR, "intermediate", ())
        context.set_max_proto_version(version)
        ready: list[TlsFailed | None] = []
        client = TlsLayer(client_context(), server=False, ready=ready.append)
        server = TlsLayer(context, server=True, ready=ready.append, tickets_wait=waits)
        above_client, above_server = client.protocol, server.protocol = Above(), Above()
        wire = Wire()
        wire.join(client, server)
        wire.run(most)
        self.assertEqual(ready, [None, None])
        asked = answered = b""
        for asks, size, runs in steps:
            data = DATA[:size]
            if asks:
                client.write(data)
                asked += data
            else:
                server.write(data)
                answered += data
            if runs:
                wire.run(most)
        client.loseWriteConnection()
        wire.run(most)
        server.loseConnection()
        wire.run(most)
        self.assertEqual((above_server.received, above_client.received), (asked, answered))
        self.assertEqual((above_server.ends, above_client.ends), (["read"], ["read"]))


class TicketsByPublicCalls(ByPublicCalls, Tickets):
    """When a server's session tickets go out, and whether they serve."""
