"""Strings in the Huffman code are read as another library writes them, and nothing else is."""

from __future__ import annotations

from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.hpack_huffman import LENGTHS, decode

other = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


class Huffman(SynchronousTestCase):
    def test_the_code(self) -> None:
        self.assertEqual(LENGTHS, tuple(REQUEST_CODES_LENGTH))

    def test_examples(self) -> None:
        """RFC 7541 appendix C.4 and C.6."""
        for coded, plain in (
            ("f1e3c2e5f23a6ba0ab90f4ff", b"www.example.com"),
            ("a8eb10649cbf", b"no-cache"),
            ("d07abe941054d444a8200595040b8166e082a62d1bff", b"Mon, 21 Oct 2013 20:13:21 GMT"),
            ("", b""),
        ):
            self.assertEqual(decode(bytes.fromhex(coded)), plain)

    def test_every_octet(self) -> None:
        for octet in range(256):
            for plain in (bytes([octet]), bytes([octet, 0x61, octet])):
                self.assertEqual(decode(other.encode(plain)), plain)

    def test_any(self) -> None:
        @given(st.binary(max_size=200))
        def same(plain: bytes) -> None:
            self.assertEqual(decode(other.encode(plain)), plain)

        same()

    def test_nothing_else(self) -> None:
        """What is read is the one way to write it (RFC 7541 section 5.2)."""

        @given(st.binary(min_size=1, max_size=12))
        def one_way(coded: bytes) -> None:
            try:
                plain = decode(coded)
            except ValueError:
                return
            self.assertEqual(other.encode(plain), coded)

        one_way()

    def test_broken(self) -> None:
        for coded in (
            "ff",  # padding of eight bits
            "07ff",  # a code, and padding of eight bits
            "00",  # padding with a zero
            "1c",  # padding with the bits of another code
            "ffffffff",  # the end itself
            "1fffffffff",  # the end after a code
            "fffe",  # half of a long code
        ):
            self.assertRaises(ValueError, decode, bytes.fromhex(coded))
