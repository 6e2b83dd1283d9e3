"""IP addresses, there and back, against the standard library."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.addresses import packed, written


class Addresses(SynchronousTestCase):
    @given(st.ip_addresses())
    def test_there_and_back(self, ip: IPv4Address | IPv6Address) -> None:
        plain = (isinstance(ip, IPv6Address) and ip.ipv4_mapped) or ip
        self.assertEqual(packed(str(ip)), plain.packed)
        self.assertEqual(written(ip.packed), str(plain))

    def test_mapped(self) -> None:
        for ip in (
            "::ffff:192.0.2.1",
            "::FFFF:C000:201",
            "0:0:0:0:0:ffff:192.0.2.1",
            "::ffff:192.0.2.1%eth0",
        ):
            self.assertEqual(packed(ip), bytes((192, 0, 2, 1)))
        self.assertEqual(packed("::192.0.2.1"), bytes(12) + bytes((192, 0, 2, 1)))
        self.assertEqual(written(bytes(10) + b"\xff\xff\xc0\0\2\1"), "192.0.2.1")

    def test_zone(self) -> None:
        self.assertEqual(packed("fe80::1%eth0"), packed("fe80::1"))

    def test_none(self) -> None:
        for text in (
            "", "a", "1.2.3", "1.2.3.4.5", "1.2.3.04", "01.2.3.4", "1.2.3.256", "1.2.3.4/8", "1.2.3.4 ",
            "0x1.2.3.4", "1.2.3.4:80", ":", ":::", "::1::", "[::1]", "::g", "1.2.3.4\0", "::\0", "é", "::é",
            "%", "%::1", "1.2.3.\u0664",
        ):  # fmt: skip
            self.assertIsNone(packed(text), text)

    def test_other_lengths(self) -> None:
        for size in (0, 3, 5, 15, 17):
            self.assertRaises(ValueError, written, bytes(size))
