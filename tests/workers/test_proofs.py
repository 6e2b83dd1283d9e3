"""Workers answer directories as the parent wants it, those too that come later."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.acme.http_01 import PLACE, Answers
from toron.core.wait import as_deferred
from toron.workers.messages import Answering, encode, from_parent
from toron.workers.proofs import Proofs


class OtherEnd:
    """A worker that does what it is told, as the real one does."""

    def __init__(self) -> None:
        self.answers = Answers()

    def tell(self, message: Any) -> None:
        heard = from_parent.decode(encode(message))
        assert isinstance(heard, Answering)
        self.answers.take(heard.texts)


class Telling(SynchronousTestCase):
    def test_each_change(self) -> None:
        mine, workers = Answers(), [OtherEnd(), OtherEnd()]
        proofs = Proofs(mine, workers)  # type: ignore[arg-type]
        self.assertEqual(list(proofs.known()), [])
        for step, texts in (
            (mine.show("a.test", "one", "1"), {PLACE + b"one": b"1"}),
            (mine.show("b.test", "two", "2"), {PLACE + b"one": b"1", PLACE + b"two": b"2"}),
            (mine.hide("a.test", "one", "1"), {PLACE + b"two": b"2"}),
        ):
            self.successResultOf(as_deferred(step))
            late = OtherEnd()
            for message in proofs.known():
                late.tell(message)
            self.assertEqual([each.answers.texts for each in (*workers, late)], [texts] * 3)
        self.successResultOf(as_deferred(mine.hide("b.test", "two", "2")))
        self.assertEqual([each.answers.texts for each in workers], [{}, {}])
