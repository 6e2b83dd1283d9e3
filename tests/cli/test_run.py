"""`toron run`, as somebody types it."""

from __future__ import annotations

import sys

from twisted.scripts import twistd

from tests.cli.case import CliCase


class Run(CliCase):
    """It becomes twistd."""

    def test_run(self) -> None:
        seen: list[list[str]] = []
        self.patch(sys, "argv", sys.argv)
        self.patch(twistd, "run", lambda: seen.append(sys.argv))
        self.assertEqual(self.run_cli("run", "-c", "a.yaml").exit_code, 0)
        self.assertEqual(
            self.run_cli("run", "-c", "a.yaml", "--uid", "nobody", "--gid", "nogroup").exit_code, 0
        )
        start = ["twistd", "-n", "--pidfile="]
        self.assertEqual(
            seen,
            [
                [*start, "toron", "-c", "a.yaml"],
                [*start, "--uid", "nobody", "--gid", "nogroup", "toron", "-c", "a.yaml"],
            ],
        )
