"""What conditions say of what was counted."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.changing.test_counted import buckets
from toron.changing.condition import FIGURES, Scope, Span, Verdict
from toron.changing.condition_text import read_condition
from toron.changing.counted import NOTHING, Counted

FAST, SLOW = [0.0005] * 200, [0.2] * 200


class Judging(SynchronousTestCase):
    """A hundred requests before, in a minute; what came after in ten seconds."""

    now = Span(Counted(200, 10, buckets(*SLOW)), 10.0)
    before = Span(Counted(1200, 12, buckets(*FAST)), 60.0)

    def judge(self, text: str, least: int = 20) -> Verdict:
        def read(scope: Scope, needed: int) -> tuple[Span, Span]:
            self.scope, self.needed = scope, needed
            return self.now, self.before

        return read_condition(text).judge(read, least)

    def test_what_holds(self) -> None:
        for text, why in {
            "error_rate > 2%": "error_rate is 5% > 2% (200 requests in 10s)",
            "error_rate >= 5%": "error_rate is 5% >= 5% (200 requests in 10s)",
            "error_rate > 4x": "error_rate is 5% > 4x = 4% (200 requests in 10s)",
            "p50 > 100ms": "p50 is 175ms > 100ms (200 requests in 10s)",
            "p99 > 2x": "p99 is 248ms > 2x = 1.98ms (200 requests in 10s)",
            "rate < 30/s": "rate is 20/s < 30/s (200 requests in 10s)",
            "rate <= 1x": "rate is 20/s <= 1x = 20/s (200 requests in 10s)",
            "5xx > 9": "5xx is 10 > 9 (200 requests in 10s)",
            "5xx > 2x": "5xx is 10 > 2x = 4 (200 requests in 10s)",
            "error_rate(route a) > 2%": "error_rate(route a) is 5% > 2% (200 requests in 10s)",
        }.items():
            self.assertEqual(self.judge(text), Verdict(True, (why,)))

    def test_what_does_not(self) -> None:
        for text in ("error_rate > 5%", "p99 > 1s", "p99 > 1000x", "rate < 20/s", "5xx > 10", "5xx > 5x"):
            self.assertEqual(self.judge(text), Verdict(False), text)

    def test_joined(self) -> None:
        both = ("error_rate is 5% > 2% (200 requests in 10s)", "5xx is 10 > 9 (200 requests in 10s)")
        self.assertEqual(self.judge("error_rate > 2% and 5xx > 9"), Verdict(True, both))
        self.assertEqual(self.judge("error_rate > 9% or 5xx > 9"), Verdict(True, both[1:]))
        self.assertEqual(self.judge("error_rate > 2% and 5xx > 10").holds, False)
        self.assertEqual(self.judge("not error_rate > 9%").holds, True)
        self.assertEqual(self.judge("not (error_rate > 2% or 5xx > 10)").holds, False)

    def test_too_few_requests_decide_nothing(self) -> None:
        self.now = Span(Counted(19, 19, buckets(*SLOW[:19])), 3.0)
        for text in ("error_rate > 2%", "p50 > 1ms", "p99 > 1ms", "rate < 100", "not error_rate > 2%"):
            self.assertEqual(self.judge(text).holds, None, text)
        self.assertEqual(self.judge("5xx > 5").holds, True, "so many are too many, however few came")
        self.assertEqual(self.judge("5xx > 5 or p99 > 1ms").holds, True)
        self.assertEqual(self.judge("5xx > 5 and p99 > 1ms").holds, None)
        self.assertEqual(self.judge("5xx > 50 and p99 > 1ms").holds, False)
        self.assertEqual(self.judge("error_rate > 2%", least=10).holds, True)

    def test_a_high_quantile_needs_more(self) -> None:
        self.now = Span(Counted(99, 0, buckets(*SLOW[:99])), 10.0)
        self.assertEqual(self.judge("p99 > 1ms").holds, None)
        self.assertEqual(self.needed, 100)
        self.assertEqual(self.judge("p90 > 1ms").holds, True)
        self.assertEqual(self.needed, 20)

    def test_nothing_to_compare_with(self) -> None:
        self.before = Span(NOTHING, 0.0)
        for figure in FIGURES:
            self.assertEqual(self.judge(f"{figure} > 2x").holds, None, figure)
            self.assertEqual(self.judge(f"{figure} < 0.5x").holds, None, figure)

    def test_what_is_shown_meanwhile(self) -> None:
        found = read_condition("p99 > 2x or rate(route a) < 1 or p99 > 2x").figures(
            lambda scope, needed: (Span(NOTHING, 1.0), self.before), 20
        )
        self.assertEqual(
            found,
            ("p99 is not known yet, before 0.99ms (0 requests in 1s)",
             "rate(route a) is not known yet (0 requests in 1s)"),
        )  # fmt: skip
