"""ClientHellos of real TLS stacks and made ones, whole, in pieces, and broken."""

from __future__ import annotations

import ssl
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.clienthello import MOST, ClientHello, Peek, message, parse
from toron.wire.events import Malformed


def stdlib_hello(name: str | None = "a.example.com", alpn: tuple[str, ...] = ("h2", "http/1.1")) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if alpn:
        context.set_alpn_protocols(list(alpn))
    out = ssl.MemoryBIO()
    stream = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    try:
        stream.do_handshake()
    except ssl.SSLWantReadError:
        return out.read()
    raise AssertionError("a handshake without a server")


def openssl_hello(name: bytes, *, tls12: bool = False) -> bytes:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    if tls12:
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
    stream = SSL.Connection(context, None)
    stream.set_tlsext_host_name(name)
    stream.set_connect_state()
    try:
        stream.do_handshake()
    except SSL.WantReadError:
        return stream.bio_read(1 << 16)
    raise AssertionError("a handshake without a server")


def vector(data: bytes, width: int) -> bytes:
    return len(data).to_bytes(width, "big") + data


def extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2, "big") + vector(data, 2)


def names(*entries: tuple[int, bytes]) -> bytes:
    return extension(0, vector(b"".join(bytes((kind,)) + vector(name, 2) for kind, name in entries), 2))


def body(
    extensions: bytes | None = b"",
    *,
    session: bytes = b"",
    suites: bytes = b"\x13\x01",
    methods: bytes = b"\0",
    after: bytes = b"",
) -> bytes:
    made = b"\x03\x03" + bytes(32) + vector(session, 1) + vector(suites, 2) + vector(methods, 1)
    return made + (b"" if extensions is None else vector(extensions, 2)) + after


def record(data: bytes, version: bytes = b"\x03\x01", kind: int = 22) -> bytes:
    return bytes((kind,)) + version + vector(data, 2)


def made(content: bytes) -> bytes:
    return record(b"\x01" + vector(content, 3))


def fragmented(stream: bytes, size: int) -> bytes:
    """The same single-record hello over many records."""
    content = stream[5:]
    return b"".join(record(content[at : at + size]) for at in range(0, len(content), size))


def in_pieces(stream: bytes, *cuts: int) -> ClientHello | None:
    peek = Peek()
    found = None
    for start, end in pairwise((0, *cuts, len(stream))):
        assert found is None
        found = peek.feed(stream[start:end])
    assert bytes(peek.held) == stream
    return found


class Real(SynchronousTestCase):
    def test_stdlib(self) -> None:
        hello = parse(stdlib_hello())
        assert hello is not None
        self.assertEqual(hello.sni, "a.example.com")
        self.assertEqual(hello.alpn, (b"h2", b"http/1.1"))
        self.assertIn(0x0304, hello.versions)

    def test_without_name_and_protocols(self) -> None:
        hello = parse(stdlib_hello(None, ()))
        assert hello is not None
        self.assertEqual((hello.sni, hello.alpn), ("", ()))

    def test_post_quantum_key_share(self) -> None:
        stream = openssl_hello(b"PQ.Example.com")
        self.assertGreater(len(stream), 1460)
        hello = parse(stream)
        assert hello is not None
        self.assertEqual(hello.sni, "pq.example.com")
        self.assertIsNone(parse(stream[:1460]))

    def test_legacy_version_alone(self) -> None:
        hello = parse(openssl_hello(b"old.example.com", tls12=True))
        assert hello is not None
        self.assertEqual((hello.sni, hello.versions), ("old.example.com", (0x0303,)))

    def test_suites_and_signatures(self) -> None:
        new, old = parse(openssl_hello(b"a.example.com")), parse(openssl_hello(b"a.example.com", tls12=True))
        assert new is not None and old is not None
        self.assertIn(0x1301, new.suites)
        self.assertNotIn(0x1301, old.suites)
        self.assertIn(0xC02B, old.suites)
        for hello in (new, old):
            self.assertTrue({0x0403, 0x0804} <= set(hello.schemes))

    def test_byte_by_byte(self) -> None:
        stream = openssl_hello(b"slow.example.com")
        found = in_pieces(stream, *range(1, len(stream)))
        assert found is not None
        self.assertEqual(found.sni, "slow.example.com")

    def test_all_bytes_so_far(self) -> None:
        stream = fragmented(stdlib_hello(), 50)
        peek = Peek()
        for end in range(len(stream)):
            self.assertIsNone(peek.parse(stream[:end]))
        self.assertEqual(peek.parse(stream), parse(stream))
        self.assertEqual(bytes(peek.held), stream)

    def test_every_prefix_needs_more(self) -> None:
        stream = stdlib_hello()
        for end in range(len(stream)):
            self.assertIsNone(parse(stream[:end]))

    def test_many_records(self) -> None:
        stream = openssl_hello(b"cut.example.com")
        whole = parse(stream)
        for size in (1, 2, 3, 4, 5, 7, 100, 512, 1500):
            cut = fragmented(stream, size)
            self.assertEqual(parse(cut), whole)
            self.assertIsNone(parse(cut[:-1]))
        self.assertEqual(in_pieces(cut := fragmented(stream, 3), *range(1, len(cut))), whole)

    def test_messages_without_records(self) -> None:
        """As QUIC has them (RFC 9001 section 4.1.3)."""
        stream = stdlib_hello()
        for end in range(5, len(stream)):
            self.assertIsNone(message(stream[5:end]))
        self.assertEqual(message(stream[5:]), parse(stream))
        self.assertEqual(message(stream[5:] + b"more"), parse(stream))
        self.assertRaises(Malformed, message, stream)

    def test_what_follows_is_left_alone(self) -> None:
        stream = stdlib_hello()
        early = b"\x17\x03\x03\x00\x05early" + bytes(MOST)
        self.assertEqual(parse(stream + early), parse(stream))
        peek = Peek()
        self.assertIsNotNone(peek.feed(stream + early))
        self.assertEqual(bytes(peek.held), stream + early)


