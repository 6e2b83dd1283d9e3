"""Counts how often the configuration was loaded again, and how that went."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import Metric

from toron.observe.families import counter, gauge

RESULTS = ("applied", "rejected")
"""How a reload can end."""

WHYS = ("condition", "not_confirmed", "asked")
"""Why what served before can come back."""


class Reloads:
    """What `/metrics` says of reloads; `wall` gives Unix seconds."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self.results = dict.fromkeys(RESULTS, 0)
        self.returns = dict.fromkeys(WHYS, 0)
        self.successful = True
        """Whether what serves is what the file says, as far as anybody has asked."""
        self.applied_at = wall()
        """When the configuration that serves was taken into service (Unix seconds)."""

    def ended(self, result: str) -> None:
        """A reload ended with one of RESULTS."""
        self.results[result] += 1
        self.successful = result != "rejected"
        if self.successful:
            self.applied_at = self._wall()

    def went_back(self, why: str) -> None:
        """What served before serves again, for one of WHYS."""
        self.returns[why] += 1

    def families(self) -> Iterator[Metric]:
        """The families, for `Metrics.more`."""
        yield counter(
            "toron_config_reloads",
            "Reloads of the configuration, by their result.",
            ["result"],
            [((result,), number) for result, number in self.results.items()],
        )
        yield counter(
            "toron_config_rollbacks",
            "How often what served before was taken back, by the reason.",
            ["reason"],
            [((why,), number) for why, number in self.returns.items()],
        )
        yield gauge(
            "toron_config_last_reload_successful",
            "Whether the last reload, or the start, took what the file says.",
            [],
            [((), self.successful)],
        )
        yield gauge(
            "toron_config_last_reload_success_timestamp_seconds",
            "When the configuration that serves was loaded.",
            [],
            [((), self.applied_at)],
        )
