"""What was served lately is asked of the gateway's memory."""

from __future__ import annotations

from tests.admin.case import ApiCase
from tests.observe.test_recent import line
from toron.core.message import Request
from toron.wire.headers import Headers


class Requests(ApiCase):
    def keep(self, id: str, status: int = 200) -> None:
        chart, request = self.composition.chart, Request(b"GET", b"/", Headers())
        self.composition.recent.request(line(id, listener="web", status=status), chart, request)

    def test_the_newest_lines(self) -> None:
        for number in range(3):
            self.keep(str(number), 200 + 300 * (number == 1))
        found = self.ask("GET /requests?most=2").body["requests"]
        self.assertEqual([each["id"] for each in found], ["2", "1"])
        found = self.ask("GET /requests?route=r&status=5xx").body["requests"]
        self.assertEqual([each["id"] for each in found], ["1"])
        self.assertEqual(self.ask("GET /requests?route=other").body, {"requests": []})

    def test_one_record(self) -> None:
        self.keep("a")
        record = self.ask("GET /requests/a").body
        self.assertEqual((record["listener"]["name"], record["ended"]["line"]["id"]), ("web", "a"))

    def test_what_is_wrong(self) -> None:
        self.refused(404, "unknown_request", "GET /requests/x")
        self.refused(400, "bad_query", "GET /requests?most=-1")
        self.gateway.remembering = None
        self.refused(501, "no_memory", "GET /requests")
        self.refused(501, "no_memory", "GET /requests/a")
