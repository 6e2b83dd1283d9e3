"""`toron completion`, as somebody types it."""

from __future__ import annotations

from tests.cli.case import CliCase


class Completion(CliCase):
    """For each shell."""

    def test_completion(self) -> None:
        for shell in ("bash", "zsh", "fish"):
            result = self.run_cli("completion", shell)
            self.assertEqual(result.exit_code, 0, result.output)
            self.assertIn("_TORON_COMPLETE", result.stdout)
