"""Puts the figures of a whole run into README.md, between two comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.report import COLUMNS, TIMES, Row

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
OTHERS = tuple(peer for peer in COLUMNS if peer not in ("nginx", "toron"))
FACTS = ("CPU", "commit", "date")


def _line(row: Row) -> tuple[str, ...]:
    cells = dict(zip(COLUMNS, row.cells, strict=True))
    costs = {peer: cell.partition(" (")[0] for peer, cell in cells.items()}
    times = {peer: f"{value:.2f} {TIMES}" for peer, value in row.of_nginx.items()}
    if not times:
        times = {peer: f"{value:.2f} {TIMES} {row.baseline}" for peer, value in row.ratios.items()}
    others = (times.get(peer, "?" if costs[peer][0].isdigit() else costs[peer]) for peer in OTHERS)
    return f"{row.title}, {row.unit}", costs["nginx"], costs["toron"], times.get("toron", "-"), *others


def table(rows: Sequence[Row], facts: Mapping[str, str]) -> str:
    """The short table: two costs, then multiples of nginx, and the chart."""
    head = ("work", "nginx", "toron", "toron / nginx", *(f"{peer} / nginx" for peer in OTHERS))
    head_line, *body = ["| " + " | ".join(line) + " |" for line in (head, *map(_line, rows))]
    measured = "; ".join(facts[name] for name in FACTS if name in facts)
    return "\n".join([
        head_line, "|" + "---|" * len(head), *body, "",
        f"Medians of one `make bench` ({measured}); [all of it](bench/RESULTS.md), and",
        "[how it is measured](docs/benchmarking.md).", "",
        "![the same in multiples of nginx](bench/results.svg)",
    ])  # fmt: skip


def put(text: str, between: str) -> str:
    """`text` with what is between the two comments replaced; ValueError unless each is there once."""
    before, begin, rest = text.partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end or BEGIN in old + after or END in before + after:
        raise ValueError(f"it does not have one {BEGIN} and one {END} after it")
    return f"{before}{BEGIN}\n{between}\n{END}{after}"


def update(path: Path, rows: Sequence[Row], facts: Mapping[str, str]) -> str:
    """Writes the table into the file, and says so; or says why it could not."""
    try:
        path.write_text(put(path.read_text(), table(rows, facts)))
    except (OSError, ValueError) as error:
        return f"{path.name} was left as it is: {error}"
    return f"Written to {path.name}, between {BEGIN} and {END}"