class Made(SynchronousTestCase):
    def test_plain(self) -> None:
        self.assertEqual(parse(made(body())), ClientHello("", (), (0x0303,), (0x1301,)))

    def test_without_extensions_at_all(self) -> None:
        self.assertEqual(parse(made(body(None))), ClientHello("", (), (0x0303,), (0x1301,)))

    def test_record_versions(self) -> None:
        content = b"\x01" + vector(body(), 3)
        for minor in range(4):
            self.assertIsNotNone(parse(record(content, bytes((3, minor)))))

    def test_names(self) -> None:
        for written, read in (
            (b"A.Example.COM.", "a.example.com"),
            (b"xn--bcher-kva.example", "xn--bcher-kva.example"),
            (b"_sip.example.com", "_sip.example.com"),
            (b"localhost", "localhost"),
            (b".".join([b"a" * 63] * 3 + [b"b" * 61]), ".".join(["a" * 63] * 3 + ["b" * 61])),
        ):
            hello = parse(made(body(names((0, written)))))
            assert hello is not None
            self.assertEqual(hello.sni, read)

    def test_names_of_other_types_are_passed_over(self) -> None:
        self.assertEqual(parse(made(body(names((7, b"\xff"))))), ClientHello("", (), (0x0303,), (0x1301,)))
        hello = parse(made(body(names((7, b"\xff"), (0, b"a.test")))))
        assert hello is not None
        self.assertEqual(hello.sni, "a.test")

    def test_grease_stays(self) -> None:
        hello = parse(made(body(extension(43, vector(b"\x0a\x0a\x03\x04\x03\x03", 1)))))
        assert hello is not None
        self.assertEqual(hello.versions, (0x0A0A, 0x0304, 0x0303))

    def test_as_large_as_may_be(self) -> None:
        room = MOST - 5 - 4 - len(body(extension(21, b"")))
        self.assertIsNotNone(parse(made(body(extension(21, bytes(room))))))


