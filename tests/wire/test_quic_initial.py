"""ClientHellos in QUIC Initial packets: the RFCs' own, real ones, shuffled, split, and broken."""

from __future__ import annotations

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.quic_packets import DCID, crypto, flight, head, hello, initial, number, seal
from toron.wire.clienthello import MOST, ClientHello
from toron.wire.events import Malformed
from toron.wire.quic import VERSION_1, VERSION_2, long_header
from toron.wire.quic_initial import FRAMES, InitialKeys, InitialPeek, begins

RFC_FRAME = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301"
    "1302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007"
    "000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f5"
    "0f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00"
    "024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f0"
    "3e51570806048000ffff"
)
"""The CRYPTO frame of RFC 9001 section A.2, and of RFC 9369 section A.2."""

PING = b"\1"
ACK = b"\2\7\0\1\0\0\0"
ACK_ECN = b"\3\0\0\0\0\1\2\3"


def fed(*datagrams: bytes, version: int = VERSION_1, dcid: bytes = DCID) -> ClientHello | None:
    """What the last of the datagrams gives."""
    peek = InitialPeek(version, dcid)
    found = None
    for datagram in datagrams:
        assert found is None
        found = peek.feed(datagram)
    return found


class Vectors(SynchronousTestCase):
    """Of the RFCs' appendices."""

    def check(self, version: int, header: str, begin: str, end: str) -> None:
        keys = InitialKeys(version, DCID)
        packet = seal(keys, 2, bytes.fromhex(header), RFC_FRAME + bytes(1162 - len(RFC_FRAME)))
        # With the tag at its end the same, all of the packet is that of the RFC.
        self.assertEqual(packet[:32].hex(), begin)
        self.assertEqual(packet[-16:].hex(), end)
        self.assertEqual(len(packet), 1200)
        found = fed(packet, version=version)
        assert found is not None
        self.assertEqual((found.sni, found.alpn, found.versions), ("example.com", (b"alpn",), (0x0304,)))

    def test_version_1(self) -> None:
        """RFC 9001 sections A.1 and A.2."""
        keys = InitialKeys(VERSION_1, DCID)
        self.assertEqual(keys.key.hex(), "1f369613dd76d5467730efcbe3b1a22d")
        self.assertEqual(keys.iv.hex(), "fa044b2f42a3fd3b46fb255c")
        self.assertEqual(keys.hp.hex(), "9f50449e04a0e810283a1e9933adedd2")
        self.check(
            VERSION_1,
            "c300000001088394c8f03e5157080000449e00000002",
            "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
            "e221af44860018ab0856972e194cd934",
        )

    def test_version_2(self) -> None:
        """RFC 9369 sections A.1 and A.2."""
        keys = InitialKeys(VERSION_2, DCID)
        self.assertEqual(keys.key.hex(), "8b1a0bc121284290a29e0971b5cd045d")
        self.assertEqual(keys.iv.hex(), "91f73e2351d8fa91660e909f")
        self.assertEqual(keys.hp.hex(), "45b95e15235d6f45a6b19cbcb0294ba9")
        self.check(
            VERSION_2,
            "d36b3343cf088394c8f03e5157080000449e00000002",
            "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
            "a18b2faa745b6fe189cf772a9f84cbfc",
        )


