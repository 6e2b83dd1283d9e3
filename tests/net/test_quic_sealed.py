"""Tests of adding to packets that are encrypted, with another implementation at both ends."""

from __future__ import annotations

from aioquic.quic.crypto import CryptoPair
from aioquic.tls import CipherSuite
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.net.quic_sealed import Sealed, expand

SUITES = {
    "AES_128_GCM_SHA256": (CipherSuite.AES_128_GCM_SHA256, 32),
    "AES_256_GCM_SHA384": (CipherSuite.AES_256_GCM_SHA384, 48),
    "CHACHA20_POLY1305_SHA256": (CipherSuite.CHACHA20_POLY1305_SHA256, 32),
}
PING = b"\x01"


class Case(SynchronousTestCase):
    def begin(self, suite: str = "AES_128_GCM_SHA256") -> None:
        cipher, size = SUITES[suite]
        secret = bytes(range(size))
        self.pair = CryptoPair()
        self.pair.send.setup(cipher_suite=cipher, secret=secret, version=1)
        self.pair.recv.setup(cipher_suite=cipher, secret=secret, version=1)
        self.sealed = Sealed(suite, secret)

    def packet(
        self, number: int, payload: bytes, target: bytes = b"", size: int = 2, phase: int = 0
    ) -> bytes:
        """A packet as qh3 makes it."""
        first = bytes((0x40 | phase << 2 | size - 1,))
        header = first + target + (number & (1 << 8 * size) - 1).to_bytes(size, "big")
        return self.pair.encrypt_packet(header, payload, number)

    def opened(self, packet: bytes, target: bytes, number: int) -> bytes:
        """What the receiver reads."""
        _, payload, found = self.pair.decrypt_packet(packet, 1 + len(target), number)
        self.assertEqual(found, number)
        return payload


class Adding(Case):
    def test_the_receiver_reads_both(self) -> None:
        for suite in SUITES:
            for target in (b"", b"12345678", b"x" * 20):
                with self.subTest(suite=suite, target=target):
                    self.begin(suite)
                    packet = self.packet(0, PING * 20, target)
                    made = self.sealed.add(packet, len(target), b"\x11\x04\x40\x96")
                    self.assertEqual(len(made), len(packet) + 4)
                    self.assertEqual(self.opened(made, target, 0), PING * 20 + b"\x11\x04\x40\x96")

    @settings(max_examples=200)
    @given(
        st.sampled_from(sorted(SUITES)), st.lists(st.integers(0, 300), max_size=8), st.integers(1, 4),
        st.binary(min_size=4, max_size=40), st.binary(max_size=30),
    )  # fmt: skip
    def test_packets_in_a_row(
        self, suite: str, passed: list[int], size: int, payload: bytes, frames: bytes
    ) -> None:
        self.begin(suite)
        number = 0
        for skipped in passed:
            # What is passed is counted, and need not be counted exactly.
            self.sealed.passed(skipped)
            number += max(0, skipped - 3) if size == 1 else skipped
            if size == 1 and skipped > 100:
                return
            made = self.sealed.add(self.packet(number, payload + PING * 16, size=size), 0, frames)
            self.assertEqual(self.opened(made, b"", number), payload + PING * 16 + frames)
            number += 1

    def test_numbers_beyond_what_is_shown(self) -> None:
        self.begin()
        self.sealed.passed(200_000)
        made = self.sealed.add(self.packet(200_010, PING * 20), 0, b"\0")
        self.assertEqual(self.opened(made, b"", 200_010), PING * 20 + b"\0")
        made = self.sealed.add(self.packet(200_005, PING * 20), 0, b"\0")
        self.assertEqual(self.opened(made, b"", 200_005), PING * 20 + b"\0")

    def test_the_keys_are_updated(self) -> None:
        self.begin()
        # Also more than once between two packets that are added to.
        for number, updates in enumerate((0, 1, 1, 2, 0, 2, 1)):
            for _ in range(updates):
                self.pair._update_key("test")
            packet = self.packet(number, PING * 20, phase=self.pair.key_phase)
            made = self.sealed.add(packet, 0, b"\0")
            self.assertEqual(self.opened(made, b"", number), PING * 20 + b"\0", number)


class Leaving(Case):
    """What can not be read stays as it is."""

    def test_it_is_sent_as_it_was(self) -> None:
        self.begin()
        good = self.packet(0, PING * 20, b"12345678")
        bad = good[:-1] + bytes((good[-1] ^ 1,))
        for packet in (bad, good[:20], b"\x40", b"\xc0" + good[1:], b"\x40" + bytes(60)):
            self.assertEqual(self.sealed.add(packet, 8, b"\0"), packet)
        # Another length of the id than there is.
        self.assertEqual(self.sealed.add(good, 4, b"\0"), good)
        self.assertNotEqual(self.sealed.add(good, 8, b"\0"), good)


class Keys(SynchronousTestCase):
    def test_the_example_of_the_rfc(self) -> None:
        # RFC 9001 appendix A.1: the server's Initial keys.
        secret = bytes.fromhex("3c199828fd139efd216c155ad844cc81fb82fa8d7446fa7d78be803acdda951b")
        for label, text in (
            (b"quic key", "cf3a5331653c364c88f0f379b6067e37"),
            (b"quic iv", "0ac1493ca1905853b0bba03e"),
            (b"quic hp", "c206b8d9b9f0f37644430b490eeaa314"),
        ):
            self.assertEqual(expand(secret, "sha256", label, len(text) // 2).hex(), text)

    def test_longer_than_one_digest(self) -> None:
        self.assertEqual(len(expand(bytes(32), "sha256", b"x", 100)), 100)
