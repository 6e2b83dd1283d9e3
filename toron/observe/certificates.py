"""Counts how often certificates were replaced while they served, and shows when each of them ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import Metric

from toron.observe.families import counter, gauge


class CertificateStats:
    """What `/metrics` says of certificates."""

    def __init__(self) -> None:
        self.replaced: dict[tuple[str, str], int] = {}
        """How often new files were `applied` or `rejected`, by a name of the certificate and this."""
        self.ends: Callable[[], Iterable[tuple[str, float]]] = tuple
        """Gives a name and an end (Unix seconds) of each certificate that serves."""
        self.asked: dict[tuple[str, str], int] = {}
        """How often responders were asked, by a name of the certificate and how that ended."""
        self.staples: Callable[[], Iterable[tuple[str, float]]] = tuple
        """Gives a name and an end (Unix seconds) of each OCSP response that is shown."""

    def renewed(self, name: str, result: str) -> None:
        """New files were `applied` or `rejected` in place of the certificate for `name`."""
        self.replaced[name, result] = self.replaced.get((name, result), 0) + 1

    def attested(self, name: str, result: str) -> None:
        """A responder was asked about the certificate for `name`: `good`, `revoked` or `failed`."""
        self.asked[name, result] = self.asked.get((name, result), 0) + 1

    def first_ends(self) -> dict[str, float]:
        """When each certificate ends, by name; of several for one name the first."""
        return _first(self.ends())

    def families(self) -> Iterator[Metric]:
        """The families, for Prometheus."""
        yield gauge(
            "toron_certificate_not_after_timestamp_seconds",
            "When a certificate ends; of several for one name the first.",
            ["name"],
            _labelled(self.first_ends()),
        )
        yield counter(
            "toron_certificate_reloads",
            "Certificates replaced from their files, by the result.",
            ["name", "result"],
            list(self.replaced.copy().items()),
        )
        yield gauge(
            "toron_ocsp_response_next_update_timestamp_seconds",
            "Until when the OCSP response holds that is shown with a certificate.",
            ["name"],
            _labelled(_first(self.staples())),
        )
        yield counter(
            "toron_ocsp_requests",
            "Questions to OCSP responders, by what came of them.",
            ["name", "result"],
            list(self.asked.copy().items()),
        )


def _first(ends: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Of each name the first end."""
    found: dict[str, float] = {}
    for name, end in ends:
        found[name] = min(end, found.get(name, end))
    return found


def _labelled(ends: dict[str, float]) -> list[tuple[tuple[str], float]]:
    return [((name,), end) for name, end in ends.items()]
