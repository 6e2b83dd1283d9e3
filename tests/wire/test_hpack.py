"""Header lists go through HPACK unchanged, with another library on either side."""

from __future__ import annotations

import hpack
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.hpack import Decoder, Encoder

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
