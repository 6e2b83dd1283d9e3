"""The document is served; what is in it is tested in tests.admin.test_openapi."""

from __future__ import annotations

import toron
from tests.admin.case import ApiCase, openapi


class Served(ApiCase):
    def test_it_is_the_document(self) -> None:
        found = self.ask("GET /openapi.json").body
        self.assertEqual(found["info"]["version"], toron.__version__)
        self.assertEqual(found["paths"], openapi()["paths"])
