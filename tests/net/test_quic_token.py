"""Tests of Retry tokens."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.net.quic_token import SECONDS, RetryTokens

HERE = ("192.0.2.1", 5)


class Tokens(SynchronousTestCase):
    def setUp(self) -> None:
        self.tokens = RetryTokens(bytes(16))
        self.token = self.tokens.make(HERE, b"source", b"first", 100.0)

    def test_the_client_comes_back(self) -> None:
        for now in (100.0, 100.0 + SECONDS):
            self.assertEqual(self.tokens.original(self.token, HERE, b"source", now), b"first")

    def test_it_comes_from_elsewhere_or_too_late(self) -> None:
        for address, source, now in (
            (("192.0.2.2", 5), b"source", 100.0),
            (("192.0.2.1", 6), b"source", 100.0),
            (HERE, b"another", 100.0),
            (HERE, b"source", 100.1 + SECONDS),
        ):
            self.assertIsNone(self.tokens.original(self.token, address, source, now))

    def test_tokens_that_are_not_ours(self) -> None:
        made = [b"", b"x", b"x" * 12, b"x" * 60, b"x" * 10_000, self.token[:-1], self.token + b"x"]
        made += [self.token[:at] + bytes((self.token[at] ^ 1,)) + self.token[at + 1 :] for at in (0, 12, 40)]
        for token in made:
            self.assertIsNone(self.tokens.original(token, HERE, b"source", 100.0), token)
        self.assertIsNone(RetryTokens(b"k" * 16).original(self.token, HERE, b"source", 100.0))

    def test_no_two_are_alike(self) -> None:
        self.assertNotEqual(self.token, self.tokens.make(HERE, b"source", b"first", 100.0))

    def test_the_longest_id_fits(self) -> None:
        token = self.tokens.make(("ffff:" * 7 + "ffff", 65535), b"s" * 8, b"f" * 20, 0.0)
        found = self.tokens.original(token, ("ffff:" * 7 + "ffff", 65535), b"s" * 8, 0.0)
        self.assertEqual(found, b"f" * 20)
