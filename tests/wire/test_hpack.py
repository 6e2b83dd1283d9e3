"""Header lists go through HPACK unchanged, with another library on either side; broken blocks do not."""

from __future__ import annotations

import hpack
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.http2_conversations import block
from toron.wire.hpack import SECRETS, Decoder, Encoder, HpackError, TooLarge

Fields = list[tuple[bytes, bytes]]

names = st.one_of(
    st.sampled_from([b":method", b":path", b":status", b"accept", b"cookie", b"x-a", b"x-b", b"set-cookie"]),
    st.binary(min_size=1, max_size=20),
)
values = st.one_of(st.sampled_from([b"", b"GET", b"/", b"200", b"a", b"b" * 500]), st.binary(max_size=200))
lists = st.lists(st.tuples(names, values), max_size=12)


def plain(fields: object) -> Fields:
    return [(bytes(name), bytes(value)) for name, value in fields]  # type: ignore[attr-defined]


class Exchange(RuleBasedStateMachine):
    """Blocks in a row, with changes of the table's size between them, in all directions."""

    def __init__(self) -> None:
        super().__init__()
        self.ours, self.theirs = Encoder(), hpack.Encoder()
        self.ours_read, self.theirs_read, self.both_read = Decoder(1 << 20), hpack.Decoder(), Decoder(1 << 20)
        self.theirs_read.max_header_list_size = 1 << 20

    @rule(fields=lists, huffman=st.booleans())
    def say(self, fields: Fields, huffman: bool) -> None:
        block = self.ours.encode(fields)
        assert plain(self.theirs_read.decode(block, raw=True)) == fields
        assert self.both_read.decode(block) == fields
        assert self.both_read._entries == self.ours._entries
        assert self.ours_read.decode(self.theirs.encode(fields, huffman)) == fields

    @rule(size=st.sampled_from([0, 32, 33, 100, 1000, 4000, 4096, 65536]))
    def resize_ours(self, size: int) -> None:
        self.ours.resize(size)

    @rule(size=st.sampled_from([0, 32, 33, 100, 1000, 4000, 4096]))
    def resize_theirs(self, size: int) -> None:
        # More than two changes between two blocks are none that an encoder may say, and this one forgets
        # to say any where the last was none.
        if len(self.theirs.table_size_changes) < 2 and size != self.theirs.header_table_size:
            self.theirs.header_table_size = size

    @invariant()
    def tables_are_within_their_sizes(self) -> None:
        for side in (self.ours, self.ours_read, self.both_read):
            size = sum(32 + len(name) + len(value) for name, value in side._entries)
            assert size == side._size <= side._limit <= 4096
        assert len(self.ours._numbers) == len(self.ours._entries)
        assert len(self.ours._seen) <= 256


class Blocks(SynchronousTestCase):
    def test_any_exchange(self) -> None:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            Exchange, settings=settings(max_examples=40, stateful_step_count=30)
        )

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

    def test_what_comes_again_becomes_short(self) -> None:
        encoder = Encoder()
        fields = [(b":method", b"GET"), (b"accept", b"*/*"), (b"x-a", b"b")]
        sizes = [len(encoder.encode(fields)) for _ in range(4)]
        self.assertEqual(sizes[2:], [3, 3])
        self.assertEqual(encoder.encode([(b"x-a", b"b")] * 100), b"\xbe" * 100)

    def test_what_never_comes_again_pushes_nothing_out(self) -> None:
        encoder = Encoder()
        for _ in range(2):
            encoder.encode([(b"x-a", b"b")])
        for number in range(1000):
            encoder.encode([(b"x-id", b"%d" % number)])
        self.assertEqual(encoder.encode([(b"x-a", b"b")]), b"\xbe")

    def test_secrets_stay_out_of_every_table(self) -> None:
        """And are marked so that nobody else puts them in one (RFC 7541 section 6.2.3)."""
        encoder = Encoder()
        decoder = hpack.Decoder()
        for name in (b"authorization", b"cookie", b"set-cookie", b"proxy-authorization"):
            self.assertIn(name, SECRETS)
            for _ in range(3):
                (field,) = decoder.decode(encoder.encode([(name, b"secret")]), raw=True)
                self.assertFalse(field.indexable)
        self.assertEqual(encoder._entries, [])

    def test_a_value_that_would_fill_the_table(self) -> None:
        encoder = Encoder()
        for _ in range(3):
            self.assertGreater(len(encoder.encode([(b"x", b"y" * 1024)])), 1024)
        self.assertEqual((encoder._entries, encoder._seen), ([], set()))


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
        for name, coded in (
            ("never ends", "ffffffffffffffff"),
            ("too large", "ffffffff0f"),
            ("padded with nothing", "ff8080808000"),
            ("the size of a name", "00ffffffff7f"),
            ("the size of a value", "0001617fffffff7f"),
        ):
            self.refused(coded)
            self.assertTrue(name)

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
                self.assertEqual(plain(theirs.decode(each, raw=True)), fields)

        read()
