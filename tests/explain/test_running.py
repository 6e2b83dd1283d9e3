"""What ends at once is run to its end, and what waits is let go."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from toron.core.refusal import DENIED, Refusal
from toron.explain.running import Ran, run


class Running(SynchronousTestCase):
    def test_a_value(self) -> None:
        async def coroutine() -> int:
            return int(await succeed(3)) + 1

        self.assertEqual(run(coroutine()), Ran(4))

    def test_a_refusal(self) -> None:
        refusal = Refusal(DENIED)

        async def coroutine() -> None:
            raise refusal

        self.assertEqual(run(coroutine()), Ran(refusal=refusal))

    def test_another_error(self) -> None:
        async def coroutine() -> None:
            raise AttributeError("connectTCP")

        self.assertEqual(
            run(coroutine()), Ran(unknown="it needs a running gateway: AttributeError: connectTCP")
        )

    def test_what_waits_is_cancelled(self) -> None:
        waited: Deferred[Any] = Deferred()
        seen = []

        async def coroutine() -> None:
            try:
                await waited
            finally:
                seen.append("over")

        self.assertEqual(
            run(coroutine()), Ran(unknown="it waits for something that only a running gateway has")
        )
        self.assertEqual(seen, ["over"])
