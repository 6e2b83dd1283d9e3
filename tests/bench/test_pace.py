"""The rate is half of nginx's most, and never more than the load can do by itself."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from bench import load, pace
from bench.behind import Site

SITE = Site(9000, 9001, 9002, Path("/nowhere"), 0, 1)
PROGRAM = Path("/paced")
REPLIES = load.Replies(90_000, 3.0, 123.4)


class Rate(SynchronousTestCase):
    def setUp(self) -> None:
        self.asked: list[tuple[int, float]] = []
        self.capacity = 1e9
        self.each = 15e-6
        self.cpu = 7.0
        self.patch(pace, "spent", lambda backend: self.cpu)
        self.patch(load, "paced", self.paced)

    def paced(self, port: int, seconds: float, asked: load.Pace) -> load.Replies:
        self.asked.append((port, asked.rate))
        self.cpu += asked.rate * seconds * self.each
        if asked.rate > self.capacity:
            raise load.TooSlow("only so many")
        return REPLIES

    def sustained(self, rate: float) -> tuple[load.Pace, load.Replies, float]:
        return pace.sustained(SITE, 42, load.Pace(PROGRAM, rate), 3.0)

    def test_what_the_load_can_do_is_taken(self) -> None:
        found, replies, busy = self.sustained(30_000.0)
        self.assertEqual((found, replies), (load.Pace(PROGRAM, 30_000.0), REPLIES))
        self.assertAlmostEqual(busy, 0.45)
        self.assertEqual(self.asked, [(SITE.backend, 30_000.0)])  # with no proxy between

    def test_what_it_cannot_do_is_lowered(self) -> None:
        self.capacity = 20_000.0
        self.assertAlmostEqual(self.sustained(30_000.0)[0].rate, 19_200.0)

    def test_what_leaves_too_little_of_the_core_is_lowered(self) -> None:
        for each, rate, share in (
            (24e-6, 30_000.0, 0.72),
            (26e-6, 24_000.0, 0.624),
            (35e-6, 19_200.0, 0.672),
        ):
            self.each = each
            found, _, busy = self.sustained(30_000.0)
            self.assertAlmostEqual(found.rate, rate)
            self.assertAlmostEqual(busy, share)

    def test_there_is_an_end_to_it(self) -> None:
        self.capacity = 0.0
        with self.assertRaisesRegex(load.LoadFailed, "cannot even do 6291 requests a second"):
            self.sustained(30_000.0)

    def test_a_failure_is_not_lowered(self) -> None:
        self.patch(load, "paced", mock.Mock(side_effect=load.LoadFailed("5 of 9 requests failed")))
        self.assertRaisesRegex(load.LoadFailed, "5 of 9", self.sustained, 30_000.0)

    def test_half_of_the_most_is_asked_for(self) -> None:
        self.patch(pace, "build", lambda folder: PROGRAM)
        self.patch(pace, "most_of_nginx", lambda site, seconds: 66_000.0)
        found, words = pace.find(SITE, 42, Path("/nowhere"), 3.0)
        self.assertEqual(found.rate, 33_000.0)
        self.assertEqual(
            words,
            "measured at 33000 requests/s, 0.50 of nginx's maximum; "
            "with no proxy between p99 is 123 µs, and 0.49 of the load's core is taken",
        )

    def test_the_best_run_of_nginx_counts(self) -> None:
        nginx = mock.Mock(ports={"HTTP": 8080})
        self.patch(pace, "Nginx", lambda site: nginx)
        for seconds, done, most in ((3.0, [9, 150, 210, 180], 70.0), (0.4, [9, 150, 210, 180], 210.0)):
            self.patch(load, "requests", mock.Mock(side_effect=done))  # the first one warms up
            self.assertEqual(pace.most_of_nginx(SITE, seconds), most)

    def test_nginx_is_stopped_when_it_fails(self) -> None:
        nginx = mock.Mock(ports={"HTTP": 8080})
        self.patch(pace, "Nginx", lambda site: nginx)
        self.patch(load, "requests", mock.Mock(side_effect=load.LoadFailed("no")))
        self.assertRaises(load.LoadFailed, pace.most_of_nginx, SITE, 3.0)
        nginx.close.assert_called_once_with()


class Spent(SynchronousTestCase):
    def test_it_is_that_of_ended_programs_and_of_the_server(self) -> None:
        before = pace.spent(os.getpid())
        spin = "import time\nwhile time.process_time() < 0.2: pass"
        load.run(sys.executable, "-c", spin, timeout=60)
        # This process stands for the server, and its ended children count for it too.
        self.assertGreaterEqual(pace.spent(os.getpid()) - before, 0.3)


class Build(SynchronousTestCase):
    def build(self, compiler: str) -> None:
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict("os.environ", {"CC": compiler}):
            pace.build(Path(folder))

    def test_a_compiler_that_fails_says_why(self) -> None:
        self.assertRaisesRegex(load.LoadFailed, "^false ended with 1", self.build, "false")

    def test_without_a_compiler_there_is_none(self) -> None:
        self.assertRaisesRegex(load.LoadFailed, "needs a C compiler", self.build, "/nowhere/cc")
