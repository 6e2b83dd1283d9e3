"""The steps of a request can be timed, and are the ones that the page about them shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench.request import REQUEST, REST, Rig, steps

ROOT = Path(__file__).resolve().parents[2]


class Steps(SynchronousTestCase):
    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.rig = Rig(folder)

    def test_a_request_goes_all_the_way(self) -> None:
        for _ in range(3):
            self.rig.client.said = self.rig.upstream.said = b""
            self.rig.ask()
            self.assertTrue(self.rig.upstream.said.startswith(REQUEST[:-2]), self.rig.upstream.said)
            self.assertIn(b"X-Forwarded-For: 127.0.0.1\r\n", self.rig.upstream.said)
            self.assertTrue(self.rig.client.said.endswith(b"\r\n\r\nhello world\n"), self.rig.client.said)

    def test_each_step_can_be_done_again(self) -> None:
        found = steps(self.rig)
        for step in found.values():
            for _ in range(3):
                step()
        self.rig.ask()
        self.assertTrue(self.rig.client.said.endswith(b"hello world\n"))

    def test_the_page_shows_these_steps(self) -> None:
        page = (ROOT / "docs" / "microseconds.md").read_text()
        shown = re.findall(r"^ *[\d.]+ µs  (.+)$", page, re.MULTILINE)
        whole = [*steps(self.rig), REST, "the whole request"]
        self.assertEqual(shown, whole * 2, "compiled, and in pure Python")

    def test_the_command(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "bench.request", "--times", "3"],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"^hot path: ")
        self.assertRegex(lines[-1], r"^ *[\d.]+ µs  the whole request$")
