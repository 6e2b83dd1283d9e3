"""What a second composition takes over from the first, and how a gateway goes from one to the other."""

from __future__ import annotations

import gc
import random
import socket
import textwrap
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from toron import plugin
from toron.compose import Composition
from toron.config.kept import given_back
from toron.config.load import load, load_text
from toron.config.place import Invalid, Problem
from toron.core.backend import Backend
from toron.core.server import Server
from toron.core.wait import as_deferred
from toron.net.gateway import Gateway
from toron.reload import Reload
from toron.serving import Serving

BASE = """
listeners: [{protocol: http, address: 127.0.0.1, port: 8080}]
admin: {}
routes:
  - {name: a, match: {path: /a}, middlewares: [few, {rate-limit: {rate: 1/s}}], backend: api}
  - {name: b, match: {path: /b}, backend: {url: "http://127.0.0.1:3"}}
middlewares: {few: {type: rate-limit, rate: 5/s}}
backends:
  api:
    servers: ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    health: {path: /, initial: down}
    passive_health: {}
    sticky: {}
  more: {url: "tcp://127.0.0.1:9"}
"""


class Reactor(MemoryReactorClock):
    """One without threads: what is for a thread is done at once."""

    def getThreadPool(self) -> Any:
        return self

    def callInThreadWithCallback(self, told: Any, function: Any, *arguments: Any, **more: Any) -> None:
        try:
            result = function(*arguments, **more)
        except Exception as error:
            told(False, _failure(error))
        else:
            told(True, result)

    def callFromThread(self, function: Any, *arguments: Any, **more: Any) -> None:
        function(*arguments, **more)


def _failure(error: Exception) -> Any:
    from twisted.python.failure import Failure

    return Failure(error)


