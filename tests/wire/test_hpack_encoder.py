"""What is said again becomes short, and secrets never stand in a table."""

from __future__ import annotations

import hpack
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.hpack_encoder import SECRETS, Encoder


class Saying(SynchronousTestCase):
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

    def test_sizes_of_the_table(self) -> None:
        """The smallest since the last block is said, and the last (RFC 7541 section 4.2)."""
        encoder = Encoder()
        encoder.resize(1 << 20)
        self.assertEqual(encoder.encode([]), b"")
        for sizes, said in (((100,), "3f45"), ((0, 4096), "203fe11f"), ((50, 10, 60), "2a3f1d"), ((60,), "")):
            for size in sizes:
                encoder.resize(size)
            self.assertEqual(encoder.encode([]).hex(), said)
