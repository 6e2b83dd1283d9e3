"""Workers hear of each certificate that is replaced, those too that come later."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.net.certificate_source import Source
from toron.net.key_pair import KeyPair
from toron.workers.messages import Certified, encode, from_parent
from toron.workers.sources import Sources, take

ONE, TWO, PROOF = KeyPair(b"one", b"1"), KeyPair(b"two", b"2"), KeyPair(b"proof", b"3")


class OtherEnd:
    """A worker that does what it is told, as the real one does."""

    def __init__(self) -> None:
        self.sources = {"a": Source(ONE), "b": Source()}

    def tell(self, message: Any) -> None:
        heard = from_parent.decode(encode(message))
        assert isinstance(heard, Certified)
        take(self.sources[heard.source], heard)


class Telling(SynchronousTestCase):
    def setUp(self) -> None:
        self.workers: list[Any] = [OtherEnd(), OtherEnd()]
        self.mine = {"a": Source(ONE), "b": Source()}
        self.sources = Sources(self.mine, self.workers)

    def check(self) -> None:
        """All are as the parent is, and so is one that comes now."""
        late = OtherEnd()
        for message in self.sources.known():
            late.tell(message)
        for worker in (*self.workers, late):
            for key, mine in self.mine.items():
                its = worker.sources[key]
                self.assertEqual(
                    (its.pair, its.staple, its.challenges), (mine.pair, mine.staple, mine.challenges)
                )

    def test_nothing_happened(self) -> None:
        self.assertEqual(list(self.sources.known()), [])

    def test_pairs_and_what_is_said_of_them(self) -> None:
        self.mine["a"].serve(TWO)
        self.check()
        self.mine["a"].attest(b"good")
        self.check()
        self.mine["b"].serve(ONE)
        self.check()
        self.mine["a"].serve(ONE)
        self.check()
        self.assertEqual(self.mine["a"].staple, b"")

    def test_challenges(self) -> None:
        self.mine["b"].offer_challenge("a.test", PROOF)
        self.mine["b"].offer_challenge("b.test", ONE)
        self.check()
        self.mine["b"].offer_challenge("b.test", PROOF)
        self.mine["b"].withdraw_challenge("a.test")
        self.check()
        self.assertEqual(self.mine["b"].challenges, {"b.test": PROOF})

    def test_others_from_here_on(self) -> None:
        late = Source(ONE)
        late.serve(TWO)
        self.mine = {"a": self.mine["a"], "b": late}
        self.sources.switch(self.mine)
        self.assertEqual([message.source for message in self.sources.known()], ["b"])
        for worker in self.workers:
            worker.sources["b"] = Source(ONE)
            for message in self.sources.known():
                worker.tell(message)
        self.check()
        late.serve(ONE)
        self.mine["a"].serve(TWO)
        self.check()
        self.assertEqual([len(source.changed) for source in self.mine.values()], [1, 1])