class ReloadCase(SynchronousTestCase):
    """Composes what a test writes, and then again."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "a.yaml"
        self.reactor = Reactor()
        self.wall = 100.0

    def write(self, text: str) -> None:
        self.path.write_text(textwrap.dedent(text))

    def compose(self, text: str, before: Composition | None = None) -> Composition:
        self.write(text)
        loaded = load(str(self.path), plugin, {}, now=1_800_000_000.0)
        made = Composition(loaded, self.reactor, random.Random(1), lambda: self.wall, before=before)
        for _ in made.steps():
            pass
        return made

    def backends(self, composition: Composition) -> dict[str, Any]:
        return {group.backend.name: group for group in composition.groups}

    def servers(self, composition: Composition, backend: str = "api") -> list[Server]:
        found: Backend = self.backends(composition)[backend].backend
        return found.servers

    def change(self, first: Composition, second: Composition) -> None:
        """What happens when the second takes the place of the first."""
        for change in second.ground.changes:
            change()


class Comparison(ReloadCase):
    """Each: what was changed, and who is who afterwards."""

    def setUp(self) -> None:
        super().setUp()
        self.first = self.compose(BASE)

    def test_nothing(self) -> None:
        second = self.compose(BASE, self.first)
        self.assertEqual(self.backends(second), self.backends(self.first))
        self.assertEqual(second.backends.services, self.first.backends.services)
        self.assertEqual(second.doors.sites, self.first.doors.sites)
        self.assertEqual([id(pool) for pool in second.pools], [id(pool) for pool in self.first.pools])
        third = self.compose(BASE, second)
        self.assertEqual(self.backends(third), self.backends(self.first))

    def test_another_route(self) -> None:
        text = BASE.replace("routes:\n", "routes:\n  - {match: {path: /new}, respond: {body: new}}\n")
        second = self.compose(text, self.first)
        self.assertEqual(self.backends(second), self.backends(self.first))
        self.assertEqual(len(second.ground.pieces), len(self.first.ground.pieces))

    def test_another_backend(self) -> None:
        second = self.compose(BASE.replace("tcp://127.0.0.1:9", "tcp://127.0.0.1:10"), self.first)
        before, after = self.backends(self.first), self.backends(second)
        self.assertIs(after["api"], before["api"])
        self.assertIsNot(after["more"], before["more"])

    def test_one_without_a_name_is_known_by_its_servers(self) -> None:
        inline = '  - {match: {path: /c}, backend: {url: "http://127.0.0.1:3", retries: {attempts: 1}}}\n'
        second = self.compose(BASE.replace("  - {name: b", inline + "  - {name: b"), self.first)
        before, after = self.backends(self.first), self.backends(second)
        self.assertIs(after["127.0.0.1:3"], before["127.0.0.1:3"])
        self.assertEqual(after["127.0.0.1:3#2"].spec.retries.attempts, 1)
        third = self.compose(BASE, second)
        self.assertIs(self.backends(third)["127.0.0.1:3"], before["127.0.0.1:3"])

    def test_a_changed_backend_keeps_the_state_of_its_servers(self) -> None:
        one, two = self.servers(self.first)
        one.in_flight, one.eject_until, one.work = 7, 1e9, 5.0
        self.backends(self.first)["api"].backend.set_healthy(two, True, "checks pass")
        text = BASE.replace(
            '"http://127.0.0.1:2"]', '{url: "http://127.0.0.1:2", weight: 3}, "http://127.0.0.1:4"]'
        )
        second = self.compose(text, self.first)
        first_again, second_again, new = self.servers(second)
        self.assertEqual((first_again, second_again), (one, two))
        self.assertEqual((two.weight, one.work), (1, 5.0), "not before it takes its place")
        self.change(self.first, second)
        self.assertEqual((one.in_flight, one.eject_until, two.weight, one.work), (7, 1e9, 3, 0.0))
        self.assertEqual([each.healthy for each in (one, two, new)], [False, True, False])
        self.assertEqual([check._state.healthy for check in second.backends.services], [False, True, False])

    def test_a_changed_backend_keeps_its_connections_and_cookies(self) -> None:
        [pool] = [group.proxy.pool for group in self.first.groups if group.backend.name == "api"]
        second = self.compose(BASE.replace('"http://127.0.0.1:2"]', '"http://127.0.0.1:4"]'), self.first)
        self.assertIs(self.backends(second)["api"].proxy.pool, pool)
        seals = [self.backends(each)["api"].proxy._sticky for each in (self.first, second)]
        sealed = seals[0].seal("a server", 50.0)
        self.assertEqual(seals[1].open(sealed, 50.0), "a server")
        third = self.compose(BASE.replace("sticky: {}", "timeouts: {connect: 1s}"), second)
        self.assertIsNot(
            self.backends(third)["api"].proxy.pool, pool, "another dialer makes other connections"
        )

    def test_checks_that_are_no_more_leave_nobody_out(self) -> None:
        one, two = self.servers(self.first)
        one.eject_until = 1e9
        text = BASE.replace("    health: {path: /, initial: down}\n    passive_health: {}\n", "")
        second = self.compose(text, self.first)
        self.assertFalse(one.healthy)
        self.change(self.first, second)
        self.assertEqual([one.healthy, two.healthy, one.eject_until], [True, True, 0.0])

    def test_checks_that_are_new_begin_with_what_is_written(self) -> None:
        text = BASE.replace("    health: {path: /, initial: down}\n", "")
        first = self.compose(text)
        second = self.compose(BASE, first)
        one, _ = self.servers(first)
        self.assertTrue(one.healthy)
        self.change(first, second)
        self.assertFalse(one.healthy)

    def test_middlewares(self) -> None:
        text = BASE.replace("rate: 5/s", "rate: 6/s")
        second = self.compose(text, self.first)
        named, own = ("middleware", "few"), ("middleware", ("a", 1), 1)
        pieces = [
            [each.ground.pieces.same(key, None, object) for key in (named, own)]
            for each in (self.first, second)
        ]
        self.assertIsNot(pieces[0][0], pieces[1][0])
        self.assertIs(pieces[0][1], pieces[1][1])

    def test_only_what_is_served_is_counted(self) -> None:
        second = self.compose(
            BASE.replace("more: {url", "other: {url").replace("name: a", "name: z"), self.first
        )
        second.settle()
        keys = {key for key, _ in second.metrics.everything()}
        self.assertIn(("backend", "other"), keys)
        self.assertNotIn(("backend", "more"), keys)
        self.first.settle()
        keys = {key for key, _ in second.metrics.everything()}
        self.assertIn(("server", "more", "127.0.0.1:9"), keys)
        self.assertNotIn(("backend", "other"), keys)


class SwapCase(ReloadCase):
    """The whole way, with listeners that open nothing."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(gc.unfreeze)
        self.write(BASE)
        self.levels: list[str] = []
        loaded = load(str(self.path), plugin, {}, now=1_800_000_000.0)
        composition = Composition(loaded, self.reactor, random.Random(1), lambda: self.wall)
        self.root: Gateway = composition.whole(self.fail)
        for service in [*composition.listeners, *self.root.services]:
            self.patch(service, "startService", lambda: None)
        self.root.running, self.root.opened = 1, True
        self.place = Serving(self.root, composition)
        self.reload = Reload(self.place, str(self.path), self.levels.append)

    def ask(self, text: str) -> str:
        """What a reload of this text ends with."""
        self.write(text)
        before = dict(self.reload.stats.results)
        self.reload.ask()
        for _ in range(100):
            self.reactor.advance(0)
        (result,) = [word for word, count in self.reload.stats.results.items() if count > before[word]]
        return result

    def begin(self, read: Any = None) -> Deferred[Any]:
        """A change that somebody waits for."""
        return as_deferred(self.reload.change(read))

    def turns(self) -> None:
        for _ in range(200):
            self.reactor.advance(0)


