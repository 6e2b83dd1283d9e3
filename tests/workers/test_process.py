"""A worker is started with what it needs, is heard to its last word, and is gone once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.workers.fakes import FakeProcess, FakeReactor
from toron.workers.messages import Begin, Failed, Ready, Stop
from toron.workers.process import CONTROL, WorkerProcess

BEGIN = Begin(2, 4, 1, b"", {}, [], [])


class Processes(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.seen: list[Any] = []

    def start(self, *descriptors: int) -> tuple[WorkerProcess, FakeProcess]:
        worker = WorkerProcess(2, 1, self.note, self.note, self.note)
        worker.start(self.reactor, BEGIN, descriptors)
        return worker, self.reactor.processes[-1]

    def note(self, worker: WorkerProcess, what: Any) -> None:
        self.seen.append(what)

    def test_what_it_is_started_with(self) -> None:
        self.patch(os, "environ", {"A": "b", "NOTIFY_SOCKET": "/run/x", "PYTHONPATH": "/else"})
        self.reactor.advance(5)
        worker, process = self.start(77, 78)
        self.assertEqual(process.command, [sys.executable, "-P", "-m", "toron.workers.worker", "2"])
        self.assertEqual((process.given[CONTROL + 1], process.given[CONTROL + 2]), (77, 78))
        self.assertEqual(process.more["childFDs"][1], "r")
        self.assertEqual(process.more["childFDs"][2], "r")
        environment = process.more["env"]
        self.assertEqual(sorted(environment), ["A", "PYTHONPATH"])
        folders = environment["PYTHONPATH"].split(os.pathsep)
        self.assertIn(str(Path(__file__).parents[2]), folders)
        self.assertTrue(all(map(os.path.isabs, folders)), "a daemon goes elsewhere")
        self.assertEqual((worker.pid, worker.started, process.heard()), (process.pid, 5.0, [BEGIN]))

    def test_nothing_of_ours_stays_open(self) -> None:
        before = len(os.listdir("/proc/self/fd"))
        self.start()
        self.reactor.problem = OSError(11, "no more processes")
        self.assertRaises(OSError, self.start)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_messages(self) -> None:
        worker, process = self.start()
        process.heard()
        worker.tell(Stop())
        self.assertEqual(process.heard(), [Stop()])
        process.says(Ready(), Failed("x"))
        self.assertEqual(self.seen, [Ready(), Failed("x")])

    def test_what_it_prints(self) -> None:
        _, process = self.start()
        process.prints(b"one\ntw")
        process.prints(b"out\n", 1)
        process.prints(b"o\xff\n\n  \nthree")
        self.assertEqual(self.seen, ["one", "out", "two\\xff"])
        for fd in (1, 2):
            process.protocol.childConnectionLost(fd)
        self.assertEqual(self.seen[3:], ["three"])

    def test_it_is_gone_when_all_is_heard(self) -> None:
        _, process = self.start()
        process.exits(None, 9)
        process.says(Ready())
        self.assertEqual(self.seen, [Ready()])
        process.closes()
        self.assertEqual(self.seen[1:], ["died by signal 9 (Killed)"])

    def test_or_the_other_way_round(self) -> None:
        worker, process = self.start()
        process.closes()
        self.assertEqual(self.seen, [])
        process.exits(3)
        self.assertEqual(self.seen, ["ended with 3"])
        worker.tell(Stop())
        worker.kill()
        self.assertEqual(process.killed, 0)

    def test_killed(self) -> None:
        worker, process = self.start()
        worker.kill()
        self.assertEqual(process.killed, 1)
        process.exits(0)
        process.closes()
        self.assertEqual(self.seen, ["ended with 0"])
