"""Changes by the admin API, where the test says what time it is."""

from __future__ import annotations

import json
from typing import Any

from tests.admin.case import ApiCase, Got

CONFIG = """\
listeners:
  - {name: web, protocol: http, address: 127.0.0.1, port: 8080}
admin: {}
routes: [{name: a, respond: {body: one}}]
"""


def text(body: str) -> str:
    """The configuration whose route says this."""
    return CONFIG.replace("one", body)


class ChangingCase(ApiCase):
    """A gateway that serves `one`."""

    config = CONFIG

    def apply(self, config: str, **said: Any) -> Got:
        return self.ask("POST /apply", json.dumps({"configuration": config, **said}))

    def waits(self, config: str, seconds: int = 60, **said: Any) -> None:
        """Apply what waits for its confirmation."""
        got = self.apply(config, **{"window": f"{seconds}s", "confirm": True} | said)
        self.assertEqual((got.status, got.body["state"]), (200, "watching"), got.body)

    def progress(self) -> Any:
        return self.ask("GET /apply").body

    def advance(self, seconds: float) -> None:
        """Let this time go by, in small steps."""
        for _ in range(round(seconds * 10)):
            self.reactor.advance(0.1)
            self.reactor.advance(0)
            self.reactor.advance(0)

    def answers(self, count: int, status: int = 200, seconds: float = 0.002, route: str = "a") -> None:
        for _ in range(count):
            self.gateway.metrics.route(route).answered("web", status, seconds)

    @property
    def serves(self) -> str:
        found: str = self.ask("GET /config").body["routes"][0]["respond"]["body"]
        return found

    @property
    def on_disk(self) -> str:
        return self.path.read_text()

    def heard(self, words: str) -> None:
        """The log says this."""
        self.assertIn(words, "\n".join(self.said))
