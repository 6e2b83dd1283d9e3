"""Processes are told apart from those that have ended, and from others with the same number."""

from __future__ import annotations

import os
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from tests.loopback.proc import Process, children, descendants, is_alive, resident
from tests.loopback.sockets import eventually


class Processes(SynchronousTestCase):
    """What /proc says of a shell and what it started."""

    def test_a_family(self) -> None:
        shell = subprocess.Popen(["sh", "-c", "sleep 60 & echo; read x"], stdin=-1, stdout=-1)
        assert shell.stdin is not None
        assert shell.stdout is not None
        self.addCleanup(shell.stdout.close)
        shell.stdout.readline()
        (sleep,) = children(shell.pid)
        self.assertTrue(is_alive(sleep))
        self.assertIn(sleep, descendants(os.getpid()))
        self.assertGreater(resident(sleep.pid), 0)
        os.kill(sleep.pid, 9)
        shell.stdin.close()
        shell.wait()
        eventually(lambda: not is_alive(sleep), 5, "the end of what was killed")

    def test_the_dead_and_the_others(self) -> None:
        child = subprocess.Popen(["true"])
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        self.assertNotIn(child.pid, [each.pid for each in children(os.getpid())], "a zombie")
        child.wait()
        self.assertEqual(resident(child.pid), 0)
        self.assertFalse(is_alive(Process(os.getpid(), started=0)), "the same number, another process")
