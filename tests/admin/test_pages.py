"""Tests of what the admin pages answer, without HTTP."""

from __future__ import annotations

import json
import threading
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.admin.pages import JSON, TEXT, Page, Pages, problem
from toron.observe.access_log import NullAccessLog
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness


class PatientPool:
    """A thread pool whose one thread runs when the test wants it."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []

    def callInThreadWithCallback(self, told: Any, work: Any, *args: Any, **named: Any) -> None:
        self.waiting.append((told, work, args, named))

    def run(self) -> None:
        """Do what waits, each in a thread."""
        while self.waiting:
            told, work, args, named = self.waiting.pop()

            def once(told: Any = told, work: Any = work, args: Any = args, named: Any = named) -> None:
                try:
                    found = work(*args, **named)
                except Exception as error:
                    told(False, error)
                else:
                    told(True, found)

            thread = threading.Thread(target=once)
            thread.start()
            thread.join(10)


class Threads(Clock):
    """What of a reactor the pages use."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = PatientPool()

    def getThreadPool(self) -> PatientPool:
        return self.pool

    def callFromThread(self, function: Any, *args: Any) -> None:
        function(*args)


class PagesTests(SynchronousTestCase):
    """Each page."""

    def setUp(self) -> None:
        self.reactor = Threads()
        self.readiness = Readiness()
        self.metrics = Metrics(self.readiness, self.reactor.seconds, "1", NullAccessLog())
        self.pages = Pages(self.metrics, self.readiness, self.reactor)

    def asked(self, path: bytes) -> Page:
        page = self.pages.by_path[path]()
        assert isinstance(page, Page)
        return page

    def test_the_paths(self) -> None:
        self.assertEqual(list(self.pages.by_path), [b"/metrics", b"/healthz", b"/readyz"])

    def test_alive_whether_or_not_it_is_ready(self) -> None:
        self.readiness.hold("draining")
        self.assertEqual(self.asked(b"/healthz"), Page(200, TEXT, b"ok\n"))

    def test_ready_while_nothing_holds_it(self) -> None:
        self.assertEqual(self.asked(b"/readyz"), Page(200, TEXT, b"ready\n"))
        self.readiness.hold("draining")
        self.readiness.hold('a "quoted" reason')
        page = self.asked(b"/readyz")
        self.assertEqual((page.status, page.content_type), (503, JSON))
        self.assertEqual(sorted(json.loads(page.body)), ['a "quoted" reason', "draining"])

    def test_the_metrics_are_there_when_they_are_written(self) -> None:
        self.metrics.route("shop").answered("web", 200, 0.1)
        waiting = self.pages.by_path[b"/metrics"]()
        assert isinstance(waiting, Deferred)
        self.assertNoResult(waiting)
        self.reactor.pool.run()
        page = self.successResultOf(waiting)
        self.assertEqual((page.status, page.content_type), (200, "text/plain; version=0.0.4; charset=utf-8"))
        self.assertIn(b'route="shop"', page.body)

    def test_the_metrics_wait_for_what_workers_have_counted(self) -> None:
        fresh: Deferred[None] = Deferred()
        self.metrics.refresh = lambda: fresh
        waiting = self.pages.by_path[b"/metrics"]()
        assert isinstance(waiting, Deferred)
        self.metrics.route("shop").answered("web", 200, 0.1)
        fresh.callback(None)
        self.reactor.pool.run()
        self.assertIn(b'route="shop"', self.successResultOf(waiting).body)

    def test_metrics_that_cannot_be_written(self) -> None:
        def exposition() -> tuple[bytes, str]:
            raise RuntimeError("out of paper")

        self.metrics.exposition = exposition  # type: ignore[method-assign]
        waiting = self.pages.by_path[b"/metrics"]()
        assert isinstance(waiting, Deferred)
        self.reactor.pool.run()
        self.failureResultOf(waiting, RuntimeError)

    def test_problems(self) -> None:
        page = problem(404, 'no "such" page', pages=["/a"])
        self.assertEqual((page.status, page.content_type, page.body[-1:]), (404, JSON, b"\n"))
        self.assertEqual(json.loads(page.body), {"status": 404, "error": 'no "such" page', "pages": ["/a"]})