class Swapping(SwapCase):
    def test_changed(self) -> None:
        listener, site = self.root.listeners[0], self.root.draining[0]
        text = BASE.replace("8080", "8080, limits: {body: 5}") + "drain: {limit: 9s}\nlog: {level: warn}\n"
        self.assertEqual(self.ask(text), "applied")
        self.assertIs(self.root.listeners[0], listener)
        self.assertEqual(self.root.draining, [site])
        self.assertEqual(site.__self__.body_limit, 5)  # type: ignore[attr-defined]
        self.assertEqual(self.levels, ["warn"])

    def test_what_stays_for_as_long_as_the_process(self) -> None:
        for more in ("workers: 2", "access_log: x", "admin: {port: 1}"):
            text = BASE.replace("admin: {}\n", "") if more.startswith("admin") else BASE
            self.assertEqual(self.ask(f"{text}{more}\n"), "rejected", more)
        self.assertEqual(self.levels, [])

    def test_a_log_that_is_not_ours(self) -> None:
        self.reload._set_level = None
        self.assertEqual(self.ask(BASE + "log: {level: warn}\n"), "rejected")
        self.assertEqual(self.ask(BASE), "applied")

    def test_a_udp_port_that_would_speak_something_else(self) -> None:
        udp = "{protocol: udp, port: 53, backend: {url: 'udp://127.0.0.1:1'}}"
        quic = "{protocol: sni, transport: udp, port: 53, backend: {url: 'udp://127.0.0.1:1'}}"
        first = self.compose(BASE.replace("listeners: [", f"listeners: [{udp}, "))
        self.place.current = first
        self.assertEqual(self.ask(BASE.replace("listeners: [", f"listeners: [{quic}, ")), "rejected")

    def test_asked_in_the_midst_of_one(self) -> None:
        self.reload.ask()
        self.reload.ask()
        self.reload.ask()
        for _ in range(100):
            self.reactor.advance(0)
        self.assertLessEqual(self.reload.stats.results["applied"], 3)
        self.assertGreaterEqual(self.reload.stats.results["applied"], 1)

    def test_somebody_waits_for_the_end(self) -> None:
        self.write(BASE + "access_log: x\n")
        refused = self.begin()
        sent = self.begin(lambda: load_text(BASE.encode(), "sent.yaml", str(self.folder), plugin, {}))
        self.write(BASE)
        again = self.begin()
        self.turns()
        self.failureResultOf(refused, Invalid)
        self.assertEqual([type(each) for each in self.successResultOf(sent)], [Problem])
        self.assertEqual(len(self.successResultOf(again)), 1)
        self.assertEqual(self.reload.stats.results, {"applied": 2, "rejected": 1})

    def test_where_what_serves_comes_from(self) -> None:
        self.reload.kept = b"old"
        self.begin(lambda: load_text(BASE.encode(), "sent.yaml", str(self.folder), plugin, {}))
        self.turns()
        self.assertEqual(self.reload.source, "api")
        self.assertEqual(given_back(self.reload.kept).config, self.reload.current.config)
        self.ask(BASE)
        self.assertEqual(self.reload.source, "file")

    def test_nothing_is_kept_that_nobody_may_ask_for(self) -> None:
        self.ask(BASE)
        self.assertEqual(self.reload.kept, b"")

    def rehearse(self, text: str, see: Any) -> Deferred[Any]:
        """A change that is looked at, and not made."""
        read = partial(load_text, text.encode(), "sent.yaml", str(self.folder), plugin, {})
        found = as_deferred(self.reload.rehearse(read, see))
        self.turns()
        return found

    def test_a_rehearsal_touches_nothing(self) -> None:
        serving, listeners = self.reload.current, list(self.root.listeners)
        before = {key for key, _ in serving.metrics.everything()}
        told: list[str] = []
        self.reload.changed = lambda by, loaded: told.append(by)
        text = BASE.replace("8080", "8080, limits: {body: 5}").replace("more:", "other:")
        seen = self.successResultOf(self.rehearse(text, lambda rehearsal: rehearsal))
        self.assertIs(seen.now, serving)
        self.assertIs(self.reload.current, serving)
        self.assertEqual((self.root.listeners, seen.refused), (listeners, []))
        self.assertEqual({key for key, _ in serving.metrics.everything()}, before)
        self.assertEqual((self.reload.stats.results, told), ({"applied": 0, "rejected": 0}, []))
        self.assertEqual(self.ask(text), "applied")
        self.assertEqual(told, ["SIGHUP"])

    def test_a_rehearsal_of_what_would_be_refused(self) -> None:
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        port = taken.getsockname()[1]
        text = BASE.replace(
            "8080}", f"8080}}, {{protocol: tcp, address: 127.0.0.1, port: {port}, echo: {{}}}}"
        )
        found = self.rehearse(text + "workers: 2\n", lambda rehearsal: list(map(str, rehearsal.refused)))
        workers, listener = self.successResultOf(found)
        self.assertIn("sent.yaml:15:1: the number of workers can not be changed while it runs", workers)
        self.assertRegex(listener, r"sent\.yaml:2:\d+: .*another process has this port")

    def test_a_rehearsal_of_a_bad_one(self) -> None:
        self.failureResultOf(self.rehearse("listeners: [", list), Invalid)

        def broken(rehearsal: Any) -> None:
            raise RuntimeError("no")

        self.failureResultOf(self.rehearse(BASE, broken), OSError)
        self.flushLoggedErrors(RuntimeError)
        self.assertEqual(self.ask(BASE), "applied", "the next one has its turn")

    def test_an_error_of_ours(self) -> None:
        def broken() -> Any:
            raise RuntimeError("no")

        failed = self.begin(broken)
        self.turns()
        self.assertIn("RuntimeError: no", str(self.failureResultOf(failed, OSError).value))
        self.flushLoggedErrors(RuntimeError)

    def test_a_stop_meanwhile(self) -> None:
        def stop() -> Any:
            self.root.stopping = True
            return load(str(self.path), plugin, {})

        first, second = self.begin(stop), self.begin()
        self.turns()
        for each in (first, second):
            self.failureResultOf(each, OSError)

    def test_an_upgrade_meanwhile(self) -> None:
        def begin() -> Any:
            self.root.handing_over = True
            return load(str(self.path), plugin, {})

        for stops in (False, True):
            waits = self.begin(begin)
            self.turns()
            self.reactor.advance(1)
            self.assertNoResult(waits)
            self.root.handing_over, self.root.stopping = stops, stops
            self.reactor.advance(1)
            self.turns()
            if not stops:
                self.successResultOf(waits)
        self.failureResultOf(waits, OSError)

    def test_not_before_everything_is_there(self) -> None:
        self.root.opened = False
        waits = self.begin()
        self.turns()
        self.assertNoResult(waits)
        self.root.opened = True
        self.reactor.advance(1)
        self.turns()
        self.successResultOf(waits)

    def test_who_may_use_the_admin_port_may_change(self) -> None:
        self.assertEqual(self.ask(BASE.replace("admin: {}", "admin: {token: 0123456789abcdef}")), "applied")
        self.assertEqual(self.ask(BASE.replace("admin: {}", "admin: {api: false}")), "applied")

    def test_not_while_it_stops(self) -> None:
        self.root.stopping = True
        self.reload.ask()
        self.assertEqual(set(self.reload.stats.results.values()), {0})

    def test_the_file_is_watched_while_that_is_asked_for(self) -> None:
        watched = BASE + "reload: {watch: true}\n"
        self.assertEqual(self.ask(watched), "applied")
        self.assertIs(self.reload._watch.parent, self.root)
        self.assertEqual(self.ask(BASE), "applied")
        self.assertIsNone(self.reload._watch.parent)