class Assembly(SynchronousTestCase):
    """From pieces to a hello."""

    def test_one_datagram(self) -> None:
        found = fed(initial(crypto(hello()), size=1200))
        assert found is not None
        self.assertEqual((found.sni, found.alpn), ("a.example", (b"h3",)))

    def test_without_name_and_protocols(self) -> None:
        found = fed(initial(crypto(hello("", ()))))
        assert found is not None
        self.assertEqual((found.sni, found.alpn), ("", ()))

    def test_several_datagrams_in_any_order(self) -> None:
        """A post-quantum key share alone is larger than a datagram."""
        datagrams = flight(hello(extra=2500))
        self.assertEqual(len(datagrams), 3)
        for order in itertools.permutations(datagrams):
            found = fed(*order)
            assert found is not None
            self.assertEqual(found.sni, "a.example")

    def test_every_piece_is_needed(self) -> None:
        datagrams = flight(hello(extra=2500))
        for missing in range(3):
            self.assertIsNone(fed(*(each for place, each in enumerate(datagrams) if place != missing)))

    def test_twice(self) -> None:
        first, second = flight(hello(extra=1000))
        found = fed(first, first, second)
        assert found is not None
        self.assertEqual(found.sni, "a.example")

    def test_shuffled_as_chromium_does(self) -> None:
        """Pieces of all sizes, in any order, with PING and PADDING between them."""
        dice = random.Random(3)
        message = hello(extra=1500)
        for _ in range(20):
            cuts = sorted({0, len(message), *dice.sample(range(len(message)), 20)})
            pieces = [crypto(message[a:b], a) for a, b in itertools.pairwise(cuts)]
            dice.shuffle(pieces)
            half = len(pieces) // 2
            datagrams = [
                initial(b"".join(piece + dice.choice([b"", PING, bytes(9), ACK, ACK_ECN]) for piece in some))
                for some in (pieces[:half], pieces[half:])
            ]
            found = fed(*datagrams)
            assert found is not None
            self.assertEqual(found.sni, "a.example")

    def test_one_byte_at_a_time(self) -> None:
        message = hello()
        peek = InitialPeek(VERSION_1, DCID)
        last = len(message) - 1
        for place in range(last):
            self.assertIsNone(peek.feed(initial(crypto(message[place : place + 1], place), place)))
        found = peek.feed(initial(crypto(message[last:], last), last))
        assert found is not None
        self.assertEqual(found.sni, "a.example")

    def test_overlapping(self) -> None:
        message = hello()
        pieces = crypto(message[10:50], 10) + crypto(message[30:], 30) + crypto(message[:20]) + crypto(b"", 5)
        found = fed(initial(pieces))
        assert found is not None
        self.assertEqual(found.sni, "a.example")

    def test_overlapping_with_something_else(self) -> None:
        """Else the server might read another name than we do."""
        message = hello()
        other = hello("b.example")
        self.assertRaises(Malformed, fed, initial(crypto(message[:-1]) + crypto(other[20:80], 20)))

    def test_several_packets_in_one_datagram(self) -> None:
        message = hello()
        one = initial(crypto(message[:40]))
        two = initial(crypto(message[40:], 40), 1)
        early = head(kind=1) + number(30) + bytes(30)
        self.assertIsNotNone(fed(one + two))
        self.assertIsNotNone(fed(one + early + two))
        self.assertIsNotNone(fed(early + one + two + bytes(100)), "with padding behind the last one")

    def test_packets_of_another_connection_do_not_count(self) -> None:
        """RFC 9000 section 12.2: nor what comes behind them."""
        whole = initial(crypto(hello()))
        self.assertIsNone(fed(initial(PING, dcid=b"somebody") + whole))
        self.assertIsNone(fed(initial(crypto(hello()), version=VERSION_2)))

    def test_a_token(self) -> None:
        self.assertIsNotNone(fed(initial(crypto(hello()), token=bytes(500))))

    def test_large_numbers(self) -> None:
        self.assertIsNotNone(fed(initial(crypto(hello()), 0xFFFFFFFF)))

    def test_what_follows_the_hello_is_left_alone(self) -> None:
        self.assertIsNotNone(fed(initial(crypto(hello() + b"\x14more"))))

    def test_memory(self) -> None:
        peek = InitialPeek(VERSION_1, DCID)
        self.assertEqual(peek.size, 0)
        peek.feed(initial(crypto(b"x", 5000)))
        self.assertEqual(peek.size, 2 * 5001)

    def test_what_begins_a_connection(self) -> None:
        for datagram, wanted in (
            (initial(PING, size=1200), True),
            (initial(PING, size=1200, version=VERSION_2), True),
            (initial(PING, size=1199), False),
            (initial(PING, size=1200, dcid=b"7 bytes"), False),
            (head(kind=1) + bytes(1200), False),
            (head(version=0x1A2A3A4A) + bytes(1200), False),
        ):
            header = long_header(datagram)
            assert header is not None
            self.assertIs(begins(header, datagram), wanted, datagram[:20])


