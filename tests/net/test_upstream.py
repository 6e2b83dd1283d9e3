"""What carries an exchange with a server looks the same to whoever begins it."""

from __future__ import annotations

from inspect import signature

from twisted.trial.unittest import SynchronousTestCase

from toron.net.http1_client import UpstreamConnection
from toron.net.http2_exchange import UpstreamStream
from toron.net.http2_pool import Http2Pool
from toron.net.pool import Pool
from toron.net.upstream import Connections, Upstream


class Alike(SynchronousTestCase):
    """Compiled classes show no annotations, so names are what is compared; mypy sees to the rest."""

    def names(self, kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    def test_connections(self) -> None:
        for kind in (UpstreamConnection, UpstreamStream):
            self.assertLessEqual(self.names(Upstream), set(dir(kind)), kind)

    def test_pools(self) -> None:
        for kind in (Pool, Http2Pool):
            self.assertLessEqual(self.names(Connections) - {"switching"}, set(dir(kind)), kind)
        self.assertEqual([*signature(Http2Pool.take).parameters], [*signature(Connections.take).parameters])
