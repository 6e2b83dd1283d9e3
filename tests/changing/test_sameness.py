"""What becomes of connections and of what is remembered, by what stays the same object."""

from __future__ import annotations

from tests.test_reload import ReloadCase
from toron.changing.sameness import DRAINS, FINISHES, KEPT, LOST, UNAFFECTED, Sameness, same
from toron.net.living import Tally

BASE = """
listeners:
  - {name: web, protocol: http, address: 127.0.0.1, port: 8080, guards: [{connections: {per_client: 5}}]}
  - {name: db, protocol: tcp, address: 127.0.0.1, port: 5432, backend: db}
admin: {}
routes:
  - {name: a, match: {path: /a}, middlewares: [few, {rate-limit: {rate: 1/s}}], backend: api}
  - {name: b, match: {path: /b}, middlewares: [{headers: {}}], backend: more}
middlewares: {few: {type: rate-limit, rate: 5/s}}
backends:
  api: {servers: ["http://127.0.0.1:1", "http://127.0.0.1:2"]}
  more: {url: "http://127.0.0.1:3"}
  db: {url: "tcp://127.0.0.1:9"}
"""


class Compared(ReloadCase):
    """Each: what is replaced in the text, and what is not the same then."""

    def compared(self, *pairs: tuple[str, str]) -> Sameness:
        first = self.compose(BASE)
        for group in first.groups:
            for stats in group.servers.values():
                stats.idle = 2
        text = BASE
        for old, new in pairs:
            self.assertIn(old, text)
            text = text.replace(old, new)
        second = self.compose(text, first)
        return same(first, second)

    def state(self, found: Sameness) -> dict[str, tuple[str, str]]:
        return {each.what: (each.fate, each.note) for each in found.state}

    def test_nothing(self) -> None:
        found = self.compared()
        self.assertEqual((found.closed, found.spoken, found.backends), (set(), set(), {}))
        self.assertEqual(found.layer4, {"db"})
        self.assertEqual(
            self.state(found),
            {"connections to api": (KEPT, "4 idle"), "connections to more": (KEPT, "2 idle"),
             "middleware few": (KEPT, "its counters"),
             "middleware rate-limit of route a": (KEPT, "its counters"),
             "guard connections of listener web": (KEPT, "its counts")},
        )  # fmt: skip

    def test_a_listener_that_goes_and_one_that_speaks_otherwise(self) -> None:
        self.assertEqual(self.compared(("port: 5432", "port: 5433")).closed, {"db"})
        found = self.compared(
            ("protocol: http,", "protocol: https, certificates: [{self_signed: [a.test]}],")
        )
        self.assertEqual((found.closed, found.spoken), (set(), {"web"}))

    def test_backends(self) -> None:
        found = self.compared(('api: {servers: ["http://127.0.0.1:1", ', "api: {servers: ["))
        self.assertEqual(found.backends, {"api": "changed"})
        self.assertEqual(self.state(found)["connections to api"], (KEPT, "2 idle"))
        self.assertIn(("connections to api", LOST), [(each.what, each.fate) for each in found.state])
        found = self.compared(("backend: more", "respond: {}"), ('  more: {url: "http://127.0.0.1:3"}\n', ""))
        self.assertEqual(found.backends, {"more": "gone"})
        self.assertEqual(self.state(found)["connections to more"], (LOST, "2 idle closed"))

    def test_what_forgets(self) -> None:
        state = self.state(
            self.compared(
                ("rate: 5/s", "rate: 6/s"), ("rate: 1/s", "rate: 2/s"), ("per_client: 5", "per_client: 6")
            )
        )
        self.assertEqual({what: fate for what, (fate, _) in state.items() if "connections to" not in what},
                         {"middleware few": LOST, "middleware rate-limit of route a": LOST,
                          "guard connections of listener web": LOST})  # fmt: skip


class Fates(ReloadCase):
    def fate(self, kind: str, listener: str = "web", route: str = "", backend: str = "") -> str:
        found = Sameness(
            closed={"gone"}, layer4={"db"}, spoken={"other"}, backends={"x": "changed"}, routes={"r": "gone"}
        )
        [touched] = found.touched([Tally(listener, kind, route, backend, 1)])
        return touched.fate

    def test_each(self) -> None:
        for fate, *tally in (
            (UNAFFECTED, "http/1.1"), (UNAFFECTED, "h2", "web", "a", "y"),
            (UNAFFECTED, "websocket", "web", "a", "y"), (UNAFFECTED, "new", "web"),
            (UNAFFECTED, "relay", "db", "", "y"), (UNAFFECTED, "udp", "dns", "", "y"),
            (DRAINS, "http/1.1", "gone"), (DRAINS, "h3", "gone", "a"), (DRAINS, "websocket", "gone", "a"),
            (FINISHES, "relay", "gone", "", "y"), (FINISHES, "udp", "gone"), (FINISHES, "tunnel", "gone"),
            (DRAINS, "h2", "other"), (UNAFFECTED, "websocket", "other", "a", "y"),
            (FINISHES, "http/1.1", "web", "r", "y"), (FINISHES, "websocket", "web", "r"),
            (FINISHES, "relay", "db", "", "x"), (FINISHES, "h2", "web", "a", "x"), (UNAFFECTED, "new", "db"),
        ):  # fmt: skip
            self.assertEqual(self.fate(*tally), fate, tally)

    def test_they_are_added_up(self) -> None:
        tallies = [Tally("web", "h2", "", "", 3), Tally("gone", "h2", "", "", 1),
                   Tally("web", "h2", "", "", 4), Tally("web", "h2", "r", "", 1)]  # fmt: skip
        found = Sameness(closed={"gone"}, routes={"r": "changed"}).touched(tallies)
        self.assertEqual([(each.count, each.fate) for each in found],
                         [(1, DRAINS), (1, FINISHES), (7, UNAFFECTED)])  # fmt: skip
        self.assertEqual(found[1].why, "its route is changed: it goes on with the one it has")
