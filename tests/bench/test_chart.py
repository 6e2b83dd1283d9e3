"""The chart is a well-formed picture whose bars are as long as the figures are large."""

from __future__ import annotations

from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from bench.chart import COLOURS, MOST, WIDTH, draw
from bench.report import COLUMNS, Row

SVG = "{http://www.w3.org/2000/svg}"


def row(title: str, **ratios: float) -> Row:
    return Row(title, "µs", "nginx", ("",) * len(COLUMNS), ratios, "", "", "yes")


class Chart(SynchronousTestCase):
    def bars(self, text: str) -> list[tuple[str, float]]:
        """Colour and length of the bars, without the ground and the legend."""
        rects = ElementTree.fromstring(text).findall(f"{SVG}rect")
        return [(rect.attrib["fill"], float(rect.attrib["width"])) for rect in rects[1 + len(COLUMNS) :]]

    def test_lengths_are_in_proportion(self) -> None:
        bars = self.bars(draw([row("a", nginx=1.0, toron=1.5), row("b", nginx=1.0, caddy=5.0)]))
        one = bars[0][1]
        self.assertEqual(
            [fill for fill, _ in bars], [COLOURS[n] for n in ("nginx", "toron", "nginx", "caddy")]
        )
        for (_, length), times in zip(bars, (1.0, 1.5, 1.0, 5.0), strict=True):
            self.assertAlmostEqual(length / one, times, places=1)

    def test_what_is_held_against_another_is_in_multiples_of_nginx_too(self) -> None:
        bars = self.bars(draw([row("a", nginx=0.5, envoy=1.0, toron=0.75)]))
        for (_, length), times in zip(bars, (1.0, 2.0, 1.5), strict=True):
            self.assertAlmostEqual(length / bars[0][1], times, places=1)

    def test_the_longest_bar_fits(self) -> None:
        for most in (0.2, 1.0, 80.0):
            bars = self.bars(draw([row("a", nginx=1.0, toron=most)]))
            self.assertLess(max(length for _, length in bars), WIDTH)

    def test_one_that_is_far_too_long_is_cut_and_says_so(self) -> None:
        text = draw([row("a", nginx=1.0, envoy=80.0, caddy=MOST, toron=2.0)])
        one, envoy, caddy, toron = (length for _, length in self.bars(text))
        self.assertEqual(envoy, caddy)
        self.assertAlmostEqual(toron / one, 2.0, places=1)
        figures = [found.text for found in ElementTree.fromstring(text).findall(f"{SVG}text")]
        self.assertIn("80.00 (cut)", figures)
        self.assertIn(f"{MOST:.2f}", figures)

    def test_what_has_no_ratio_to_nginx_is_left_out(self) -> None:
        self.assertEqual(self.bars(draw([row("a", toron=1.0), row("b")])), [])

    def test_titles_are_escaped(self) -> None:
        texts = ElementTree.fromstring(draw([row("a < b & c", nginx=1.0)])).findall(f"{SVG}text")
        self.assertIn("a < b & c", [text.text for text in texts])
