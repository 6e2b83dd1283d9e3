"""The configuration file that nobody names."""

from __future__ import annotations

import os

from tests.cli.case import CliCase


class DefaultFile(CliCase):
    """In the current folder."""

    def test_the_default_file(self) -> None:
        self.write("toron.toml", "listeners = [{protocol = 'tcp', port = 1, echo = {}}]")
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(self.folder)
        self.assertEqual(self.run_cli("check").exit_code, 0)
        os.remove("toron.toml")
        result = self.run_cli("check")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("There is no toron.yaml", result.stderr)
