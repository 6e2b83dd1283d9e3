"""Blocks that break the rules of HPACK are refused, and none becomes a larger list than allowed."""

from __future__ import annotations

import hpack
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.http2_conversations import block
from toron.wire.hpack_decoder import Decoder, HpackError, TooLarge


class Good(SynchronousTestCase):
    def test_examples(self) -> None:
        """RFC 7541 appendix C.3 and C.4: three requests on one connection."""
        first = [
            (b":method", b"GET"),
            (b":scheme", b"http"),
            (b":path", b"/"),
            (b":authority", b"www.example.com"),
        ]
        second = [*first, (b"cache-control", b"no-cache")]
        third = [
            (b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/index.html"),
            (b":authority", b"www.example.com"), (b"custom-key", b"custom-value"),
        ]  # fmt: skip
        for blocks in (
            ("828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
             "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"),
            ("828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
             "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"),
        ):  # fmt: skip
            decoder = Decoder(1000)
            self.assertEqual([decoder.decode(bytes.fromhex(each)) for each in blocks], [first, second, third])


class Bad(SynchronousTestCase):
    def refused(self, *blocks: str) -> None:
        *good, bad = map(bytes.fromhex, blocks)
        decoder = Decoder(1000)
        for each in good:
            decoder.decode(each)
        self.assertRaises(HpackError, decoder.decode, bad)

    def test_indexes(self) -> None:
        self.refused("80")
        self.refused("be")
        self.refused("ffff00")
        self.refused("4001610162", "bf")
        self.refused("7f0001")
        self.refused("0f3001")

    def test_cut_anywhere(self) -> None:
        whole = bytes.fromhex(
            "3fe01f82418cf1e3c2e5f23a6ba0ab90f4ff400a637573746f6d2d6b65790c637573746f6d2d76616c7565"
        )
        good = set()
        for end in range(len(whole)):
            try:
                Decoder(1000).decode(whole[:end])
                good.add(end)
            except HpackError:
                continue
        self.assertEqual(good, {0, 3, 4, 18})
        self.assertEqual(len(Decoder(1000).decode(whole)), 3)

    def test_integers(self) -> None:
        for coded in (
            "ffffffffffffffff",  # never ends
            "ffffffff0f",  # too large
            "ff8080808000",  # padded with nothing
            "00ffffffff7f",  # the size of a name
            "0001617fffffff7f",  # the size of a value
        ):
            self.refused(coded)

    def test_sizes_of_the_table(self) -> None:
        self.refused("3fe21f")
        self.refused("8220")
        self.refused("202020")
        self.assertEqual(Decoder(1000).decode(bytes.fromhex("203fe11f82")), [(b":method", b"GET")])
        self.assertEqual(Decoder(1000).decode(bytes.fromhex("20")), [])

    def test_a_smaller_table_forgets(self) -> None:
        self.refused("4001610162", "20be")

    def test_huffman(self) -> None:
        for coded in ("40016181ff", "4081000161", "400161840fffffff"):
            self.refused(coded)

    def test_bombs(self) -> None:
        """A small block that is a large list: the rest of it is not looked at."""
        decoder = Decoder(32 << 10)
        decoder.decode(b"\x40\x01a\x7f\xa1\x1e" + b"b" * 4000)
        self.assertRaises(TooLarge, decoder.decode, b"\xbe" * 9)
        self.assertEqual(len(Decoder(10).decode(block(("a", "b" * 9)))), 1)
        self.assertRaises(TooLarge, Decoder(9).decode, block(("a", "b" * 9)))

    def test_anything(self) -> None:
        """Nothing else is raised, and what another library reads is read the same."""
        good = st.sampled_from([b"\x82", b"\x40\x01a\x01b", b"\xbe"])

        @given(st.lists(st.one_of(st.binary(max_size=40), good), max_size=4))
        def read(blocks: list[bytes]) -> None:
            ours, theirs = Decoder(1 << 20), hpack.Decoder()
            for each in blocks:
                try:
                    fields = ours.decode(each)
                except HpackError:
                    return
                there = [(bytes(name), bytes(value)) for name, value in theirs.decode(each, raw=True)]
                self.assertEqual(there, fields)

        read()
