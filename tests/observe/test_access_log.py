"""Tests of the access log: what a write costs the loop, and what is left when things go wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock, deferLater
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.observe.test_access_lines import http_line
from toron.observe.access_log import BATCH, DELAY, AccessLog, NullAccessLog, Stamp
from toron.observe.line_writer import HELD

reactor: Any = installed


class AccessLogTests(TestCase):
    """The service with the real reactor and its own thread."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.said: list[Any] = []

    def access_log(self, path: str = "", **more: Any) -> AccessLog:
        """A log, not started."""
        made = AccessLog(path or str(self.path), reactor, **more)
        made.log = Logger(observer=self.said.append)
        return made

    def lines(self) -> list[Any]:
        """Every line of the file."""
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    async def test_lines_reach_the_file_soon(self) -> None:
        log = self.access_log(redact=["token"], time=lambda: 1767323045.0069)
        log.privilegedStartService()
        self.assertTrue(self.path.exists())
        log.startService()
        log.write(http_line(path=b"/?token=a"))
        log.write(http_line(id="a2"))
        self.assertEqual(self.path.stat().st_size, 0)
        await deferLater(reactor, DELAY * 2, lambda: None)
        first, second = self.lines()
        self.assertEqual((first["time"], first["path"]), ("2026-01-02T03:04:05.006Z", "/?token=<redacted>"))
        self.assertEqual(second["id"], "a2")
        await log.stopService()
        self.assertEqual(log.dropped, 0)

    async def test_lines_of_a_worker_are_passed_on(self) -> None:
        log = self.access_log()
        log.pass_on(b"{}\n{}\n")
        self.assertEqual(log.dropped, 2, "it does not run yet")
        log.startService()
        log.write(http_line(id="a1"))
        log.flush()
        log.pass_on(b'{"id":"b1"}\n{"id":"b2"}\n')
        await log.stopService()
        self.assertEqual([line["id"] for line in self.lines()], ["a1", "b1", "b2"])
        self.assertEqual(log.dropped, 2)
        NullAccessLog().pass_on(b"{}\n")

    async def test_lines_that_are_too_many_are_dropped(self) -> None:
        log = self.access_log()
        log.startService()
        log.pass_on(b"\n" * (HELD + 1))
        self.assertEqual(log.dropped, HELD + 1)
        await log.stopService()
        self.assertEqual(self.lines(), [])

    async def test_another_writer(self) -> None:
        put: list[bytes] = []

        class Writer:
            is_open, lost = True, 0

            def __init__(self, path: str, failed: Any, ended: Any) -> None:
                self.put = lambda data: put.append(data) or True
                self.start = lambda: None
                self.stop = ended

        log = self.access_log(make_writer=Writer)
        log.startService()
        log.write(http_line(id="a1"))
        await log.stopService()
        self.assertEqual(json.loads(b"".join(put))["id"], "a1")
        self.assertFalse(self.path.exists())

    async def test_a_stop_writes_everything(self) -> None:
        log = self.access_log()
        log.startService()
        for n in range(3 * BATCH + 7):
            log.write(http_line(id=str(n)))
        await log.stopService()
        self.assertEqual([line["id"] for line in self.lines()], [str(n) for n in range(3 * BATCH + 7)])

    async def test_after_a_stop_lines_are_counted_only(self) -> None:
        log = self.access_log()
        log.write(http_line())
        log.startService()
        await log.stopService()
        log.write(http_line())
        self.assertEqual((log.dropped, self.lines()), (2, []))

    async def test_it_can_start_again(self) -> None:
        log = self.access_log()
        for n in range(2):
            log.startService()
            log.write(http_line(id=str(n)))
            await log.stopService()
        self.assertEqual([line["id"] for line in self.lines()], ["0", "1"])

    def test_a_path_that_cannot_be_opened_stops_the_start(self) -> None:
        log = self.access_log(str(self.path / "log"))
        for start in (log.privilegedStartService, log.startService):
            error = self.assertRaises(OSError, start)
            self.assertIn(repr(str(self.path / "log")), str(error))
        self.assertFalse(log.running)

    async def test_reopen_after_a_rotation(self) -> None:
        log = self.access_log()
        log.reopen()
        log.startService()
        log.write(http_line(id="old"))
        self.path.rename(old := self.path.with_suffix(".1"))
        log.reopen()
        log.write(http_line(id="new"))
        await log.stopService()
        self.assertIn(b'"old"', old.read_bytes())
        self.assertEqual([line["id"] for line in self.lines()], ["new"])

    async def test_a_line_that_cannot_be_encoded_costs_no_other(self) -> None:
        log = self.access_log()
        log.startService()
        log.write(http_line(id="1"))
        log.write(http_line(id="2", detail="\ud800"))
        log.write(http_line(id="3", status=object()))
        log.write(http_line(id="4"))
        await log.stopService()
        self.assertEqual([line["id"] for line in self.lines()], ["1", "2", "4"])
        self.assertEqual(log.dropped, 1)
        self.assertEqual(len(self.said), 1)

    async def test_a_pipe_nobody_reads_never_blocks_the_loop(self) -> None:
        os.mkfifo(self.path)
        log = self.access_log()
        log.startService()
        agent = b"a" * 1000
        wanted = 2 * HELD // 1300
        longest = 0.0
        for _ in range(wanted):
            before = reactor.seconds()
            log.write(http_line(user_agent=agent))
            longest = max(longest, reactor.seconds() - before)
        # One call in BATCH encodes them all; none waits for the pipe.
        self.assertTrue(longest < 0.5, longest)
        self.assertTrue(wanted * 0.4 < log.dropped < wanted * 0.6, log.dropped)
        self.assertEqual([event["why"] for event in self.said], ["the writer is behind"])
        before = reactor.seconds()
        await log.stopService()
        self.assertTrue(1.9 < reactor.seconds() - before < 4)
        await self.eventually(lambda: log.dropped > wanted - 100)

    async def test_a_full_disk_is_said_once_a_minute(self) -> None:
        log = self.access_log("/dev/full")
        log.startService()
        for _ in range(3):
            log.write(http_line())
            log.flush()
        await log.stopService()
        await deferLater(reactor, 0, lambda: None)
        self.assertEqual(log.dropped, 3)
        self.assertEqual([event["why"] for event in self.said], ["[Errno 28] No space left on device"])

    def eventually(self, true: Callable[[], bool], left: int = 100) -> Deferred[None]:
        """Wait until something holds."""
        if true():
            return succeed(None)
        self.assertTrue(left)
        return deferLater(reactor, 0.05, self.eventually, true, left - 1)

    def test_standard_output(self) -> None:
        script = (
            "from twisted.internet import reactor\n"
            "from tests.observe.test_access_lines import http_line\n"
            "from toron.observe.access_log import AccessLog\n"
            "log = AccessLog('-', reactor)\n"
            "log.startService()\n"
            "for n in range(2000): log.write(http_line(id=str(n)))\n"
            "reactor.addSystemEventTrigger('before', 'shutdown', log.stopService)\n"
            "reactor.callLater(0, reactor.stop)\n"
            "reactor.run()\n"
        )
        root = Path(__file__).parents[2]
        done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        ids = [json.loads(line)["id"] for line in done.stdout.splitlines()]
        self.assertEqual(ids, [str(n) for n in range(2000)])