class Included(SwapCase):
    """The file takes in others, which are watched as it is."""

    def setUp(self) -> None:
        super().setUp()
        (self.folder / "conf.d").mkdir()
        self.before: dict[str, int] = {}
        self.part("a", "one")
        self.text = BASE + "reload: {watch: true}\ninclude: conf.d/*.yaml\n"
        self.assertEqual(self.ask(self.text), "applied")
        self.after(2)
        self.before = dict(self.reload.stats.results)

    def part(self, name: str, body: str) -> None:
        said = f"routes: [{{name: {name}, match: {{path: /{body}}}, respond: {{}}}}]"
        (self.folder / "conf.d" / f"{name}.yaml").write_text(said)

    def after(self, seconds: float) -> tuple[int, int]:
        """How many reloads there were when this time has gone by: applied, and rejected."""
        for _ in range(round(seconds * 10)):
            self.reactor.advance(0.1)
            for _ in range(20):
                self.reactor.advance(0)
        applied, rejected = (
            count - self.before.get(word, 0) for word, count in self.reload.stats.results.items()
        )
        return applied, rejected

    @property
    def paths(self) -> list[str]:
        found = [route.match[0].path[0] for route in self.reload.current.config.routes]
        return [path for path in found if path not in ("/a", "/b")]

    def test_each_change_is_one_reload(self) -> None:
        self.assertEqual((self.after(5), self.paths), ((0, 0), ["/one"]))
        self.part("a", "two")
        self.part("c", "three")
        self.assertEqual((self.after(5), self.paths), ((1, 0), ["/two", "/three"]))
        (self.folder / "conf.d" / "a.yaml").unlink()
        self.assertEqual((self.after(5), self.paths), ((2, 0), ["/three"]))
        self.assertEqual(self.reload.current.route_places[-1], f"{self.folder.absolute()}/conf.d/c.yaml:1:10")

    def test_a_bad_one_changes_nothing_until_it_is_put_right(self) -> None:
        self.part("c", "~: {}")
        self.assertEqual((self.after(5), self.paths), ((0, 1), ["/one"]))
        self.part("c", "four")
        self.assertEqual((self.after(5), self.paths), ((1, 1), ["/one", "/four"]))

    def test_what_a_bad_one_would_take_in_is_watched(self) -> None:
        (self.folder / "more.d").mkdir()
        (self.folder / "more.d" / "a.yaml").write_text("nonsense: 1")
        self.write(self.text.replace("conf.d", "more.d"))
        self.assertEqual(self.after(5), (0, 1))
        (self.folder / "more.d" / "a.yaml").write_text("log: {level: warn}")
        self.assertEqual((self.after(5), self.paths), ((1, 1), []))

    def test_one_that_was_sent_is_watched_too(self) -> None:
        self.part("c", "two")
        self.begin(lambda: load_text(self.text.encode(), "sent.yaml", str(self.folder), plugin, {}))
        self.turns()
        self.assertEqual(self.paths, ["/one", "/two"])
        self.assertEqual(self.after(5), (1, 0))

    def test_what_was_written_by_this_process(self) -> None:
        """The file is not loaded because of that; what it includes is, when it changes."""
        self.reload.writes(self.text.encode() + b"# new")
        self.write(self.text + "# new")
        self.assertEqual(self.after(5), (0, 0))
        self.part("a", "two")
        self.assertEqual((self.after(5), self.paths), ((1, 0), ["/two"]))
