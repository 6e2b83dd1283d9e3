"""An exchange waits for the right thing, for as long as it may, and tells everybody of its end."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import Source, outcome
from toron.core.body import Body
from toron.core.refusal import TOTAL_TIMEOUT, Refusal, UpstreamFailed
from toron.core.wait import Wait
from toron.net.http_exchange import UpstreamExchange
from toron.net.sweep import NEVER, Sweep
from toron.wire.events import ResponseHead
from toron.wire.headers import Headers


class Exchange(UpstreamExchange):
    """Notes with which error it was abandoned."""

    def __init__(self) -> None:
        self._set_up(Sweep(Clock()), 10.0)
        self.abandoned: list[Any] = []

    def _abandon(self, error: Refusal | None = None) -> None:
        self.abandoned.append(error)


class Waiting(SynchronousTestCase):
    """One that is under way, with a head to come within 20 seconds."""

    def setUp(self) -> None:
        self.exchange = Exchange()
        self.exchange._over = self.fail
        self.exchange._response_seconds = 20.0

    def waits(self) -> float:
        self.exchange._rearm()
        return self.exchange.deadline

    def test_for_the_head(self) -> None:
        self.assertEqual(self.waits(), 20.0)

    def test_for_the_rest_of_the_request(self) -> None:
        self.exchange._request_body = Body()
        self.assertEqual(self.waits(), NEVER)
        self.exchange._full = 1
        self.assertEqual(self.waits(), 10.0)

    def test_for_more_of_the_response(self) -> None:
        self.exchange._body = Body()
        self.assertEqual(self.waits(), 10.0)
        self.exchange._paused = True
        self.assertEqual(self.waits(), NEVER)

    def test_to_be_told_to_go_on(self) -> None:
        self.exchange._request_body = Body()
        self.exchange._expecting = True
        self.assertEqual(self.waits(), 20.0)
        informed: list[ResponseHead] = []
        self.exchange._inform = informed.append
        early, go_on = ResponseHead(103, Headers()), ResponseHead(100, Headers())
        self.exchange._interim(early)
        self.assertEqual(self.exchange.deadline, 20.0)
        self.exchange._interim(go_on)
        self.assertEqual((self.exchange.deadline, informed), (NEVER, [early, go_on]))

    def test_for_nothing_when_it_is_over(self) -> None:
        self.exchange._over = None
        self.assertEqual(self.waits(), NEVER)


class Ending(SynchronousTestCase):
    """One with a body each way."""

    def setUp(self) -> None:
        self.exchange = Exchange()
        self.source = Source()
        self.body = self.exchange._body = Body()
        self.exchange._request_body = Body(self.source)
        answer: Wait[Any] = Wait()
        self.exchange._answer = answer
        self.got = outcome(answer)

    def test_with_an_error(self) -> None:
        error = UpstreamFailed(TOTAL_TIMEOUT)
        for _ in range(2):
            self.exchange.give_up(error)
        self.assertEqual((self.exchange.abandoned, self.got, self.body.error), ([error], [error], error))
        self.assertEqual(self.source.told, ["stop"])

    def test_for_the_body_of_the_request(self) -> None:
        error = Refusal(TOTAL_TIMEOUT)
        self.exchange.body_failed(error)
        self.assertEqual((self.exchange.abandoned, self.got, self.source.told), ([error], [error], []))

    def test_for_the_client(self) -> None:
        self.exchange.body_failed(ConnectionError("gone"))
        [failure] = self.got
        self.assertEqual((failure.reason.word, failure.detail, failure.ours), ("client_gone", "gone", True))

    def test_that_nobody_wants(self) -> None:
        self.exchange.cancel()
        self.exchange.stop()
        self.assertEqual((self.exchange.abandoned, self.got), ([None, None], []))
