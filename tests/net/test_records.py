"""Records in and out of OpenSSL: both ways do the same, whatever the pieces are that come."""

from __future__ import annotations

import contextlib
import datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from toron.net import records
from toron.net.key_pair import self_signed
from toron.net.records import OUT, RECORD, DirectRecords, PublicRecords, Records, works
from toron.net.tls_context import server_context

SERVER = server_context(self_signed(["server.test"], datetime.datetime.now(datetime.UTC)), "intermediate", ())
DATA = bytes(range(256)) * 4096


def joined(version: int = SSL.TLS1_3_VERSION) -> tuple[SSL.Connection, SSL.Connection]:
    """A client and a server that have shaken hands."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(version)
    client, server = SSL.Connection(context, None), SSL.Connection(SERVER, None)
    client.set_connect_state()
    server.set_accept_state()
    for _ in range(2):
        for one, other in ((client, server), (server, client)):
            with contextlib.suppress(SSL.WantReadError):
                one.do_handshake()
            if out := PublicRecords(one).outgoing():
                other.bio_write(out)
    return client, server


def everything(side: PublicRecords) -> bytes:
    """All that is to go out."""
    pieces = []
    while out := side.outgoing():
        pieces.append(out)
    return b"".join(pieces)


class Public(SynchronousTestCase):
    """By public calls."""

    kind: type[PublicRecords] = PublicRecords

    def setUp(self) -> None:
        client, server = joined()
        self.client, self.server = self.kind(client), self.kind(server)
        self.client.decrypt(b"")

    def test_it_works_with_this_pyopenssl(self) -> None:
        self.assertTrue(works(self.kind))

    def test_a_record_each_way(self) -> None:
        for question, answer in ((b"question", b"answer"), (b"q" * RECORD, b"a" * RECORD), (b"?", b"!")):
            self.assertEqual(self.server.decrypt(self.client.encrypt(question)), question)
            self.assertEqual(self.client.decrypt(self.server.encrypt(answer)), answer)
        self.assertEqual((self.client.outgoing(), self.server.outgoing()), (b"", b""))

    def test_a_record_that_comes_byte_by_byte(self) -> None:
        record = self.client.encrypt(b"question")
        said = [self.server.decrypt(record[at : at + 1]) for at in range(len(record))]
        self.assertEqual(said, [b""] * (len(record) - 1) + [b"question"])
        self.assertIsNone(self.server.end)

    def test_many_records_at_once_are_one_piece(self) -> None:
        came = b"".join(self.client.encrypt(b"%d;" % number) for number in range(300))
        self.assertEqual(self.server.decrypt(came), b"".join(b"%d;" % number for number in range(300)))

    def test_more_than_the_buffer_has_room_for(self) -> None:
        for size in (OUT - 1, OUT, 2 * OUT - RECORD, 2 * OUT, len(DATA)):
            came = self.client.encrypt(DATA[:size])
            self.assertLessEqual(len(came), OUT)
            for piece in (came, everything(self.client)):
                self.server.receive(piece)
            self.assertEqual(self.server.decrypt(b""), DATA[:size])
        self.assertIsNone(self.server.end)

    def test_what_was_to_go_out_goes_first(self) -> None:
        came = self.client.encrypt(DATA[: 2 * OUT]) + self.client.encrypt(b"last")
        self.assertEqual(len(came), 2 * OUT)
        self.assertEqual(self.server.decrypt(came + everything(self.client)), DATA[: 2 * OUT] + b"last")

    def test_connections_do_not_mix(self) -> None:
        client, server = (self.kind(side) for side in joined())
        first, second = self.client.encrypt(b"first"), client.encrypt(b"second")
        self.assertEqual(self.server.decrypt(first[:9]) + server.decrypt(second[:7]), b"")
        self.assertEqual((self.server.decrypt(first[9:]), server.decrypt(second[7:])), (b"first", b"second"))

    def test_an_orderly_end(self) -> None:
        client, server = joined()
        self.client, self.server = self.kind(client), self.kind(server)
        came = self.client.encrypt(b"last words")
        client.shutdown()
        self.assertEqual(self.server.decrypt(came + self.client.outgoing()), b"last words")
        self.assertIsInstance(self.server.end, SSL.ZeroReturnError)
        self.assertEqual(self.server.decrypt(b""), b"")
        self.assertIsInstance(self.server.end, SSL.ZeroReturnError)
        self.assertTrue(self.server.encrypt(b"still"), "the other direction goes on")

    def test_a_record_that_is_garbage(self) -> None:
        came = self.client.encrypt(b"whole") + b"\x17\x03\x03\x00\x20" + bytes(32)
        self.assertEqual(self.server.decrypt(came), b"whole")
        self.assertIsInstance(self.server.end, SSL.Error)
        self.assertIn("decryption failed", str(self.server.end))
        self.assertTrue(self.server.outgoing().startswith(b"\x17\x03\x03"), "an alert")

    def test_nothing_is_written_after_an_alert(self) -> None:
        self.server.decrypt(b"\x17\x03\x03\x00\x20" + bytes(32))
        self.client.decrypt(self.server.outgoing())
        for side in (self.server, self.client):
            self.assertRaises(SSL.Error, side.encrypt, b"x")
            self.assertRaises(SSL.Error, side.encrypt, DATA)

    def test_no_record_at_all(self) -> None:
        self.assertEqual((self.server.decrypt(b""), self.server.outgoing()), (b"", b""))
        self.assertIsNone(self.server.end)


class Direct(Public):
    """One layer below."""

    kind = DirectRecords

    def test_it_is_what_is_used(self) -> None:
        self.assertIs(Records, DirectRecords, "with this pyOpenSSL TLS is slow")

    def test_nothing_is_raised_for_what_is_usual(self) -> None:
        raised: list[BaseException] = []

        class Raised(SSL.WantReadError):
            def __init__(self) -> None:
                super().__init__()
                raised.append(self)

        self.patch(SSL, "WantReadError", Raised)
        self.test_a_record_each_way()
        self.test_a_record_that_comes_byte_by_byte()
        self.test_many_records_at_once_are_one_piece()
        self.assertEqual(raised, [])
        Public.kind(self.client._connection).outgoing()
        self.assertEqual(len(raised), 1, "it would have been seen")

    def test_no_memory_left(self) -> None:
        self.patch(records, "_bio_write", lambda bio, data, size: -1)
        self.assertRaises(MemoryError, self.server.receive, b"x")
        self.assertRaises(MemoryError, self.server.decrypt, b"x")


class Pieces(SynchronousTestCase):
    """What comes, however the network has cut it."""

    @settings(deadline=None, max_examples=40)
    @given(
        st.sampled_from([PublicRecords, DirectRecords]),
        st.sampled_from([SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION]),
        st.lists(st.one_of(st.integers(1, 300), st.integers(1, 3 * RECORD)), min_size=1, max_size=8),
        st.lists(st.one_of(st.integers(1, 40), st.integers(1, 2 * RECORD)), min_size=1),
    )
    def test_any_pieces(
        self, kind: type[PublicRecords], version: int, messages: list[int], cuts: list[int]
    ) -> None:
        client, server = joined(version)
        one, other = kind(client), kind(server)
        came = b"".join(one.encrypt(DATA[:size]) + everything(one) for size in messages)
        plain, at, turn = b"", 0, 0
        while at < len(came):
            cut = cuts[turn % len(cuts)] + turn // len(cuts) * 50
            plain += other.decrypt(came[at : at + cut])
            at, turn = at + cut, turn + 1
        self.assertEqual(plain, b"".join(DATA[:size] for size in messages))
        self.assertIsNone(other.end)


class Different(SynchronousTestCase):
    """Where pyOpenSSL is not as expected."""

    def test_a_part_that_is_not_there(self) -> None:
        for name in ("_bio_write", "_bio_read", "_ssl_read", "_ssl_write", "_get_error", "_buffer", "_bytes"):
            patched = self.patch(records, name, None)
            self.assertFalse(works(DirectRecords), name)
            patched.restore()  # type: ignore[no-untyped-call]
        self.assertTrue(works(DirectRecords))

    def test_an_attribute_that_is_not_there(self) -> None:
        class Other(PublicRecords):
            def __init__(self, connection: SSL.Connection) -> None:
                raise AttributeError("_ssl")

        self.assertFalse(works(Other))

    def test_a_call_that_does_something_else(self) -> None:
        class Deaf(PublicRecords):
            def decrypt(self, data: bytes) -> bytes:
                return b""

        class Mute(PublicRecords):
            def outgoing(self) -> bytes:
                return b""

        class Careless(PublicRecords):
            def encrypt(self, data: bytes) -> bytes:
                return data

        for kind in (Deaf, Mute, Careless):
            self.assertFalse(works(kind), kind)
