"""The table says what was measured, what was not, and whether that is enough."""

# ruff: noqa: RUF001  (the sign of multiplication is meant)

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from twisted.trial.unittest import SynchronousTestCase

from bench.report import HEAD, Results, markdown, number, plain, ratio, row, verdict


@dataclass(frozen=True)
class Asked:
    name: str = "w"
    title: str = "Some work"
    unit: str = "µs CPU / request"
    must: float = 1.9
    aim: float = 1.3
    below: tuple[str, ...] = ()
    within: tuple[tuple[str, float], ...] = ()
    baseline: str | None = "nginx"
    subject: str = "toron"


def results(**costs: list[float]) -> Results:
    made = Results()
    for peer, rounds in costs.items():
        for cost in rounds:
            made.add("w", peer, cost)
    return made


class Figures(SynchronousTestCase):
    def test_the_median_stands_for_all_rounds(self) -> None:
        self.assertEqual(results(nginx=[9.0, 1.0, 2.0]).median("w", "nginx"), 2.0)
        self.assertEqual(results(nginx=[1.0, 2.0]).median("w", "nginx"), 1.5)

    def test_without_a_round_or_with_a_failed_one_there_is_none(self) -> None:
        made = results(nginx=[1.0])
        self.assertIsNone(made.median("w", "envoy"))
        made.reasons["w", "nginx"] = "failed"
        self.assertIsNone(made.median("w", "nginx"))

    def test_a_ratio_needs_both(self) -> None:
        self.assertEqual(ratio(3.0, 2.0), 1.5)
        for cost, base in ((None, 2.0), (3.0, None), (3.0, 0.0)):
            self.assertIsNone(ratio(cost, base))

    def test_three_digits(self) -> None:
        self.assertEqual(
            [number(n) for n in (0.0, 2.834, 12.34, 99.94, 123.4)], ["0.00", "2.83", "12.3", "99.9", "123"]
        )

    def test_the_spread_is_the_worst_of_all(self) -> None:
        self.assertEqual(results(nginx=[2.0, 3.0], toron=[4.0, 4.0]).spread({"w"}), 1.5)
        self.assertEqual(results(nginx=[2.0, 3.0]).spread({"another"}), 1.0)
        self.assertEqual(results(nginx=[0.0, 3.0]).spread({"w"}), 1.0)
        self.assertEqual(Results().spread({"w"}), 1.0)


class Verdict(SynchronousTestCase):
    def test_the_limit_itself_is_met(self) -> None:
        for cost, met in ((19.0, "yes"), (19.1, "no"), (5.0, "yes")):
            self.assertEqual(verdict(Asked(), results(nginx=[10.0], toron=[cost])), met)

    def test_some_peers_must_be_beaten_too(self) -> None:
        asked = Asked(below=("envoy",))
        for envoy, met in (([16.0], "yes"), ([15.0], "no"), ([12.0], "no"), ([], "?")):
            self.assertEqual(verdict(asked, results(nginx=[10.0], envoy=envoy, toron=[15.0])), met)

    def test_without_a_baseline_the_limit_is_a_cost(self) -> None:
        for cost, met in ((1.9, "yes"), (2.0, "no")):
            self.assertEqual(verdict(Asked(baseline=None), results(toron=[cost])), met)

    def test_who_could_not_keep_the_rate_has_not_met_it(self) -> None:
        made = results(nginx=[10.0], toron=[15.0])
        for peer, reason, met in (
            ("toron", "failed", "?"),
            ("toron", "too slow", "no"),
            ("nginx", "too slow", "?"),
        ):
            made.reasons = {("w", peer): reason}
            self.assertEqual(verdict(Asked(), made), met)

    def test_who_kept_the_rate_more_often_than_not_has_a_median(self) -> None:
        for costs, met, cell in (
            ([15.0, inf, 12.0], "yes", "15.0 (1.50×)"),
            ([inf, inf, 12.0], "no", "too slow"),
            ([inf], "no", "too slow"),
        ):
            made = results(nginx=[10.0], toron=costs)
            self.assertEqual((verdict(Asked(), made), row(Asked(), made).cells[-1]), (met, cell))
            self.assertEqual(made.spread(["w"]), 1.0)

    def test_so_many_times_another_one(self) -> None:
        asked = Asked(within=(("caddy", 0.5),))
        for caddy, met in ((24.0, "yes"), (19.9, "no")):
            self.assertEqual(verdict(asked, results(nginx=[10.0], caddy=[caddy], toron=[10.0])), met)
        made = results(nginx=[10.0], toron=[10.0])
        self.assertEqual(verdict(asked, made), "?")
        self.assertIn(", ≤ 0.5 × caddy", row(asked, made).must)

    def test_what_was_not_measured_is_not_met(self) -> None:
        self.assertEqual(verdict(Asked(), results(nginx=[10.0])), "?")
        self.assertEqual(verdict(Asked(), results(toron=[10.0])), "?")


class Table(SynchronousTestCase):
    def test_a_row(self) -> None:
        made = results(nginx=[10.0], haproxy=[11.0], toron=[15.0])
        made.reasons["w", "caddy"] = "missing"
        found = row(Asked(below=("envoy",)), made)
        self.assertEqual(found.cells, ("10.0 (1.00×)", "11.0 (1.10×)", "-", "missing", "15.0 (1.50×)"))
        self.assertEqual(
            (found.must, found.aim, found.verdict), ("≤ 1.9 × nginx, < envoy", "1.3 × nginx", "?")
        )
        self.assertEqual(found.ratios, {"nginx": 1.0, "haproxy": 1.1, "toron": 1.5})

    def test_another_subject_stands_in_the_column_of_toron(self) -> None:
        asked = Asked(must=1.1, aim=1.0, baseline="toron, 10 routes", subject="toron, 10,000 routes")
        made = results(**{"toron, 10 routes": [10.0], "toron, 10,000 routes": [10.5]})
        found = row(asked, made)
        self.assertEqual(found.cells, ("-", "-", "-", "-", "10.5 (1.05×)"))
        self.assertEqual((found.baseline, found.ratios), ("toron, 10 routes", {"toron": 1.05}))
        self.assertEqual((found.must, found.verdict), ("≤ 1.1 × toron, 10 routes", "yes"))

    def test_without_a_baseline_there_is_no_ratio(self) -> None:
        found = row(Asked(unit="KiB resident / connection", must=6.0, baseline=None), results(toron=[2.5]))
        self.assertEqual((found.cells[-1], found.must, found.ratios), ("2.50", "≤ 6 KiB", {}))

    def test_for_a_terminal_columns_stand_below_each_other(self) -> None:
        text = plain([row(Asked(title=title), results(nginx=[10.0])) for title in ("a", "a longer one")])
        self.assertEqual({line.find("µs") for line in text.splitlines()[1:]}, {len("a longer one") + 2})

    def test_in_markdown_all_lines_have_all_columns(self) -> None:
        text = markdown([row(Asked(), results(nginx=[10.0]))], {"kernel": "Linux 1"})
        table = [line for line in text.splitlines() if line.startswith("|")]
        self.assertEqual([line.count("|") for line in table], [len(HEAD) + 1] * 3)
        self.assertIn("- kernel: Linux 1\n", text)
