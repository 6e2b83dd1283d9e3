"""PROXY headers of both versions: read, written, cut anywhere, and wrong."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.protocols.haproxy import _v1parser, _v2parser
from twisted.trial.unittest import SynchronousTestCase

from toron.wire import proxy_protocol as pp
from toron.wire.events import Malformed

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V4 = bytes([192, 0, 2, 1, 198, 51, 100, 2]) + (50000).to_bytes(2, "big") + (443).to_bytes(2, "big")
ENDS4 = (("192.0.2.1", 50000), ("198.51.100.2", 443))
V6 = bytes.fromhex("20010db8" + "00" * 11 + "01" + "20010db8" + "00" * 11 + "02") + V4[8:]
ENDS6 = (("2001:db8::1", 50000), ("2001:db8::2", 443))


def v2(block: bytes, kind: int = 0x11, command: int = 0x21) -> bytes:
    return SIGNATURE + bytes((command, kind)) + len(block).to_bytes(2, "big") + block


def tlv(kind: int, value: bytes) -> bytes:
    return bytes((kind,)) + len(value).to_bytes(2, "big") + value


def read(data: bytes) -> tuple[pp.ProxyHeader, int]:
    found = pp.parse(data)
    assert found is not None, data
    return found


class Case(SynchronousTestCase):
    def refused(self, data: bytes) -> None:
        with self.assertRaises(Malformed) as caught:
            pp.parse(data)
        self.assertEqual(caught.exception.word, "proxy_header_bad")

    def refused_at_the_last_byte(self, data: bytes) -> None:
        self.refused(data)
        self.assertIsNone(pp.parse(data[:-1]))

    def whole_at_the_last_byte(self, data: bytes) -> pp.ProxyHeader:
        for end in range(len(data)):
            self.assertIsNone(pp.parse(data[:end]), data[:end])
        header, taken = read(data + b"GET / HTTP/1.1\r\n")
        self.assertEqual(taken, len(data))
        return header


class Version1(Case):
    def test_tcp4(self) -> None:
        header = self.whole_at_the_last_byte(b"PROXY TCP4 192.0.2.1 198.51.100.2 50000 443\r\n")
        self.assertEqual(header, pp.ProxyHeader(False, *ENDS4))

    def test_tcp6(self) -> None:
        header = self.whole_at_the_last_byte(b"PROXY TCP6 2001:DB8:0::1 2001:db8::2 50000 443\r\n")
        self.assertEqual(header, pp.ProxyHeader(False, *ENDS6))

    def test_mapped_is_ipv4(self) -> None:
        header, _ = read(b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 50000 443\r\n")
        self.assertEqual(header, pp.ProxyHeader(False, *ENDS4))

    def test_unknown(self) -> None:
        for line in (
            b"PROXY UNKNOWN\r\n",
            b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
        ):
            self.assertTrue(self.whole_at_the_last_byte(line).local)

    def test_as_long_as_may_be(self) -> None:
        line = b"PROXY UNKNOWN " + b"x" * (pp.MOST_V1 - 16) + b"\r\n"
        self.assertEqual(len(line), 107)
        self.assertTrue(self.whole_at_the_last_byte(line).local)
        self.refused_at_the_last_byte(line[:-2] + b"x\r")
        self.refused(line[:-2] + b"xx\r\n")

    def test_other_protocols_are_known_early(self) -> None:
        for data in (b"G", b"\x16", b"p", b"PU", b"PROXYX", b"PROXY\t", b"\n", b"\r\r", b"\r\n\r\n\1"):
            self.refused_at_the_last_byte(data)

    def test_lines_that_are_wrong(self) -> None:
        for line in (
            b"PROXY \r\n", b"PROXY TCP4\r\n", b"PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n", b"PROXY UNKNOWNX\r\n",
            b"PROXY tcp4 1.1.1.1 2.2.2.2 1 2\r\n", b"PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
            b"PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n", b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n", b"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
            b"PROXY TCP4 1.1.1.1\t2.2.2.2 1 2\r\n",
            b"PROXY TCP4 1.1.1.01 2.2.2.2 1 2\r\n", b"PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
            b"PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n", b"PROXY TCP4 0x1.1.1.1 2.2.2.2 1 2\r\n",
            b"PROXY TCP4 ::1 ::2 1 2\r\n", b"PROXY TCP6 ::1 2.2.2.2 1 2\r\n",
            b"PROXY TCP4 ::1 2.2.2.2 1 2\r\n", b"PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
            b"PROXY TCP6 ::1%lo ::2 1 2\r\n", b"PROXY TCP6 [::1] ::2 1 2\r\n",
            b"PROXY TCP6 1::2::3 ::2 1 2\r\n",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n", b"PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n", b"PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 1 00\r\n", b"PROXY TCP4 1.1.1.1 2.2.2.2 \xb2 2\r\n",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n", b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\r\n",
            b"PROXY UNKNOWN a\rb\r\n", b"PROXY UNKNOWN\n",
        ):  # fmt: skip
            self.refused_at_the_last_byte(line)

    def test_written(self) -> None:
        self.assertEqual(pp.header_v1(*ENDS4), b"PROXY TCP4 192.0.2.1 198.51.100.2 50000 443\r\n")
        self.assertEqual(pp.header_v1(*ENDS6), b"PROXY TCP6 2001:db8::1 2001:db8::2 50000 443\r\n")
        self.assertEqual(
            pp.header_v1(("::ffff:192.0.2.1", 1), ("192.0.2.2", 2)), b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"
        )
        self.assertEqual(
            pp.header_v1(("fe80::1%eth0", 1), ("192.0.2.2", 2)),
            b"PROXY TCP6 fe80::1 ::ffff:c000:0202 1 2\r\n",
        )
        self.assertEqual(pp.header_v1(("/run/a", 0), ("192.0.2.2", 2)), b"PROXY UNKNOWN\r\n")
        self.assertEqual(pp.header_v1(None, None), b"PROXY UNKNOWN\r\n")


class Version2(Case):
    def test_addresses(self) -> None:
        for kind, block, ends in ((0x11, V4, ENDS4), (0x12, V4, ENDS4), (0x21, V6, ENDS6), (0x22, V6, ENDS6)):
            header = self.whole_at_the_last_byte(v2(block, kind))
            self.assertEqual(header, pp.ProxyHeader(False, *ends))

    def test_what_says_nothing_of_the_peer(self) -> None:
        for data in (
            v2(b"", 0x00, 0x20), v2(V4, 0x11, 0x20), v2(b"x" * 30, 0x00, 0x20), v2(b"", 0x77, 0x20),
            v2(b"", 0x00), v2(b"\x01\xff", 0x00), v2(bytes(216), 0x31), v2(bytes(216), 0x32),
        ):  # fmt: skip
            self.assertEqual(self.whole_at_the_last_byte(data), pp.ProxyHeader(local=True))

    def test_unix_with_extensions(self) -> None:
        header, _ = read(v2(bytes(216) + tlv(pp.ALPN, b"h2"), 0x31))
        self.assertEqual((header.local, header.alpn), (True, b"h2"))

    def test_extensions(self) -> None:
        ssl = b"\x07" + bytes(4) + tlv(pp.SSL_VERSION, b"TLSv1.3") + tlv(pp.SSL_CN, "Jürgen".encode())
        block = V4 + b"".join(
            tlv(kind, value)
            for kind, value in (
                (pp.NOOP, bytes(5)), (pp.ALPN, b"h2"), (pp.ALPN, b"x"), (pp.AUTHORITY, b"a.example.com"),
                (pp.UNIQUE_ID, bytes(128)), (pp.SSL, ssl), (0xEA, b"\x01vpce-1"), (pp.NETNS, b""),
            )
        )  # fmt: skip
        header = self.whole_at_the_last_byte(v2(block))
        self.assertEqual((header.source, header.destination), ENDS4)
        self.assertEqual(
            (header.alpn, header.authority, header.unique_id), (b"h2", "a.example.com", bytes(128))
        )
        self.assertEqual((header.tlvs[0xEA], header.tlvs[pp.NETNS]), (b"\x01vpce-1", b""))
        self.assertNotIn(pp.NOOP, header.tlvs)
        assert header.ssl is not None
        self.assertEqual(
            (header.ssl.client, header.ssl.verified, header.ssl.version, header.ssl.common_name),
            (7, True, "TLSv1.3", "Jürgen"),
        )

    def test_verified_needs_a_certificate(self) -> None:
        for value, verified in (
            (b"\1\0\0\0\0", False), (b"\3\0\0\0\0", True), (b"\5\0\0\0\0", True), (b"\3\0\0\0\1", False),
        ):  # fmt: skip
            header, _ = read(v2(V4 + tlv(pp.SSL, value)))
            assert header.ssl is not None
            self.assertEqual(header.ssl.verified, verified)

    def test_nothing_said(self) -> None:
        header, _ = read(v2(V4))
        self.assertEqual((header.alpn, header.authority, header.unique_id, header.ssl), (b"", "", b"", None))

    def test_checksum(self) -> None:
        self.assertEqual(pp.crc32c(b"123456789"), 0xE3069283)
        self.assertEqual(pp.crc32c(bytes(32)), 0x8A9136AA)
        empty = v2(V4 + tlv(pp.CRC32C, bytes(4)) + tlv(pp.ALPN, b"h2"))
        good = empty.replace(tlv(pp.CRC32C, bytes(4)), tlv(pp.CRC32C, pp.crc32c(empty).to_bytes(4, "big")))
        self.assertEqual(self.whole_at_the_last_byte(good).alpn, b"h2")
        for at in (17, 25, len(good) - 1):
            self.refused(good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :])
        self.refused(empty)
        self.refused(v2(V4 + tlv(pp.CRC32C, b"")))

    def test_length(self) -> None:
        room = pp.MOST_V2 - len(V4) - 3
        self.assertEqual(len(read(v2(V4 + tlv(0xE0, bytes(room))))[0].tlvs[0xE0]), room)
        self.refused(v2(V4 + tlv(0xE0, bytes(room + 1)))[:16])

    def test_wrong(self) -> None:
        for data in (
            v2(V4[:-1]), v2(b""), v2(V4, 0x21), v2(bytes(215), 0x31),
            v2(V4, 0x10), v2(V4, 0x01), v2(V4, 0x13), v2(V4, 0x41), v2(V6, 0x20), v2(V4, 0x30),
            v2(V4 + b"\x01"), v2(V4 + b"\x01\x00"), v2(V4 + b"\x01\x00\x02a"),
            v2(V4 + tlv(pp.UNIQUE_ID, bytes(129))),
            v2(V4 + tlv(pp.SSL, b"")), v2(V4 + tlv(pp.SSL, bytes(4))), v2(V4 + tlv(pp.SSL, bytes(6))),
        ):  # fmt: skip
            self.refused_at_the_last_byte(data)
        for command in (0x10, 0x11, 0x22, 0x2F, 0x31, 0x01):
            self.refused(v2(V4, command=command)[:13])

    def test_written(self) -> None:
        self.assertEqual(pp.header_v2(*ENDS4), v2(V4))
        self.assertEqual(pp.header_v2(*ENDS6, stream=False), v2(V6, 0x22))
        self.assertEqual(pp.header_v2(*ENDS4, local=True), v2(b"", 0x00, 0x20))
        self.assertEqual(pp.header_v2(None, None), v2(b"", 0x00))
        self.assertEqual(pp.header_v2(("::ffff:192.0.2.1", 50000), ENDS4[1]), v2(V4))
        self.assertEqual(
            pp.header_v2(*ENDS4, tlvs=[(pp.ALPN, b"h2"), (pp.AUTHORITY, b"a")]),
            v2(V4 + tlv(pp.ALPN, b"h2") + tlv(pp.AUTHORITY, b"a")),
        )

    def test_mixed_families_are_mapped(self) -> None:
        written = pp.header_v2(ENDS6[0], ENDS4[1])
        self.assertEqual(written, v2(V6[:16] + bytes(10) + b"\xff\xff" + V4[4:], 0x21))
        header, _ = read(written)
        self.assertEqual((header.source, header.destination), (ENDS6[0], ENDS4[1]))

    def test_too_long_to_write(self) -> None:
        self.assertRaises(OverflowError, pp.header_v2, *ENDS4, tlvs=[(0xE0, bytes(65536))])
        self.assertRaises(OverflowError, pp.header_v2, *ENDS4, tlvs=[(0xE0, bytes(40000))] * 2)


PORTS = st.integers(0, 65535)
FOUR = st.tuples(st.ip_addresses(v=4).map(str), PORTS)
SIX = st.tuples(st.ip_addresses(v=6).map(str).filter(lambda ip: not ip.startswith("::ffff:")), PORTS)


class Arbitrary(Case):
    @given(st.one_of(st.tuples(FOUR, FOUR), st.tuples(SIX, SIX)))
    def test_read_as_written(self, ends: tuple[pp.Address, pp.Address]) -> None:
        one, two = pp.header_v1(*ends), pp.header_v2(*ends)
        self.assertEqual(read(one)[0], read(two)[0])
        self.assertEqual(read(two)[0].source[1], ends[0][1])
        # Twisted's own readers say the same of what we write.
        for theirs in (_v1parser.V1Parser.parse(one[:-2]), _v2parser.V2Parser.parse(two)):
            read_ends: tuple[Any, Any] = (theirs.source, theirs.destination)
            for found, (host, port) in zip(read_ends, ends, strict=True):
                self.assertEqual((ip_address(found.host), found.port), (ip_address(host), port))

    @given(
        st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11\0\x20"]),
        st.binary(),
    )
    def test_garbage(self, start: bytes, rest: bytes) -> None:
        try:
            found = pp.parse(start + rest)
        except Malformed as error:
            self.assertEqual(error.word, "proxy_header_bad")
        else:
            self.assertTrue(found is None or found[1] <= len(start + rest))

    @given(st.binary(max_size=64))
    def test_any_extensions(self, extensions: bytes) -> None:
        try:
            header, taken = read(v2(V4 + extensions))
        except Malformed as error:
            self.assertEqual(error.word, "proxy_header_bad")
        else:
            self.assertEqual((header.source, taken), (ENDS4[0], 28 + len(extensions)))
