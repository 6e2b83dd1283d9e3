"""Draws the ratios to nginx as bars, in SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.report import COLUMNS, Row

COLOURS = {
    "nginx": "#8a8f98", "haproxy": "#5b8db8", "envoy": "#b07aa1", "caddy": "#76b7a0", "toron": "#e1574c",
}  # fmt: skip
TITLE = "CPU time per unit of work (or latency, where it says so), in multiples of nginx; less is better"
WIDTH, LEFT, RIGHT = 860, 290, 60
BAR, GAP, TOP = 13, 14, 56
MOST = 8.0
"""Longer bars end here, so that one of them does not make all others dots; its figure says so."""


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(text)}</text>'


def _bar(x: float, y: float, width: float, height: float, peer: str) -> str:
    box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}"'
    return f'<rect {box} fill="{COLOURS[peer]}"/>'


def draw(rows: Sequence[Row]) -> str:
    """The chart of the rows that have a ratio of nginx; bars are drawn from 0, and nginx is 1."""
    shown = [row for row in rows if row.of_nginx]
    longest = max((value for row in shown for value in row.of_nginx.values()), default=1.0)
    scale = (WIDTH - LEFT - RIGHT) / min(max(longest, 1.0), MOST)
    parts, y = [], float(TOP)
    for row in shown:
        ratios = row.of_nginx
        peers = [peer for peer in COLUMNS if peer in ratios]
        middle = y + len(peers) * BAR / 2 + 4
        parts.append(_text(LEFT - 10, middle, row.title, ' text-anchor="end"'))
        for peer in peers:
            times = ratios[peer]
            length = min(times, MOST) * scale
            parts.append(_bar(LEFT, y, length, BAR - 2, peer))
            bold = ' font-weight="bold"' if peer == "toron" else ""
            value, x = f"{times:.2f}" + (" (cut)" if times > MOST else ""), LEFT + length + 4
            parts.append(_text(x, y + BAR - 4, value, f' font-size="10"{bold}'))
            y += BAR
        y += GAP
    one = LEFT + scale
    line = f'<path d="M{one:.1f} {TOP - 6}V{y - GAP + 6:.1f}" stroke="#555" stroke-dasharray="3 3"/>'
    legend = []
    for i, peer in enumerate(COLUMNS):
        x = LEFT + i * 90
        legend.append(_bar(x, 30, 10, 10, peer))
        legend.append(_text(x + 15, 39, peer))
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 6:.0f}" '
        'font-family="sans-serif" font-size="12" fill="#222">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        _text(10, 18, TITLE, ' font-size="14"'),
        *legend, *parts, line, "</svg>", "",
    ])  # fmt: skip
