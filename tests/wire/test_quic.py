"""Headers of QUIC packets: whole, cut short, of versions nobody knows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.quic_packets import head, number
from toron.wire.quic import (
    HANDSHAKE,
    INITIAL,
    RETRY,
    UNKNOWN,
    VERSION_1,
    VERSION_2,
    ZERO_RTT,
    long_header,
    varint,
)


class Headers(SynchronousTestCase):
    def test_kinds(self) -> None:
        for version in (VERSION_1, VERSION_2):
            for kind in (INITIAL, ZERO_RTT, HANDSHAKE, RETRY):
                found = long_header(head(b"destination", b"source", version, kind) + b"rest")
                assert found is not None
                self.assertEqual((found.version, found.kind), (version, kind))
                self.assertEqual((found.dcid, found.scid, found.end), (b"destination", b"source", 24))

    def test_version_2_has_its_own_numbers(self) -> None:
        """RFC 9369 section 3.2."""
        firsts = [
            head(version=VERSION_2, kind=kind)[0] >> 4 & 3 for kind in (INITIAL, ZERO_RTT, HANDSHAKE, RETRY)
        ]
        self.assertEqual(firsts, [0b01, 0b10, 0b11, 0b00])

    def test_somewhere_in_a_datagram(self) -> None:
        found = long_header(b"before" + head(b"d", b""), 6)
        assert found is not None
        self.assertEqual((found.dcid, found.scid, found.end), (b"d", b"", 14))

    def test_other_versions(self) -> None:
        """Their ids may have up to 255 bytes (RFC 8999 section 5.3)."""
        for version in (0, 0x1A2A3A4A, 0xFF00001D):
            found = long_header(head(bytes(255), bytes(255), version))
            assert found is not None
            self.assertEqual((found.kind, found.version, len(found.dcid)), (UNKNOWN, version, 255))

    def test_ids_that_are_too_long(self) -> None:
        self.assertIsNotNone(long_header(head(bytes(20), bytes(20))))
        self.assertIsNone(long_header(head(bytes(21), b"")))
        self.assertIsNone(long_header(head(b"", bytes(21))))

    def test_cut_short(self) -> None:
        whole = head(b"destination", b"source")
        self.assertIsNotNone(long_header(whole))
        for end in range(len(whole)):
            self.assertIsNone(long_header(whole[:end]), end)

    def test_short_headers_are_none(self) -> None:
        self.assertIsNone(long_header(b"\x40" + bytes(50)))

    @given(st.binary(max_size=60), st.integers(0, 70))
    def test_never_raises(self, data: bytes, at: int) -> None:
        found = long_header(data, at)
        if found is not None:
            self.assertLessEqual(found.end, len(data))


class Numbers(SynchronousTestCase):
    def test_those_of_the_rfc(self) -> None:
        """RFC 9000 section A.1."""
        for written, value in (
            ("c2197c5eff14e88c", 151288809941952652), ("9d7f3e7d", 494878333), ("7bbd", 15293),
            ("25", 37), ("4025", 37),
        ):  # fmt: skip
            data = bytes.fromhex(written)
            self.assertEqual(varint(b"?" + data + b"?", 1), (value, 1 + len(data)))
            self.assertRaises(ValueError, varint, data[:-1], 0)

    @given(st.integers(0, (1 << 62) - 1))
    def test_all(self, value: int) -> None:
        written = number(value)
        self.assertEqual(varint(written, 0), (value, len(written)))