class FromThread(Clock):
    """A clock that also takes calls from other threads, and never makes them."""

    def callFromThread(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Forget the call."""


class BatchTests(SynchronousTestCase):
    """When lines are encoded, by a clock that stands still."""

    def setUp(self) -> None:
        self.clock = FromThread()
        self.log = AccessLog("/dev/null", self.clock)
        self.batches: list[bytes] = []
        self.log.running = 1
        self.log._writer.put = lambda data: not self.batches.append(data)

    def test_one_timer_for_many_lines(self) -> None:
        self.log.write(http_line())
        self.clock.advance(DELAY / 2)
        self.log.write(http_line())
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(DELAY / 2)
        self.assertEqual([batch.count(b"\n") for batch in self.batches], [2])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_full_batch_does_not_wait(self) -> None:
        for _ in range(BATCH + 1):
            self.log.write(http_line())
        self.assertEqual([batch.count(b"\n") for batch in self.batches], [BATCH])
        self.clock.advance(DELAY)
        self.assertEqual([batch.count(b"\n") for batch in self.batches], [BATCH, 1])


class NullAccessLogTests(SynchronousTestCase):
    """The log that is off."""

    def test_it_says_so_and_takes_everything(self) -> None:
        log = NullAccessLog()
        log.write(http_line())
        log.reopen()
        self.assertEqual((log.enabled, log.dropped), (False, 0))
        self.assertTrue(AccessLog("-", FromThread()).enabled)


class StampTests(SynchronousTestCase):
    """Times as RFC 3339."""

    def test_stamps(self) -> None:
        stamp = Stamp()
        for when, text in (
            (0.0, "1970-01-01T00:00:00.000Z"),
            (0.9999, "1970-01-01T00:00:00.999Z"),
            (1767323045.25, "2026-01-02T03:04:05.250Z"),
            (1767323045.5, "2026-01-02T03:04:05.500Z"),
            (1767323044.0, "2026-01-02T03:04:04.000Z"),
        ):
            self.assertEqual(stamp(when), text)
