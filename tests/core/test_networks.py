"""Membership in networks, compared with the standard library's."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.networks import Networks, address, client_key, plain

PREFIXED = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), st.tuples(st.ip_addresses(v=6), st.integers(0, 128))
)


class Members(SynchronousTestCase):
    def test_both_families(self) -> None:
        networks = Networks(["10.0.0.0/8", "192.0.2.7", ip_network("2001:db8::/32"), "::1"])
        for ip in (
            "10.0.0.0",
            "10.255.255.255",
            "192.0.2.7",
            "2001:db8::",
            "2001:DB8:ffff::1",
            "::1",
            "0::1",
        ):
            self.assertIn(ip, networks)
        for ip in ("9.255.255.255", "11.0.0.0", "192.0.2.6", "192.0.2.8", "2001:db9::", "::2"):
            self.assertNotIn(ip, networks)
        self.assertEqual(len(networks), 4)

    def test_mapped_addresses_are_ipv4(self) -> None:
        networks = Networks(["10.0.0.0/8"])
        for ip in ("::ffff:10.1.2.3", "::FFFF:a01:203", "0:0:0:0:0:ffff:10.1.2.3"):
            self.assertIn(ip, networks)
        self.assertNotIn("::ffff:11.0.0.1", networks)
        self.assertNotIn("::10.0.0.1", networks)
        self.assertNotIn("::ffff:10.0.0.1", Networks(["::/0"]))
        self.assertIn("10.1.2.3", Networks(["::ffff:10.0.0.0/104"]))
        self.assertNotIn("11.1.2.3", Networks(["::ffff:10.0.0.0/104"]))

    def test_everything(self) -> None:
        self.assertIn("255.255.255.255", Networks(["0.0.0.0/0"]))
        self.assertNotIn("::1", Networks(["0.0.0.0/0"]))
        self.assertIn("ffff::", Networks(["::/0"]))

    def test_nothing(self) -> None:
        self.assertFalse(Networks([]))
        self.assertNotIn("127.0.0.1", Networks([]))
        self.assertNotIn("::1", Networks([]))

    def test_what_is_no_address_is_in_none(self) -> None:
        networks = Networks(["0.0.0.0/0", "::/0"])
        for text in (
            "",
            "a",
            "1.2.3",
            "1.2.3.4.5",
            "01.2.3.4",
            "1.2.3.4/8",
            ":",
            ":::",
            "1.2.3.4\0",
            "::\0",
            "é",
            "::é",
        ):
            self.assertNotIn(text, networks)

    def test_zone(self) -> None:
        self.assertIn("fe80::1%eth0", Networks(["fe80::/10"]))

    def test_wrong_networks(self) -> None:
        for text in ("10.0.0.1/8", "a", "10.0.0.0/33", "::/129"):
            self.assertRaises(ValueError, Networks, [text])

    def test_what_is_remembered_has_an_end(self) -> None:
        networks = Networks(["10.0.0.0/8"])
        for number in range(10_000):
            ip = f"{9 + number % 3}.0.{number >> 8}.{number & 255}"
            self.assertEqual(ip in networks, number % 3 == 1)
            self.assertEqual(ip in networks, number % 3 == 1)
        self.assertLessEqual(len(networks._known), 4096)

    @given(st.lists(PREFIXED, max_size=8), st.ip_addresses())
    def test_as_the_standard_library(self, prefixed: list, ip) -> None:  # type: ignore[type-arg, no-untyped-def]
        cidrs = [ip_network(f"{first}/{length}", strict=False) for first, length in prefixed]
        networks = Networks(cidrs)
        for asked in (
            ip,
            *(cidr.network_address for cidr in cidrs),
            *(cidr.broadcast_address for cidr in cidrs),
        ):
            if not (isinstance(asked, IPv6Address) and asked.ipv4_mapped):
                self.assertEqual(str(asked) in networks, any(asked in cidr for cidr in cidrs))


class Written(SynchronousTestCase):
    def test_plain(self) -> None:
        for ip, written in (
            ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"),
            ("fe80::1%eth0", "fe80::1"), ("::ffff:192.0.2.1%1", "192.0.2.1"), ("2001:DB8::0", "2001:db8::"),
            ("::1", "::1"), ("::", "::"), ("", ""), ("/run/x", "/run/x"), ("a:b", "a:b"),
        ):  # fmt: skip
            self.assertEqual(plain(ip), written)

    def test_address(self) -> None:
        self.assertEqual(address("::ffff:192.0.2.1"), "192.0.2.1")
        for text in ("", "a", "1.2.3", "1.2.3.04", "[::1]", "::1::", "1.2.3.4:80", "1.2.3.4 "):
            self.assertIsNone(address(text))

    @given(st.ip_addresses())
    def test_address_of_any(self, ip: object) -> None:
        written = address(str(ip))
        assert written is not None
        self.assertEqual(ip_address(written), getattr(ip, "ipv4_mapped", None) or ip)

    def test_client_key(self) -> None:
        for ip, key in (
            ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("/run/x", "/run/x"),
            ("a:b", "a:b"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::", "2001:db8:1:3::/64"), ("fe80::1%eth0", "fe80::/64"),
        ):  # fmt: skip
            self.assertEqual(client_key(ip), key)
        self.assertEqual(client_key("2001:db8:1:2::1", 48), "2001:db8:1::/48")
        self.assertEqual(client_key("2001:db8::1", 128), "2001:db8::1/128")
