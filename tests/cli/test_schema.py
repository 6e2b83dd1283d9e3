"""`toron schema`, as somebody types it."""

from __future__ import annotations

import json

from tests.cli.case import CliCase
from toron import plugin
from toron.config.reference import reference


class Schema(CliCase):
    """For editors, and for people."""

    def test_schema(self) -> None:
        found = json.loads(self.run_cli("schema").stdout)
        self.assertIn("listeners", found["properties"])
        self.assertIn("jwt", found["properties"]["middlewares"]["properties"])

    def test_schema_for_people(self) -> None:
        result = self.run_cli("schema", "--markdown")
        self.assertEqual((result.exit_code, result.stdout), (0, reference(plugin)))
