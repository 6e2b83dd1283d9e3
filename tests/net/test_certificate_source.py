"""A source tells all that serve it of a new pair, or none of them."""

from __future__ import annotations

import gc
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.net.certificate_source import Source
from toron.net.key_pair import KeyPair

ONE, TWO = KeyPair(b"one", b"1"), KeyPair(b"two", b"2")


class Listener:
    """What serves a source, and notes it."""

    def __init__(self, *bad: KeyPair) -> None:
        self.bad = bad
        self.serves: list[Any] = []
        self.challenges: dict[str, KeyPair] = {}

    def made(self, source: Source, pair: KeyPair) -> Any:
        if pair in self.bad:
            raise ValueError("not for me")
        return (source, pair)

    def take(self, source: Source, made: Any) -> None:
        self.serves.append(made)

    def offer_challenge(self, name: str, pair: KeyPair) -> None:
        self.challenges[name] = pair

    def withdraw_challenge(self, name: str) -> None:
        self.challenges.pop(name, None)


class Sources(SynchronousTestCase):
    def setUp(self) -> None:
        self.source = Source(ONE)
        self.one, self.two = Listener(), Listener()
        self.source.attach(self.one)
        self.source.attach(self.two)
        self.told: list[Source] = []
        self.source.changed.append(self.told.append)

    def test_all_serve_the_new_pair(self) -> None:
        self.source.staple = b"of the old one"
        self.source.serve(TWO)
        self.assertEqual(self.one.serves, [(self.source, TWO)])
        self.assertEqual(self.two.serves, [(self.source, TWO)])
        self.assertEqual((self.source.pair, self.source.staple, self.told), (TWO, b"", [self.source]))

    def test_or_none_of_them(self) -> None:
        third = Listener(TWO)
        self.source.attach(third)
        self.assertRaises(ValueError, self.source.serve, TWO)
        self.assertEqual(self.one.serves + self.two.serves + third.serves, [])
        self.assertEqual((self.source.pair, self.told), (ONE, []))

    def test_who_left_is_not_told(self) -> None:
        self.source.detach(self.one)
        self.source.serve(TWO)
        self.assertEqual((len(self.one.serves), len(self.two.serves)), (0, 1))

    def test_who_is_gone_is_not_held(self) -> None:
        third = Listener(TWO)
        self.source.attach(third)
        del third
        gc.collect()
        self.source.serve(TWO)
        self.assertEqual(self.source.pair, TWO)

    def test_what_is_said_of_it(self) -> None:
        for staple, told in ((b"good", 1), (b"good", 1), (b"", 2)):
            self.source.attest(staple)
            self.assertEqual((self.source.staple, len(self.told)), (staple, told))

    def test_challenges(self) -> None:
        self.source.offer_challenge("a.test", ONE)
        late = Listener()
        self.source.attach(late)
        for listener in (self.one, self.two, late):
            self.assertEqual(listener.challenges, {"a.test": ONE})
        self.source.withdraw_challenge("a.test")
        self.source.withdraw_challenge("a.test")
        for listener in (self.one, self.two, late):
            self.assertEqual(listener.challenges, {})
        later = Listener()
        self.source.attach(later)
        self.assertEqual(later.challenges, {})
        self.assertEqual(len(self.told), 2)
