"""What has happened between two looks at the counters of a gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def rates(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Requests and errors per second, and durations in seconds, from two answers of GET /api/v1/traffic.

    Routes and servers come with the busiest first. A counter that is lower than before began anew.
    """
    interval = max(after["time"] - before["time"], 1e-3)
    bounds = after["bounds"]
    routes = _entries(before["routes"], after["routes"], interval, bounds)
    servers = _entries(before["servers"], after["servers"], interval, bounds)
    return {
        "time": after["time"],
        "interval": round(interval, 3),
        "connections": after["connections"],
        "total": {key: round(sum(each[key] for each in routes), 3) for key in ("rate", "errors")},
        "routes": routes,
        "servers": servers,
    }


def _entries(
    before: list[dict[str, Any]], after: list[dict[str, Any]], interval: float, bounds: Sequence[float]
) -> list[dict[str, Any]]:
    known = {(each["backend"], each["name"]): each for each in before}
    found = [_entry(known.get((each["backend"], each["name"])), each, interval, bounds) for each in after]
    return sorted(found, key=lambda each: (-each["rate"], -each["errors"], each["backend"], each["name"]))


def _entry(
    before: dict[str, Any] | None, after: dict[str, Any], interval: float, bounds: Sequence[float]
) -> dict[str, Any]:
    if before is None or after["requests"] < before["requests"]:
        before = {"requests": 0, "errors": 0, "buckets": [0] * len(after["buckets"])}
    buckets = [now - then for now, then in zip(after["buckets"], before["buckets"], strict=True)]
    return {
        "name": after["name"],
        "backend": after["backend"],
        "rate": round((after["requests"] - before["requests"]) / interval, 3),
        "errors": round(max(0, after["errors"] - before["errors"]) / interval, 3),
        "p50": quantile(buckets, bounds, 0.5),
        "p99": quantile(buckets, bounds, 0.99),
        "active": after["active"],
    }


def quantile(buckets: Sequence[int], bounds: Sequence[float], share: float) -> float | None:
    """How long that share of the requests took at most, in seconds; None where there were none.

    Between two bounds it is estimated; of what lies above the last bound that bound is known.
    """
    total = sum(buckets)
    if total <= 0:
        return None
    wanted, seen, low = share * total, 0, 0.0
    for count, high in zip(buckets, bounds, strict=False):
        if count and seen + count >= wanted:
            return round(low + (high - low) * (wanted - seen) / count, 6)
        seen += count
        low = high
    return low
