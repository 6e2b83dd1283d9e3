"""`toron upgrade` has a running gateway replaced, or says why not."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.loopback.peers import eventually
from tests.loopback.test_upgrade import BASIC, Upgrading, gone
from tests.loopback.web import ask


class Commands(Upgrading):
    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What it prints."""
        return subprocess.run(
            [sys.executable, "-m", "toron", "upgrade", *words],
            env={**os.environ, **self.gateway.environment},
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    def test_by_the_admin_port(self) -> None:
        self.serve(BASIC)
        admin = f"http://127.0.0.1:{self.gateway.ports['ADMIN']}"
        self.put(BASIC.replace("respond", "repsond"))
        done = self.type("--admin", admin)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"config.yaml:3:11: unknown key 'repsond': did you mean 'respond'")
        self.assertEqual(self.text(), "one")
        self.put(BASIC.replace("one", "two"))
        done = self.type("--json", "--admin", admin)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual((found["old_pid"], found["linger"]), (self.gateway.pid, 2.0))
        self.assertEqual(self.text(), "two")
        status = ask(self.gateway.ports["ADMIN"], "/api/v1/status")
        self.assertEqual(json.loads(status.text)["pid"], found["pid"])
        eventually(lambda: gone(self.gateway.pid))
