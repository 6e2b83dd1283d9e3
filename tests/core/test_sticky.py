"""The sealed cookie: opened by its secrets only, in its scope only, until it is too old."""

from __future__ import annotations

from base64 import urlsafe_b64decode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.sticky import StickySeal
from toron.wire.headers import Field, Headers

NAME = b"toron_sticky"
SERVER = "10.1.2.3:9001"
NOW = 1_800_000_000.5


def seal(*secrets: bytes, name: bytes = NAME, ttl: float = 300.0, scope: bytes = b"api /") -> StickySeal:
    return StickySeal(secrets or (b"secret",), name, ttl, scope)


class Sealed(SynchronousTestCase):
    def test_opened(self) -> None:
        for server in (SERVER, "[2001:db8::1]:443", "a.test:80", "x" * 300, ""):
            self.assertEqual(seal().open(seal().seal(server, NOW), NOW), server)

    def test_until_too_old(self) -> None:
        value = seal().seal(SERVER, NOW)
        self.assertEqual(seal().open(value, NOW + 299), SERVER)
        self.assertIsNone(seal().open(value, NOW + 300))
        self.assertIsNone(seal(ttl=9999).open(value, NOW + 300))

    def test_says_nothing(self) -> None:
        value = seal().seal(SERVER, NOW)
        self.assertRegex(value, rb"\A[0-9A-Za-z_-]+\Z")
        raw = urlsafe_b64decode(value + b"==")
        for told in (b"10.1.2.3", b"9001", bytes((10, 1, 2, 3)), (9001).to_bytes(2, "big")):
            self.assertNotIn(told, raw)
        self.assertNotEqual(value, seal().seal(SERVER, NOW))
        self.assertEqual(len(value), len(seal().seal("10.111.222.333:65535", NOW)))

    def test_bound(self) -> None:
        value = seal().seal(SERVER, NOW)
        for other in (seal(b"other"), seal(name=b"toron"), seal(scope=b"api /x"), seal(scope=b"")):
            self.assertIsNone(other.open(value, NOW))
        self.assertIsNone(
            seal(name=b"a", scope=b"bc").open(seal(name=b"ab", scope=b"c").seal(SERVER, NOW), NOW)
        )

    def test_rotation(self) -> None:
        old, both, new = seal(b"old"), seal(b"new", b"old"), seal(b"new")
        self.assertEqual(both.open(old.seal(SERVER, NOW), NOW), SERVER)
        self.assertEqual(new.open(both.seal(SERVER, NOW), NOW), SERVER)
        self.assertIsNone(old.open(both.seal(SERVER, NOW), NOW))

    def test_every_change_is_seen(self) -> None:
        value = seal().seal(SERVER, NOW)
        for at in range(len(value) - 1):
            changed = value[:at] + (b"A" if value[at : at + 1] != b"A" else b"B") + value[at + 1 :]
            self.assertIsNone(seal().open(changed, NOW))
            self.assertIsNone(seal().open(value[:at], NOW))
        for other in (
            value + b"A",
            value + b"=",
            b'"' + value + b'"',
            b" " + value,
            value * 20,
            b"",
            b"=",
            b"A" * 40,
        ):
            self.assertIsNone(seal().open(other, NOW))

    @given(st.binary() | st.text(alphabet="abcXYZ019_-=", min_size=30, max_size=90).map(str.encode))
    def test_garbage(self, value: bytes) -> None:
        self.assertIsNone(seal().open(value, NOW))

    def test_needs_a_secret(self) -> None:
        self.assertRaises(ValueError, StickySeal, [], NAME, 1.0, b"")
        self.assertRaises(ValueError, StickySeal, [b"x", b""], NAME, 1.0, b"")

    def test_set_cookie(self) -> None:
        self.assertEqual(
            seal().set_cookie(b"v", False), b"toron_sticky=v; Path=/; Max-Age=300; HttpOnly; SameSite=Lax"
        )
        self.assertEqual(
            seal().set_cookie(b"v", True),
            b"toron_sticky=v; Path=/; Max-Age=300; HttpOnly; SameSite=Lax; Secure",
        )


class Taken(SynchronousTestCase):
    def take(self, *cookies: bytes) -> tuple[bytes | None, list[bytes]]:
        fields: list[Field] = [(b"Host", b"a"), *((b"Cookie", cookie) for cookie in cookies), (b"X", b"y")]
        headers = Headers(fields)
        found = seal().take(headers)
        self.assertEqual((headers.get(b"host"), headers.get(b"x")), (b"a", b"y"))
        return found, headers.get_all(b"cookie")

    def test_none(self) -> None:
        self.assertEqual(self.take(), (None, []))
        for other in (
            b"a=1; b=2;  c", b"", b";", b"toron_sticky", b"xtoron_sticky=1", b"toron_sticky2=1",
            b"Toron_Sticky=1", b"a=toron_sticky=1", b'a="x toron_sticky=1"',
        ):  # fmt: skip
            self.assertEqual(self.take(other), (None, [other]))

    def test_only_ours_goes(self) -> None:
        for before, after in (
            (b"toron_sticky=v", []),
            (b" toron_sticky = v ;", []),
            (b"a=1; toron_sticky=v; b=2", [b"a=1; b=2"]),
            (b"toron_sticky=v; b=2", [b"b=2"]),
            (b"a=1; toron_sticky=v", [b"a=1"]),
            (b"a=1;toron_sticky=v;b=2", [b"a=1;b=2"]),
            (b'a="x\xff y";  toron_sticky=v;  b==;c', [b'a="x\xff y";  b==;c']),
            (b"toron_sticky=v; a=1; toron_sticky=w", [b"a=1"]),
        ):
            self.assertEqual(self.take(before), (b"v", after))

    def test_over_fields(self) -> None:
        self.assertEqual(self.take(b"a=1", b"toron_sticky=v", b"b=2"), (b"v", [b"a=1", b"b=2"]))
        self.assertEqual(self.take(b"toron_sticky=v; a=1", b"toron_sticky=w"), (b"v", [b"a=1"]))

    def test_as_it_was_set(self) -> None:
        cookie = seal().set_cookie(seal().seal(SERVER, NOW), True).partition(b";")[0]
        headers = Headers([(b"cookie", b"a=1; " + cookie)])
        value = seal().take(headers)
        assert value is not None
        self.assertEqual((seal().open(value, NOW), headers.fields), (SERVER, [(b"cookie", b"a=1")]))
