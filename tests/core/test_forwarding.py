"""Who the client is, and what a server is told, from trusted peers and from liars."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.forwarding import FORWARDED_NAMES, Forwarding, outgoing
from toron.core.message import Request
from toron.core.networks import Networks
from toron.wire.headers import Field, Headers

PROXY = "10.0.0.1"
TRUSTING = Forwarding(Networks(["10.0.0.0/8", "2001:db8:a::/48"]))


def client(peer: str, *fields: Field) -> tuple[str, bool]:
    if not TRUSTING.trusts(peer):
        return peer, False
    return TRUSTING.client(peer, Headers(fields)), True


def xff(*values: bytes) -> tuple[str, bool]:
    return client(PROXY, *((b"X-Forwarded-For", value) for value in values))


def rfc(*values: bytes) -> tuple[str, bool]:
    return client(PROXY, *((b"Forwarded", value) for value in values))


class Client(SynchronousTestCase):
    def test_nobody_is_trusted_by_default(self) -> None:
        self.assertFalse(Forwarding(Networks([])).trusts("127.0.0.1"))
        self.assertFalse(TRUSTING.trusts("198.51.100.1"))

    def test_trusted_without_a_word(self) -> None:
        self.assertEqual(client(PROXY), (PROXY, True))
        self.assertEqual(xff(b""), (PROXY, True))
        self.assertEqual(rfc(b""), (PROXY, True))

    def test_nearest_first(self) -> None:
        for values, found in (
            ([b"192.0.2.1"], "192.0.2.1"),
            ([b"192.0.2.9, 192.0.2.1"], "192.0.2.1"),
            ([b"192.0.2.9,192.0.2.1 ,\t10.0.0.2"], "192.0.2.1"),
            ([b"192.0.2.9", b"192.0.2.1", b"10.0.0.2,10.0.0.3"], "192.0.2.1"),
            ([b"10.0.0.4, 10.0.0.3"], "10.0.0.4"),
            ([b", 192.0.2.1,,"], "192.0.2.1"),
            ([b"192.0.2.1, ::ffff:10.0.0.5"], "192.0.2.1"),
            ([b"2001:DB8::1, 2001:db8:a::1"], "2001:db8::1"),
        ):
            self.assertEqual(xff(*values), (found, True))

    def test_ports_and_brackets(self) -> None:
        for value, found in (
            (b"192.0.2.1:4711", "192.0.2.1"),
            (b"[2001:db8::1]", "2001:db8::1"),
            (b"[2001:db8::1]:4711", "2001:db8::1"),
            (b"[::ffff:192.0.2.1]:1", "192.0.2.1"),
        ):
            self.assertEqual(xff(value), (found, True))

    def test_what_is_malformed_ends_the_walk(self) -> None:
        for bad in (
            b"unknown", b"a", b"1.2.3", b"1.2.3.256", b"1.2.3.04", b"1.2.3.4:", b"1.2.3.4:x", b"::1::",
            b"[::1", b"[1.2.3.4]", b"fe80::1%eth0",
            b'"1.2.3.4"', b"1.2.3.4 5", b"\xff", b"1.2.3.4:123456", b"_x",
        ):  # fmt: skip
            self.assertEqual(xff(bad), (PROXY, True))
            self.assertEqual(xff(b"192.0.2.1, " + bad + b", 10.0.0.2"), ("10.0.0.2", True))
            self.assertEqual(xff(bad + b", 192.0.2.1"), ("192.0.2.1", True))

    def test_forwarded(self) -> None:
        for value, found in (
            (b"for=192.0.2.1", "192.0.2.1"),
            (b'For="[2001:db8::1]:80";proto=https', "2001:db8::1"),
            (b"for=192.0.2.9, for=192.0.2.1;host=a, for=10.0.0.2", "192.0.2.1"),
            (b"for=192.0.2.1, for=_hidden, for=10.0.0.2", "10.0.0.2"),
            (b"for=192.0.2.1, for=unknown", PROXY),
            (b"for=192.0.2.1, proto=http, for=10.0.0.2", "10.0.0.2"),
            (b"for=192.0.2.1, garbage", PROXY),
        ):
            self.assertEqual(rfc(value), (found, True))

    def test_an_open_quote_swallows_nothing(self) -> None:
        self.assertEqual(rfc(b'for="192.0.2.9, for=192.0.2.1'), ("192.0.2.1", True))
        self.assertEqual(rfc(b'x="', b'for="[2001:db8::1]"'), ("2001:db8::1", True))

    def test_the_list_counts_before_forwarded(self) -> None:
        found = client(PROXY, (b"Forwarded", b"for=192.0.2.2"), (b"X-Forwarded-For", b"192.0.2.1"))
        self.assertEqual(found, ("192.0.2.1", True))

    @given(st.binary(max_size=60), st.booleans())
    def test_what_is_put_in_front_changes_nothing(self, lie: bytes, is_list: bool) -> None:
        if is_list:
            self.assertEqual(xff(lie + b", 192.0.2.1, 10.0.0.2"), ("192.0.2.1", True))
        else:
            self.assertEqual(rfc(lie + b", for=192.0.2.1, for=10.0.0.2"), ("192.0.2.1", True))


def request(
    *fields: Field, client_ip: str = "192.0.2.1", peer_ip: str = "192.0.2.1", prefix: bytes = b""
) -> Request:
    made = Request(b"GET", b"/", Headers([(b"Host", b"a.test:8080"), *fields]), host=b"a.test")
    made.client_ip, made.peer_ip, made.port, made.prefix = client_ip, peer_ip, 8080, prefix
    return made


def told(made: Request, *, trusted: bool = False, forwarded: bool = False) -> dict[bytes, bytes]:
    fields = outgoing(made, trusted, forwarded)
    found = {name.lower(): value for name, value in fields}
    assert len(found) == len(fields)
    assert found.keys() <= FORWARDED_NAMES
    return found


OURS = {
    b"x-forwarded-for": b"192.0.2.1",
    b"x-real-ip": b"192.0.2.1",
    b"x-forwarded-proto": b"http",
    b"x-forwarded-host": b"a.test:8080",
    b"x-forwarded-port": b"8080",
}
LIES: list[Field] = [
    (b"X-Forwarded-For", b"127.0.0.1"), (b"X-Real-IP", b"127.0.0.1"), (b"X-Forwarded-Proto", b"https"),
    (b"X-Forwarded-Host", b"evil.test"), (b"X-Forwarded-Port", b"443"), (b"X-Forwarded-Prefix", b"/evil"),
    (b"Forwarded", b"for=127.0.0.1"),
]  # fmt: skip


class Names(SynchronousTestCase):
    def test_every_spelling(self) -> None:
        for name in (
            b"x-forwarded-for", b"x_forwarded_for", b"x-forwarded_for", b"x_forwarded-for", b"x_real_ip",
            b"x-real-ip", b"x_forwarded_proto", b"x-forwarded_host", b"x_forwarded-port",
            b"x_forwarded_prefix", b"forwarded", b"x_forwarded_ssl", b"x-forwarded-scheme",
        ):  # fmt: skip
            self.assertIn(name, FORWARDED_NAMES)
        for name in (
            b"client-cert",
            b"client_cert",
            b"client-cert_chain",
            b"x_client-cert_subject",
            b"x-client-cert",
        ):
            self.assertIn(name, FORWARDED_NAMES)
        self.assertEqual(len(FORWARDED_NAMES), 91)

    def test_nothing_else(self) -> None:
        self.assertNotIn(b"x-forwarded", FORWARDED_NAMES)
        self.assertNotIn(b"x-request-id", FORWARDED_NAMES)


class FromAnyone(SynchronousTestCase):
    def test_ours_alone(self) -> None:
        self.assertEqual(told(request()), OURS)
        self.assertEqual(told(request(*LIES)), OURS)

    def test_prefix(self) -> None:
        self.assertEqual(told(request(*LIES, prefix=b"/api")), OURS | {b"x-forwarded-prefix": b"/api"})

    def test_forwarded(self) -> None:
        self.assertEqual(
            told(request(*LIES), forwarded=True),
            OURS | {b"forwarded": b'for=192.0.2.1;host="a.test:8080";proto=http'},
        )

    def test_ipv6(self) -> None:
        found = told(request(client_ip="2001:db8::1", peer_ip="2001:db8::1"), forwarded=True)
        self.assertEqual(found[b"x-forwarded-for"], b"2001:db8::1")
        self.assertEqual(found[b"forwarded"], b'for="[2001:db8::1]";host="a.test:8080";proto=http')

    def test_no_host(self) -> None:
        made = Request(b"GET", b"/", Headers(), client_ip="192.0.2.1")
        self.assertNotIn(b"x-forwarded-host", told(made, forwarded=True))
        self.assertNotIn(b"x-forwarded-host", told(made, trusted=True, forwarded=True))


def trusted(
    *fields: Field, client_ip: str = "192.0.2.1", prefix: bytes = b"", forwarded: bool = False
) -> dict[bytes, bytes]:
    return told(
        request(*fields, client_ip=client_ip, peer_ip=PROXY, prefix=prefix), trusted=True, forwarded=forwarded
    )


class FromTrusted(SynchronousTestCase):
    def test_all_kept(self) -> None:
        self.assertEqual(
            trusted(
                (b"X-Forwarded-For", b"192.0.2.9, 192.0.2.1"), (b"X-Forwarded-Proto", b"HTTPS"),
                (b"X-Forwarded-Host", b"pub.test:444"), (b"X-Forwarded-Port", b"444"),
                (b"X-Forwarded-Prefix", b"/outer/"), (b"X-Real-IP", b"192.0.2.77"),
                prefix=b"/api",
            ),
            {
                b"x-forwarded-for": b"192.0.2.9, 192.0.2.1, 10.0.0.1", b"x-real-ip": b"192.0.2.1",
                b"x-forwarded-proto": b"https", b"x-forwarded-host": b"pub.test:444",
                b"x-forwarded-port": b"444", b"x-forwarded-prefix": b"/outer/api",
            },
        )  # fmt: skip

    def test_lines_are_joined(self) -> None:
        found = trusted(
            (b"X-Forwarded-For", b"192.0.2.9"), (b"x-forwarded-for", b""), (b"x-forwarded-for", b"192.0.2.1")
        )
        self.assertEqual(found[b"x-forwarded-for"], b"192.0.2.9, 192.0.2.1, 10.0.0.1")

    def test_said_nothing(self) -> None:
        self.assertEqual(
            trusted(client_ip=PROXY), OURS | {b"x-forwarded-for": b"10.0.0.1", b"x-real-ip": b"10.0.0.1"}
        )

    def test_port_goes_with_scheme(self) -> None:
        https = (b"X-Forwarded-Proto", b"https")
        self.assertEqual(trusted(https)[b"x-forwarded-port"], b"443")
        self.assertEqual(trusted(https, (b"X-Forwarded-Host", b"pub.test"))[b"x-forwarded-port"], b"443")
        self.assertEqual(trusted(https, (b"X-Forwarded-Host", b"pub.test:444"))[b"x-forwarded-port"], b"444")
        self.assertEqual(trusted(https, (b"X-Forwarded-Port", b"0"))[b"x-forwarded-port"], b"443")

    def test_malformed_is_replaced_by_ours(self) -> None:
        for name, values in (
            (b"X-Forwarded-Proto", (b"", b"ftp", b"https, http", b"javascript", b"http\xff")),
            (b"X-Forwarded-Host", (b"", b"a b", b"a, b", b"a/b", b"u@h", b"a:x", b"[::1", b"a:123456",)),
            (b"X-Forwarded-Port", (b"", b"0", b"65536", b"-1", b"80, 80", b"1234567", b"x", b"\xb2")),
            (b"X-Forwarded-Prefix", (
                b"", b"/", b"api", b"//evil.test", b"/a//b", b"/../a", b"/a/..", b"/a/./b", b"/a b", b"/a?b",
                b"/a\\b", b"/\xff", b"/a, /b",
            )),
        ):  # fmt: skip
            for value in values:
                found = trusted((name, value))
                self.assertEqual(found.get(name.lower()), OURS.get(name.lower()), value)

    def test_prefixes(self) -> None:
        for value in (b"/a", b"/a/b", b"/a-b/.hidden", b"/a/...", b"/%20", b"/~u/a=b"):
            self.assertEqual(trusted((b"X-Forwarded-Prefix", value))[b"x-forwarded-prefix"], value)

    def test_of_two_none_is_believed(self) -> None:
        found = trusted(
            (b"X-Forwarded-Proto", b"https"), (b"X-Forwarded-Proto", b"https"),
            (b"X-Forwarded-Host", b"a"), (b"X-Forwarded-Host", b"b"),
        )  # fmt: skip
        self.assertEqual((found[b"x-forwarded-proto"], found[b"x-forwarded-host"]), (b"http", b"a.test:8080"))

    def test_underscores_are_not_believed(self) -> None:
        self.assertEqual(trusted((b"X_Forwarded_Proto", b"https"))[b"x-forwarded-proto"], b"http")

    def test_forwarded_is_appended(self) -> None:
        found = trusted((b"Forwarded", b"for=192.0.2.9"), (b"Forwarded", b"for=192.0.2.1;proto=https"))
        self.assertEqual(
            found[b"forwarded"],
            b'for=192.0.2.9, for=192.0.2.1;proto=https, for=10.0.0.1;host="a.test:8080";proto=http',
        )
        self.assertEqual(found[b"x-forwarded-for"], b"192.0.2.1, 10.0.0.1")

    def test_forwarded_is_made_when_asked(self) -> None:
        own = b'for=10.0.0.1;host="a.test:8080";proto=http'
        self.assertNotIn(b"forwarded", trusted((b"X-Forwarded-For", b"192.0.2.1")))
        self.assertEqual(
            trusted((b"X-Forwarded-For", b"192.0.2.1"), forwarded=True)[b"forwarded"],
            b"for=192.0.2.1, " + own,
        )
        self.assertEqual(trusted(client_ip=PROXY, forwarded=True)[b"forwarded"], own)

    def test_malformed_forwarded_is_dropped(self) -> None:
        self.assertNotIn(b"forwarded", trusted((b"Forwarded", b'for="')))
        self.assertEqual(
            trusted((b"Forwarded", b'for="'), client_ip=PROXY, forwarded=True)[b"forwarded"],
            b'for=10.0.0.1;host="a.test:8080";proto=http',
        )
