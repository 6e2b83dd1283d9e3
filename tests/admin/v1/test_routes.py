"""Routes are told of, some at a time."""

from __future__ import annotations

from tests.admin.case import CONFIG, ApiCase
from toron.admin.v1.routes import STEP


class Routes(ApiCase):
    def test_what_is_told(self) -> None:
        counted = self.gateway.metrics.route("api")
        for status in (200, 200, 502):
            counted.answered("web", status, 0.1)
        found = self.ask("GET /routes").body
        self.assertEqual(found["total"], 3)
        self.assertEqual(
            found["routes"][0],
            {"name": "api", "match": [{"host": ["a.example"], "path": ["/api"]}], "leads_to": "backend api",
             "middlewares": ["rate-limit"], "requests": 3, "errors": 1, "place": f"{self.path}:6:5"},
        )  # fmt: skip
        self.assertEqual(
            [each["leads_to"] for each in found["routes"]], ["backend api", "redirect", "respond"]
        )

    def test_some_of_many(self) -> None:
        count = 2 * STEP + 1
        lines = "".join(f"  - {{name: r{n}, match: {{path: /x{n}}}, echo: {{}}}}\n" for n in range(count))
        self.serve(CONFIG.replace("routes:\n", "routes:\n" + lines))
        found = self.ask("GET /routes?limit=1000").body
        self.assertEqual((found["total"], len(found["routes"])), (count + 3, count + 3))
        found = self.ask(f"GET /routes?offset={count}&limit=2").body["routes"]
        self.assertEqual(found[0]["name"], "api")
        self.assertEqual(len(found), 2)
        self.assertEqual(self.ask("GET /routes?offset=100000").body["routes"], [])
