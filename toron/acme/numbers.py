"""Says in numbers how the certificates that renew themselves do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client.core import Metric

from toron.acme.upkeep import Upkeep
from toron.observe.families import counter, gauge


def families(upkeeps: Sequence[Upkeep]) -> Iterator[Metric]:
    """The families, for `Metrics.more`; certificates with the same first name are one series."""
    issued: Counter[str] = Counter()
    failures: Counter[tuple[str, str]] = Counter()
    in_a_row: dict[str, int] = {}
    due: dict[str, float] = {}
    for each in upkeeps:
        name, record = each.wanted.label, each.record
        issued[name] += record.issued
        failures.update({(name, word): number for word, number in record.words.copy().items()})
        in_a_row[name] = max(in_a_row.get(name, 0), record.failures)
        due[name] = min(due.get(name, each.due), each.due)
    yield counter(
        "toron_acme_issued",
        "Certificates got from a directory.",
        ["name"],
        [((name,), number) for name, number in issued.items()],
    )
    yield counter(
        "toron_acme_failures",
        "Tries to get a certificate that failed, by the reason.",
        ["name", "reason"],
        list(failures.items()),
    )
    yield gauge(
        "toron_acme_failures_in_a_row",
        "Tries to get a certificate that failed since the last that did not.",
        ["name"],
        [((name,), number) for name, number in in_a_row.items()],
    )
    yield gauge(
        "toron_acme_next_try_timestamp_seconds",
        "When a certificate is asked for next, 0 for at once.",
        ["name"],
        [((name,), at) for name, at in due.items()],
    )
