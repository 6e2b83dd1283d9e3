"""What two processes have counted is in a third what it would be if one had counted it all."""

from __future__ import annotations

import msgspec
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.observe.test_metrics import busy
from toron.core.server import Server
from toron.observe.access_log import NullAccessLog
from toron.observe.deltas import Delta, Growth, Sum
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness
from toron.observe.stats import ListenerStats


def made() -> Metrics:
    metrics = Metrics(Readiness(), Clock().seconds, "1", NullAccessLog())
    metrics.server("api", Server("http://127.0.0.1:9001"))
    return metrics


def sent(grown: list[Delta]) -> list[Delta]:
    """As they are after a way through a socket."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(grown), type=list[Delta])


def shown(metrics: Metrics) -> dict[tuple[str, str], float]:
    """What Prometheus sees of the stats: all that is not about the process."""
    text = metrics.exposition()[0].decode()
    lines = [line for line in text.splitlines() if line.startswith("toron_")]
    left = [line for line in lines if "_loop_lag" not in line and "_not_after" not in line]
    return {(line.rpartition(" ")[0], ""): float(line.rpartition(" ")[2]) for line in left}


class Deltas(SynchronousTestCase):
    def test_everything_arrives(self) -> None:
        worker, parent = made(), made()
        busy(worker)
        for _, stats in worker.everything():
            if isinstance(stats, ListenerStats):
                parent.listener(stats.name, stats.protocol)
        Sum(parent).add(sent(Growth(worker).take()))
        self.assertEqual(shown(parent), shown(worker))

    def test_only_what_is_new_is_told(self) -> None:
        worker, parent = made(), made()
        growth, total = Growth(worker), Sum(parent)
        self.assertEqual(growth.take(), [])
        worker.listener("web").opened()
        self.assertEqual(
            growth.take(),
            [(("listener", "web"), "active", (), 1), (("listener", "web"), "connections", (), 1)],
        )
        worker.listener("web").closed()
        grown = growth.take()
        self.assertEqual(grown, [(("listener", "web"), "active", (), -1)])
        self.assertEqual(growth.take(), [])
        total.add(grown)

    def test_two_are_added_up(self) -> None:
        parent, workers = made(), [made(), made()]
        for worker in workers:
            total, growth = Sum(parent), Growth(worker)
            for _ in range(2):
                busy(worker)
                total.add(sent(growth.take()))
        route = parent.route("shop")
        self.assertEqual(route.requests['web"\n\\', 200], 4)
        self.assertEqual((sum(route.buckets), route.seconds), (12, 4 * 200.25))
        self.assertEqual(parent.listener("db").refused, {"address_denied": 4})

    def test_who_is_gone_holds_nothing(self) -> None:
        worker, other, parent = made(), made(), made()
        gone, stays = Sum(parent), Sum(parent)
        busy(worker)
        busy(other)
        gone.add(Growth(worker).take())
        stays.add(Growth(other).take())
        gone.forget()
        listener = parent.listener('web"\n\\')
        self.assertEqual((listener.active, listener.connections), (2, 10))
        server = parent._servers["api", "127.0.0.1:9001"]
        self.assertEqual((server.server.in_flight, server.idle, server.requests), (7, 4, {502: 2}))
        self.assertEqual(parent.listener("dns").sessions, 1)
        stays.forget()
        self.assertEqual((listener.active, server.server.in_flight), (0, 0))

    def test_a_server_that_the_parent_does_not_have(self) -> None:
        worker, parent = made(), made()
        worker.server("api", Server("http://127.0.0.1:1")).answered(200, 0.1)
        Sum(parent).add(Growth(worker).take())
        self.assertEqual(len(parent._servers), 1)

    def test_a_server_that_went_and_came_back_begins_at_nothing(self) -> None:
        worker, parent = made(), made()
        growth, total = Growth(worker), Sum(parent)
        for metrics in (worker, parent):
            server = Server("http://127.0.0.1:1")
            metrics.server("api", server)
        worker.server("api", server).answered(200, 0.1)
        worker.server("api", server).answered(200, 0.1)
        total.add(growth.take())
        self.assertEqual(parent.server("api", server).requests, {200: 2})
        worker.forget_server("api", server)
        parent.forget_server("api", server)
        again = Server("http://127.0.0.1:1")
        parent.server("api", again)
        worker.server("api", again).answered(200, 0.1)
        total.add(growth.take())
        self.assertEqual(parent.server("api", again).requests, {200: 1})
