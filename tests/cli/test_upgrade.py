"""`toron upgrade`, as somebody types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.cli.admin_port import AdminCase

DONE = {
    "pid": 9,
    "version": "2",
    "old_pid": 4194999,
    "connections": 3,
    "linger": 60.0,
    "printed": ["a: warning"],
}
STATUS = {"pid": 4194999, "version": "1"}


class ByTheApi(AdminCase):
    """Process numbers are larger than any that there may be."""

    def setUp(self) -> None:
        super().setUp()
        self.port.answers["GET status"] = 200, STATUS
        self.port.answers["POST upgrade"] = 200, DONE

    def test_done(self) -> None:
        result = self.type("upgrade")
        self.assertEqual((result.exit_code, result.stderr), (0, "a: warning\n"))
        self.assertEqual(
            result.stdout.splitlines(),
            ["process 4194999 (toron 1) starts the one that takes over", "process 9 (toron 2) serves",
             "process 4194999 finishes 3 connections, for at most 60 s"],
        )  # fmt: skip
        self.assertEqual(
            [asked.what for asked in self.port.asked], ["GET /api/v1/status", "POST /api/v1/upgrade"]
        )

    def test_json(self) -> None:
        self.assertEqual(json.loads(self.type("upgrade", "--json").stdout), DONE)

    def test_until_the_old_one_has_ended(self) -> None:
        self.assertEqual(self.lines("upgrade", "--wait")[-1], "process 4194999 has ended")

    def test_the_old_one_stays(self) -> None:
        self.port.answers["POST upgrade"] = 200, {**DONE, "old_pid": os.getpid(), "linger": -10.0}
        result = self.type("upgrade", "--wait")
        self.assertEqual(result.exit_code, 1)
        self.assertIn(f"process {os.getpid()} is still there", result.stderr)

    def test_not_done(self) -> None:
        self.port.answers["POST upgrade"] = 422, {"detail": "it ended with 1", "next": "put it right"}
        result = self.type("upgrade")
        self.assertEqual((result.exit_code, result.stderr), (1, "Error: it ended with 1: put it right\n"))

    def test_nobody_answers(self) -> None:
        self.port.close()
        self.assertEqual(self.type("upgrade").exit_code, 3)


class BySignal(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        self.file = Path(self.mktemp()).resolve()

    def gateway(self, code: str) -> int:
        """A process that does this when it gets the signal."""
        program = (
            "import signal, sys, pathlib\n"
            f"signal.signal(signal.SIGUSR2, lambda *_: ({code}, sys.exit(0)))\n"
            "print(flush=True)\nsignal.pause()\n"
        )
        made = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        self.addCleanup(made.communicate)
        self.addCleanup(made.kill)
        assert made.stdout is not None
        made.stdout.readline()
        self.file.write_text(str(made.pid))
        # So that it does not stay as one that nobody has asked how it ended.
        threading.Thread(target=made.wait, daemon=True).start()
        return made.pid

    def test_done(self) -> None:
        old = self.gateway(f"pathlib.Path({str(self.file)!r}).write_text('4194999')")
        self.assertEqual(
            self.lines("upgrade", "--wait", "--pid-file", str(self.file)),
            [
                f"process {old} starts the one that takes over",
                "process 4194999 serves",
                f"process {old} has ended",
            ],
        )
        old = self.gateway(f"pathlib.Path({str(self.file)!r}).write_text('4194999')")
        result = self.type("upgrade", "--json", "--pid-file", str(self.file))
        self.assertEqual(json.loads(result.stdout), {"pid": 4194999, "old_pid": old})

    def test_nobody_took_over(self) -> None:
        old = self.gateway("signal.pause()")
        result = self.type("upgrade", "--timeout", "0.1", "--pid-file", str(self.file))
        self.assertEqual(result.exit_code, 1)
        self.assertIn(f"process {old} serves on, nobody took over: its log says why", result.stderr)
        os.kill(old, signal.SIGKILL)

    def test_it_ends_instead(self) -> None:
        self.gateway("sys.exit(1)")
        result = self.type("upgrade", "--pid-file", str(self.file))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("has ended, nobody took over", result.stderr)

    def test_files_that_name_nobody(self) -> None:
        wrong = {
            "4194999": "there is no process 4194999",
            "": "no number", "x": "no number", "1": "names no gateway", "-5": "names no gateway",
            None: "No such file",
        }  # fmt: skip
        for text, why in wrong.items():
            self.file.unlink(missing_ok=True)
            if text is not None:
                self.file.write_text(text)
            result = self.type("upgrade", "--pid-file", str(self.file))
            self.assertEqual(result.exit_code, 3)
            self.assertIn(why, result.stderr)