class Bad(SynchronousTestCase):
    """Never anything but a hello, None or Malformed."""

    def test_what_is_not_protected_so(self) -> None:
        whole = initial(crypto(hello()))
        peek = InitialPeek(VERSION_1, DCID)
        for place in range(len(whole)):
            changed = bytearray(whole)
            changed[place] ^= 0x10
            self.assertIsNone(peek.feed(bytes(changed)), place)
        self.assertEqual(peek.opened, 0)
        self.assertIsNotNone(peek.feed(whole), "nobody can spoil it for the client")

    def test_cut_short(self) -> None:
        whole = initial(crypto(hello()))
        for end in range(len(whole)):
            self.assertIsNone(fed(whole[:end]), end)

    def test_keys_of_another_id(self) -> None:
        self.assertIsNone(fed(initial(crypto(hello()), first=b"another id")))

    def test_lengths(self) -> None:
        for tail in (
            number(1 << 60), number(5) + bytes(4), number(0) + number(1 << 61), number(0) + b"\x80",
            number(0) + number(0), number(0) + number(19) + bytes(19), number(0) + number(30) + bytes(29),
        ):  # fmt: skip
            self.assertIsNone(fed(head() + tail), tail)

    def test_frames(self) -> None:
        message = hello()
        for frames in (
            b"\x08stream", b"\x1e", b"\x40\x06", b"\x1c\0\0\0", b"\x06", b"\x06\0", b"\x06\0\x40",
            b"\x06\0\x05abcd", b"\x06" + number(MOST - 1) + b"\2ab", b"\x06" + number((1 << 62) - 1) + b"\1a",
            b"\2\0\0", b"\2\0\0\x05\0", b"\2\0\0" + number(1 << 61) + b"\0", b"\3\0\0\0\0\1",
            crypto(b"\2" + message[1:]), crypto(b"\1\1\0\0"), crypto(message[:20]) + crypto(b"\xff", 3),
        ):  # fmt: skip
            packet = seal(
                InitialKeys(VERSION_1, DCID), 0,
                head() + b"\0" + number(len(frames) + 20, 2) + bytes(4), frames,
            ) if len(frames) > 3 else initial(bytes(4 - len(frames)) + frames)  # fmt: skip
            self.assertRaises(Malformed, fed, packet)

    def test_a_hello_that_is_not_well_formed(self) -> None:
        message = bytearray(hello())
        message[-1] ^= 0xFF
        message[-3] ^= 0xFF
        self.assertRaises(Malformed, fed, initial(crypto(bytes(message))))

    def test_too_many_frames(self) -> None:
        self.assertIsNone(fed(initial(PING * (FRAMES - 1) + b"")))
        self.assertRaises(Malformed, fed, initial(PING * (FRAMES + 1)))
        self.assertRaises(Malformed, fed, initial((PING + b"\0") * (FRAMES // 2 + 1)))
        peek = InitialPeek(VERSION_1, DCID)
        self.assertIsNone(peek.feed(initial(PING * 300)))
        self.assertRaises(Malformed, peek.feed, initial(PING * 300, 1))

    def test_an_unknown_version(self) -> None:
        self.assertRaises(KeyError, InitialPeek, 0x1A2A3A4A, DCID)

    @settings(max_examples=300)
    @given(st.lists(st.binary(max_size=200), max_size=4))
    def test_any_bytes(self, datagrams: list[bytes]) -> None:
        peek = InitialPeek(VERSION_1, DCID)
        for datagram in datagrams:
            self.assertIsNone(peek.feed(datagram))
            self.assertIsNone(peek.feed(head() + datagram))

    @settings(max_examples=300)
    @given(st.lists(st.binary(max_size=200) | st.sampled_from([crypto(hello()), PING, ACK]), max_size=4))
    def test_any_frames(self, payloads: list[bytes]) -> None:
        peek = InitialPeek(VERSION_1, DCID)
        for payload in payloads:
            try:
                if peek.feed(initial(payload)) is not None:
                    return
            except Malformed as error:
                self.assertEqual(error.word, "client_hello_bad")

    @settings(max_examples=100)
    @given(st.data())
    def test_any_cut_of_a_hello(self, data: st.DataObject) -> None:
        message = hello(extra=700)
        cuts = data.draw(st.lists(st.integers(0, len(message)), max_size=12))
        pieces = [(a, b) for a, b in itertools.pairwise(sorted({0, len(message), *cuts}))]
        again = data.draw(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 300)), max_size=5))
        pieces += [(a, a + size) for a, size in again if a + size <= len(message)]
        order = data.draw(st.permutations(pieces))
        found = fed(initial(b"".join(crypto(message[a:b], a) for a, b in order)))
        assert found is not None
        self.assertEqual((found.sni, found.alpn), ("a.example", (b"h3",)))
