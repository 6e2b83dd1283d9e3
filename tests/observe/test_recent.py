"""What ended lately is remembered: so much of what went well, all that did not, and never too much."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.core.message import Request
from toron.core.trail import Trail, seen
from toron.observe.access_lines import ConnectionLine, HttpLine
from toron.observe.recent import FORGETFUL, HEAD, MEMORY, TICKS, Chart, Kept, Recent, Wanted
from toron.wire.headers import Field, Headers


def line(id: str = "1", **more: Any) -> HttpLine:
    values: dict[str, Any] = {
        "listener": "web", "client": "192.0.2.1", "peer": "192.0.2.1:5", "scheme": "http", "host": "h",
        "method": "GET", "path": "/?token=abc", "version": "1.1", "status": 200, "route": "r", "bytes_in": 0,
        "bytes_out": 0, "duration_ms": 1.0,
    }  # fmt: skip
    return HttpLine(kind="http", id=id, **(values | more))


def connection_line(id: str = "c", **more: Any) -> ConnectionLine:
    values: dict[str, Any] = {"kind": "tcp", "listener": "db", "client": "::1", "peer": "[::1]:5"}
    return ConnectionLine(id=id, **(values | more))


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.recent = self.memory()
        self.chart = Chart()

    def memory(self, most: int = 3, rate: float = 10.0) -> Recent:
        return Recent(most, rate, lambda: 1_800_000_000.0, ("token",))

    def keep(self, line: HttpLine, *fields: Field, trail: Trail | None = None) -> Kept:
        request = Request(b"GET", b"/", Headers(fields))
        request.trail = trail
        self.recent.request(line, self.chart, request)
        return self.recent.find(Wanted(id=line.id, most=1))[0]

    def ids(self, **wanted: Any) -> list[str]:
        return [kept.line.id for kept in self.recent.find(Wanted(**wanted))]


class Keeping(Case):
    def test_the_newest_of_each_kind(self) -> None:
        for number in range(5):
            self.keep(line(f"w{number}"))
            self.keep(line(f"i{number}", status=404, reason="no_route"))
        self.assertEqual(self.ids(), ["i4", "w4", "i3", "w3", "i2", "w2"])
        self.assertEqual(self.ids(most=1), ["i4"])
        self.assertEqual(self.ids(most=-1), [])

    def test_a_server_s_own_error_went_wrong_too(self) -> None:
        self.keep(line("bad", status=500))
        for number in range(5):
            self.keep(line(str(number), status=404))
        self.assertIn("bad", self.ids())

    def test_what_is_asked_for(self) -> None:
        self.recent = self.memory(10)
        self.keep(line("a"))
        self.keep(line("b", status=503, reason="no_server_available"))
        self.keep(line("c", status=200, route="other"))
        connection = SimpleNamespace(trail=None, passed=1)
        self.recent.connection(connection_line("d", reason="reset"), self.chart, connection)
        for wanted, found in (
            ({"id": "a"}, ["a"]),
            ({"id": "x"}, []),
            ({"route": "r"}, ["b", "a"]),
            ({"status": "200"}, ["c", "a"]),
            ({"status": "5xx"}, ["b"]),
            ({"status": "2XX", "route": "other"}, ["c"]),
            ({"status": "no_server_available"}, ["b"]),
            ({"status": "reset"}, ["d"]),
            ({"status": "4xx"}, []),
        ):
            self.assertEqual(self.ids(**wanted), found, wanted)

    def test_so_many_a_second(self) -> None:
        self.assertEqual(self.recent.left, 10.0)
        self.recent.left = 0.0
        for _ in range(TICKS):
            self.recent.refill()
        self.assertEqual(self.recent.left, 10.0)
        self.recent.refill()
        self.assertEqual(self.recent.left, 10.0, "nothing is saved up")

    def test_connections_count_as_followed_when_they_end_well(self) -> None:
        connection = SimpleNamespace(trail=None, passed=2)
        self.recent.connection(connection_line("a"), self.chart, connection)
        self.assertEqual(self.recent.left, 9.0)
        self.recent.connection(connection_line("b", reason="reset"), self.chart, connection)
        self.assertEqual((self.recent.left, self.recent.find(Wanted())[0].passed), (9.0, 2))

    def test_a_flood_of_what_goes_wrong(self) -> None:
        room = [self.recent.has_room(False) for _ in range(150)]
        self.assertEqual(room, [True] * 100 + [False] * 50)
        self.assertTrue(self.recent.has_room(True))
        self.recent.refill()
        self.assertEqual(self.recent.spare, 20.0)

    def test_nothing(self) -> None:
        for recent in (FORGETFUL, self.memory(0)):
            recent.refill()
            recent.request(line(), self.chart, Request(b"GET", b"/", Headers()))
            recent.connection(connection_line(), self.chart, SimpleNamespace(trail=None, passed=0))
            self.assertEqual((recent.left, recent.spare, recent.find(Wanted())), (0.0, 0.0, []))
            self.assertFalse(recent.has_room(True) or recent.has_room(False))

    def test_other_bounds(self) -> None:
        for number in range(3):
            self.keep(line(str(number)))
        self.recent.configure(1, 2.0)
        self.assertEqual((self.ids(), self.recent.left, self.recent.spare), (["2"], 2.0, 20.0))
        self.recent.configure(0, 2.0)
        self.assertEqual((self.ids(), self.recent.left), ([], 0.0))


class Bounds(Case):
    def test_a_long_head_is_cut(self) -> None:
        kept = self.keep(line(), (b"A", b"1"), (b"B", b"x" * HEAD), (b"C", b"1"))
        self.assertEqual((kept.fields, kept.cut), ([(b"A", b"1")], 2))

    def test_a_heavy_trail_is_lightened(self) -> None:
        request = Request(b"GET", b"/", Headers([(b"A", b"x" * 3 * HEAD)]))
        trail = Trail(self.chart, seen(request))
        self.assertIsNone(self.keep(line(), trail=trail).trail.head)  # type: ignore[union-attr]

    def test_bytes(self) -> None:
        self.recent = self.memory(100_000)
        path = b"/" + b"x" * 4_000
        for number in range(1_000):
            request = Request(b"GET", path, Headers([(b"A", b"x" * 7_000)]))
            self.recent.request(line(str(number)), self.chart, request)
        held = self.recent.find(Wanted(most=10_000))
        self.assertLess(sum(kept.size for kept in held), MEMORY)
        self.assertGreater(len(held), 100)
        self.assertEqual(held[0].line.id, "999")

    def test_what_was_told_weighs_as_its_text(self) -> None:
        kept = self.keep(line(), (b"A", b"x" * 5_000))
        before = kept.size
        kept.told, kept.fields = b"{}", None
        self.recent.weigh(kept)
        self.assertLess(kept.size, before - 4_000)


class Lines(Case):
    def test_as_the_log_would_write_it(self) -> None:
        kept = self.keep(line())
        said = self.recent.line_of(kept)
        self.assertEqual((said.time, said.path), ("2027-01-15T08:00:00.000Z", "/?token=<redacted>"))  # type: ignore[union-attr]
        self.assertEqual(kept.line.time, 1_800_000_000.0, "the log has its own way to come to it")

    def test_as_the_log_has_written_it(self) -> None:
        written = line()
        written.time = "then"
        self.assertIs(self.recent.line_of(self.keep(written)), written)

    def test_by_what_it_found_its_way(self) -> None:
        other = Chart()
        self.keep(line("a"))
        self.keep(line("b"), trail=Trail(other))
        self.assertEqual([kept.line.id for kept in self.recent.of(self.chart)], ["a"])
        self.assertEqual([kept.line.id for kept in self.recent.of(other)], ["b"])
