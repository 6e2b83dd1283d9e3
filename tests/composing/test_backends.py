"""Backends are made when something leads to them, and called so that they can be told apart."""

from __future__ import annotations

import random
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.composing.composed import ComposedCase
from toron import plugin
from toron.compose import Composition
from toron.composing.backends import Backends, Group
from toron.composing.ground import Ground
from toron.config.load import load
from toron.core.server import Server
from toron.net.sweep import Sweep
from toron.observe.access_log import NullAccessLog
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness

TEXT = """
listeners: [{protocol: http, port: 80}]
routes:
  - {match: {path: /a}, backend: {url: "http://a:1"}}
  - {match: {path: /b}, backend: {url: "http://a:1"}}
  - {match: {path: /c}, backend: {url: "http://a:1", retries: {attempts: 1}}}
  - {backend: named}
backends: {named: {url: "http://b:1"}}
"""


class Making(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def make(self, text: str = TEXT, before: Backends | None = None) -> Backends:
        """All that the routes lead to."""
        (self.folder / "a.yaml").write_text(text)
        loaded = load(str(self.folder / "a.yaml"), plugin, {})
        clock = Clock()
        metrics = Metrics(Readiness(), clock.seconds, "1", NullAccessLog())
        earlier = None if before is None else before.ground
        ground = Ground(loaded, clock, random.Random(1), None, earlier)
        made = Backends(ground, loaded.config, Sweep(clock), metrics, lambda: 0.0, before)
        for _ in made.reserve_names():
            pass
        for index, route in enumerate(loaded.config.routes):
            assert route.backend is not None
            made.group(route.backend, ("routes", index, "backend"))
        made.leave()
        ground.leave()
        return made

    def names(self, backends: Backends) -> list[str]:
        return [group.backend.name for group in backends.groups]

    def test_names(self) -> None:
        self.assertEqual(self.names(self.make()), ["a:1", "a:1#2", "a:1#3", "named"])

    def test_all_that_leads_to_one_shares_it(self) -> None:
        backends = self.make()
        (named,) = [group for group in backends.groups if group.named]
        self.assertIs(backends.proxy(named), backends.proxy(named))

    def test_those_without_a_name_keep_what_they_were_called(self) -> None:
        first = self.make()
        without = "\n".join(line for line in TEXT.splitlines() if "/a}" not in line)
        second = self.make(without, first)
        self.assertEqual(self.names(second), ["a:1", "a:1#3", "named"])
        third = self.make(TEXT.replace("attempts: 1", "attempts: 3"), second)
        self.assertEqual(self.names(third), ["a:1", "a:1#2", "a:1#3", "named"])
        self.assertIs(third.groups[0], first.groups[0])
        self.assertIs(third.groups[3], first.groups[3])
        self.assertIsNot(third.groups[2], second.groups[1])
        self.assertIs(third.groups[2].backend.servers[0], second.groups[1].backend.servers[0], "by its name")


DISCOVERED = """
listeners: [{protocol: http, port: 80}]
routes: [{backend: found}]
backends:
  found:
    discovery: {file: {path: servers.yaml}}
    health: {path: /, initial: down}
"""


class Discovered(ComposedCase):
    def setUp(self) -> None:
        super().setUp()
        (self.folder / "servers.yaml").write_text("servers: ['http://127.0.0.1:1', 'http://127.0.0.1:2']")

    def group(self, composition: Composition) -> Group:
        (group,) = composition.groups
        return group

    def test_what_is_not_changed_goes_on_discovering(self) -> None:
        first = self.composition(DISCOVERED)
        second = self.composition(DISCOVERED.replace("port: 80", "port: 81"), first)
        self.assertIs(self.group(second), self.group(first))
        self.assertEqual(second.backends.services, [self.group(first).members])

    def test_servers_serve_on_until_it_is_found_out_anew(self) -> None:
        first = self.composition(DISCOVERED)
        backend = self.group(first).backend
        backend.publish([Server("http://127.0.0.1:1"), Server("http://127.0.0.1:2")])
        one, two = backend.servers
        backend.set_healthy(one, True, "it is well")
        backend.drain(two, True)
        changed = self.composition(DISCOVERED + "    retries: {attempts: 3}\n", first)
        group = self.group(changed)
        self.assertIsNot(group, self.group(first))
        self.assertEqual(group.backend.servers, [one, two])
        self.assertEqual((one.healthy, two.healthy, two.draining), (True, False, True))
        assert group.members is not None
        self.assertEqual(len(list(group.members)), 3, "who discovers, and a check for each")
        group.backend.publish([Server("http://127.0.0.1:2"), Server("http://127.0.0.1:3")])
        self.assertIs(group.backend.servers[0], two)
        self.assertEqual(len(list(group.members)), 3)

    def test_from_written_to_discovered_and_back(self) -> None:
        written = DISCOVERED.replace("discovery: {file: {path: servers.yaml}}", "url: 'http://127.0.0.1:1'")
        first = self.composition(written)
        (server,) = self.group(first).backend.servers
        second = self.composition(DISCOVERED, first)
        self.assertEqual(self.group(second).backend.servers, [server])
        third = self.composition(written, second)
        self.assertEqual(self.group(third).backend.servers, [server])
        self.assertIsNone(self.group(third).members)
