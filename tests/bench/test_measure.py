"""Figures of /proc are read as proc(5) has them."""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from bench.measure import Stat, cpu_seconds, parse_resident, parse_stat, resident, tree

LINE = "4242 (nginx) S 17 4242 4242 0 -1 4194560 900 800 3 2 150 70 20 5 20 0 1 0 123456 10000000 800"


class Parsing(SynchronousTestCase):
    def test_user_and_system_time_and_that_of_ended_children_count(self) -> None:
        self.assertEqual(parse_stat(LINE), Stat(pid=4242, parent=17, ticks=150 + 70 + 20 + 5))

    def test_a_name_may_hold_anything(self) -> None:
        for name in ("a b", "a) S 1 2 3", "((", "wrk:\n1"):
            self.assertEqual(parse_stat(LINE.replace("(nginx)", f"({name})")), parse_stat(LINE), name)

    def test_what_is_no_stat_line_is_refused(self) -> None:
        for text in (
            "",
            "4242",
            "4242 (nginx",
            "4242 (nginx) S 17",
            LINE.replace("17", "x"),
            LINE.replace("70", "-"),
        ):
            self.assertRaises(ValueError, parse_stat, text)

    def test_resident_size_is_in_bytes(self) -> None:
        self.assertEqual(parse_resident("Name:\tx\nVmHWM:\t 900 kB\nVmRSS:\t 800 kB\n"), 800 * 1024)
        self.assertEqual(parse_resident("Name:\tkthreadd\n"), 0)


class Tree(SynchronousTestCase):
    def test_it_is_the_process_and_all_below_it(self) -> None:
        stats = [
            Stat(pid, parent, pid) for pid, parent in ((1, 0), (30, 20), (20, 10), (10, 1), (11, 1), (21, 10))
        ]
        self.assertEqual({stat.pid for stat in tree(10, stats)}, {10, 20, 21, 30})
        self.assertEqual(tree(99, stats), [])

    def test_time_spent_by_a_child_is_the_parents_too(self) -> None:
        before = cpu_seconds(os.getpid())
        spin = "import time\nwhile time.process_time() < 0.2: pass"
        subprocess.run([sys.executable, "-c", spin], check=True, timeout=60)
        self.assertGreaterEqual(cpu_seconds(os.getpid()) - before, 0.15)

    def test_this_process_is_somewhere_in_memory(self) -> None:
        self.assertGreater(resident(os.getpid()), 1024 * 1024)
