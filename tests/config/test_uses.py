"""Every use of a plug-in is found, also beside what is wrong."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.config.fakes import FakeCatalog
from toron.config.catalog import Fitting
from toron.config.place import Document, Report
from toron.config.uses import plugins, written_backends


class Uses(SynchronousTestCase):
    """Plain data in, the paths of uses out."""

    def found(self, data: dict[str, Any]) -> dict[str, str]:
        self.report = Report(Document("a", data))
        found = plugins(Fitting(self.report, FakeCatalog(), {}, ".", {}), data)
        return {"/".join(map(str, path)): f"{plugin.name}={plugin.word}" for path, plugin in found.items()}

    def test_every_place(self) -> None:
        data = {
            "listeners": [
                {"guards": [{"allow": ["::1"]}], "backend": {"balance": "random"}},
                {"routes": [{"backend": {}}, {"backend": "x"}]},
            ],
            "routes": [{"middlewares": ["headers", "slow"], "backend": {"balance": {"ip-hash": {}}}}],
            "backends": {"a": {"balance": "least-conn"}, "b": {}},
            "middlewares": {"slow": {"type": "rate-limit"}, "rate-limit": None},
        }
        expected = {
            "middlewares/slow": "slow=rate-limit",
            "middlewares/rate-limit": "rate-limit=rate-limit",
            "listeners/0/guards/0": "allow=allow",
            "listeners/0/backend/balance": "random=random",
            "listeners/1/routes/0/backend/balance": "round-robin=round-robin",
            "routes/0/middlewares/0": "headers=headers",
            "routes/0/middlewares/1": "slow=rate-limit",
            "routes/0/backend/balance": "ip-hash=ip-hash",
            "backends/a/balance": "least-conn=least-conn",
            "backends/b/balance": "round-robin=round-robin",
        }
        self.assertEqual(self.found(data), expected)
        self.assertEqual(self.report.errors(), [])

    def test_beside_what_is_wrong(self) -> None:
        wrong: list[dict[str, Any]] = [
            {"listeners": 5, "routes": {"a": 1}, "backends": [], "middlewares": "x"},
            {"listeners": [5, {"guards": 5}, {"guards": [5, {}, {"a": 1, "b": 2}]}]},
            {"routes": [None, {"middlewares": None}, {"backend": {"balance": 5}}]},
            {"middlewares": {"a": 5, "b": {"type": 5}}},
        ]
        for data in wrong:
            self.assertEqual(self.found(data), {})
            self.assertEqual(self.report.errors(), [])

    def test_backends(self) -> None:
        data = {"backends": {"a": {}, "b": 5}, "routes": [{"backend": {}}, {"backend": "a"}]}
        self.assertEqual(
            [path for path, _ in written_backends(data)], [("backends", "a"), ("routes", 0, "backend")]
        )
