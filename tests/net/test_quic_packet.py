"""Tests of what QUIC answers without a connection."""

from __future__ import annotations

from aioquic.buffer import Buffer
from aioquic.quic.packet import QuicPacketType, get_retry_integrity_tag, pull_quic_header
from twisted.trial.unittest import SynchronousTestCase

from toron.net.quic_packet import (
    ID_LENGTH,
    destination,
    reset_token,
    retry,
    stateless_reset,
    token,
    version_negotiation,
)
from toron.wire.quic import LongHeader, long_header

INITIAL = bytes.fromhex("c0 00000001 08 0001020304050607 04 aabbccdd 03 746f6b 4400")


def header(packet: bytes) -> LongHeader:
    found = long_header(packet)
    assert found is not None
    return found


class Reading(SynchronousTestCase):
    def test_where_packets_go(self) -> None:
        for text, where in (
            (INITIAL, bytes(range(8))),
            (b"\x40" + bytes(range(20)), bytes(range(ID_LENGTH))),
            (b"\x40abc", b"abc"),
            (b"\xc0\0\0\0\1\x02", b""),
            (b"\xc0\0\0\0\1\x14ab", b"ab"),
            (b"\x80", b""),
            (b"", b""),
        ):
            self.assertEqual(destination(text), where, text)

    def test_the_token(self) -> None:
        self.assertEqual(token(header(INITIAL), INITIAL), b"tok")
        self.assertEqual(token(header(INITIAL), INITIAL[: header(INITIAL).end]), b"")
        none = INITIAL[: header(INITIAL).end] + b"\0"
        self.assertEqual(token(header(none), none), b"")


class Answers(SynchronousTestCase):
    """Read by another implementation."""

    def test_version_negotiation(self) -> None:
        for _ in range(20):
            read = pull_quic_header(Buffer(data=version_negotiation(header(INITIAL))), 4)
            self.assertEqual(read.packet_type, QuicPacketType.VERSION_NEGOTIATION)
            self.assertEqual((read.destination_cid, read.source_cid), (b"\xaa\xbb\xcc\xdd", bytes(range(8))))
            self.assertEqual(read.supported_versions, [1])

    def test_retry(self) -> None:
        packet = retry(header(INITIAL), b"elsewhere", b"a token")
        read = pull_quic_header(Buffer(data=packet), 4)
        self.assertEqual((read.packet_type, read.version), (QuicPacketType.RETRY, 1))
        self.assertEqual((read.destination_cid, read.source_cid), (b"\xaa\xbb\xcc\xdd", b"elsewhere"))
        self.assertEqual(read.token, b"a token")
        self.assertEqual(read.integrity_tag, get_retry_integrity_tag(packet[:-16], bytes(range(8)), 1))

    def test_a_stateless_reset(self) -> None:
        packet = b"\x40" + bytes(range(60))
        answers = {stateless_reset(b"key", packet) for _ in range(20)}
        self.assertEqual(len(answers), 20)
        for answer in answers:
            self.assertEqual(answer[0] & 0xC0, 0x40)
            self.assertEqual((len(answer), answer[-16:]), (42, reset_token(b"key", bytes(range(8)))))

    def test_a_reset_is_smaller_than_what_it_answers(self) -> None:
        for size in range(1, 60):
            answer = stateless_reset(b"key", b"\x40" + bytes(size - 1))
            self.assertEqual(len(answer), 0 if size < 22 else min(42, size - 1))

    def test_nothing_with_a_long_header_is_answered_so(self) -> None:
        self.assertEqual(stateless_reset(b"key", INITIAL + bytes(1200)), b"")

    def test_reset_tokens_belong_to_a_key_and_an_id(self) -> None:
        made = {reset_token(key, each) for key in (b"a", b"b") for each in (b"1", b"2")}
        self.assertEqual(({len(each) for each in made}, len(made)), ({16}, 4))
