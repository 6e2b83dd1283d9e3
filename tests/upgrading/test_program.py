"""How this process was started."""

from __future__ import annotations

import os
import sys

from twisted.trial.unittest import SynchronousTestCase

from toron.upgrading.program import this_program


class Programs(SynchronousTestCase):
    def test_this_one(self) -> None:
        self.patch(sys, "orig_argv", ["python", "-m", "toron", "run", "-c", "a.yaml"])
        program = this_program(False)
        self.assertEqual(program.command, (sys.executable, "-m", "toron", "run", "-c", "a.yaml"))
        self.assertEqual((program.folder, program.obstacle), (os.getcwd(), ""))
        self.assertEqual(program.environment, dict(os.environ))

    def test_where_another_can_not_be_started(self) -> None:
        self.assertIn("chroot", this_program(True).obstacle)
        self.patch(os, "getpid", lambda: 1)
        self.assertIn("process 1", this_program(False).obstacle)