class Refused(SynchronousTestCase):
    def refused(self, stream: bytes) -> None:
        with self.assertRaises(Malformed) as caught:
            parse(stream)
        self.assertEqual(caught.exception.word, "client_hello_bad")

    def test_early(self) -> None:
        for stream in (
            b"G", b"S", b"\x80", b"\x15", b"\x17", b"\0",
            b"\x16\x02", b"\x16\x04", b"\x16\x03\x04", b"\x16\x03\x01\x00\x00", b"\x16\x03\x01\x40\x01",
            b"\x16\x03\x01\x00\x05\x02",
            b"\x16\x03\x01\x00\x05\x01\x00\x40\x00",
        ):  # fmt: skip
            self.refused(stream)
            if len(stream) > 1:
                self.assertIsNone(parse(stream[:-1]))

    def test_sslv2(self) -> None:
        self.refused(b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10")

    def test_alert_between_fragments(self) -> None:
        self.refused(fragmented(stdlib_hello(), 100)[:105] + record(b"\x02\x28", kind=21))

    def test_too_large(self) -> None:
        room = MOST - 5 - 4 - len(body(extension(21, b"")))
        stream = made(body(extension(21, bytes(room + 1))))
        self.refused(stream)
        self.refused(stream[:9])

    def test_too_large_by_fragments(self) -> None:
        content = b"\x01" + vector(body(extension(21, bytes(4000))), 3)
        stream = b"".join(record(content[at : at + 1]) for at in range(len(content)))
        self.assertIsNone(parse(stream[: MOST - 1]))
        self.refused(stream[:MOST])
        self.refused(stream)
        peek = Peek()
        with self.assertRaises(Malformed):
            for at in range(0, len(stream), 1000):
                peek.feed(stream[at : at + 1000])
        self.assertLessEqual(len(peek.held), MOST + 1000)

    def test_bodies(self) -> None:
        for content in (
            b"", b"\x03\x03", bytes(34), bytes(35),
            body(session=bytes(33)), body(suites=b""), body(suites=b"\x13"), body(methods=b""),
            body(None, after=b"\0"), body(None, after=b"\0\5\0"), body(after=b"\0"),
            body(b"\0"), body(b"\0\0\0"), body(b"\0\x15\0\1"),
            body(extension(21, b"") + extension(21, b"")),
            body(names((0, b"a.test")) + names((0, b"a.test"))),
        ):  # fmt: skip
            self.refused(made(content))

    def test_names(self) -> None:
        for name in (
            b"", b".", b"..", b"a..b", b".a", b"a.b..", b"a b", b"a\0b", b"*.a.test", b"a/b",
            b"b\xc3\xbccher", b"[::1]", b"a:1", b"a" * 64, b".".join([b"a" * 63] * 4), b"a\n", b"a@b",
        ):  # fmt: skip
            self.refused(made(body(names((0, name)))))

    def test_lists(self) -> None:
        for made_wrong in (
            extension(0, b""), extension(0, b"\0\0"), extension(0, b"\0\1\0"), extension(0, b"\0\4\0\0\2a"),
            extension(0, vector(b"\0\0\1a", 2) + b"x"), names((0, b"a"), (0, b"b")),
            extension(16, b""), extension(16, b"\0\0"), extension(16, b"\0\1\0"), extension(16, b"\0\2\2a"),
            extension(16, vector(b"\2h2", 2) + b"x"), extension(16, vector(b"\2h2\0", 2)),
            extension(43, b""), extension(43, b"\0"), extension(43, b"\1\3"), extension(43, b"\3\3\4\3"),
            extension(13, b""), extension(13, b"\0\0"), extension(13, b"\0\1\4"),
            extension(43, b"\2\3\4\0"), extension(43, b"\4\3\4"),
        ):  # fmt: skip
            self.refused(made(body(made_wrong)))


class Arbitrary(SynchronousTestCase):
    def outcome(self, stream: bytes) -> ClientHello | str | None:
        try:
            return parse(stream)
        except Malformed as error:
            return error.word

    @given(st.binary(max_size=300))
    def test_garbage(self, stream: bytes) -> None:
        found = self.outcome(stream)
        self.assertTrue(found in (None, "client_hello_bad") or isinstance(found, ClientHello))

    @given(st.binary(max_size=200))
    def test_garbage_inside(self, content: bytes) -> None:
        self.assertIsNotNone(self.outcome(made(body(content))))
        self.assertIsNotNone(self.outcome(made(b"\x03\x03" + bytes(32) + content)))

    @settings(max_examples=200)
    @given(st.data())
    def test_one_byte_changed_and_any_split(self, data: st.DataObject) -> None:
        stream = bytearray(stdlib_hello())
        at = data.draw(st.integers(0, len(stream) - 1))
        stream[at] = data.draw(st.integers(0, 255))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
        whole = self.outcome(bytes(stream))
        peek = Peek()
        found: ClientHello | str | None = None
        for start, end in pairwise((0, *cuts, len(stream))):
            if found is None:
                try:
                    found = peek.feed(bytes(stream[start:end]))
                except Malformed as error:
                    found = error.word
        self.assertEqual(found, whole)
