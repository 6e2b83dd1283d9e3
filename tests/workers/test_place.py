"""A parent takes a composition into service when its workers do, or not at all."""

from __future__ import annotations

import textwrap
from typing import Any

from tests.workers.case import SupervisorCase
from tests.workers.fakes import FakeProcess
from toron import plugin
from toron.compose import Composition
from toron.config.load import load
from toron.core.wait import Task
from toron.net.living import Found
from toron.workers.messages import Change, Drop, Leaving, Lives, Look, Prepared, Swap
from toron.workers.packing import unpack


class Changing(SupervisorCase):
    def change(self, old: str, new: str) -> Composition:
        """Compose the configuration with something else in place of `old`, and begin to take it."""
        path = self.folder / "a.yaml"
        self.assertIn(old, path.read_text())
        path.write_text(textwrap.dedent(path.read_text().replace(old, new)))
        made: list[Any] = []
        loaded = load(str(path), plugin, {})
        Task(self.place.compose(loaded), lambda fresh, error: made.append(error or fresh)).start()
        self.reactor.advance(0)
        (fresh,) = made
        assert isinstance(fresh, Composition)
        self.ended: list[Any] = []
        Task(self.place.take(fresh), lambda _, error: self.ended.append(error)).start()
        return fresh

    def both(self) -> tuple[FakeProcess, FakeProcess]:
        one, two = self.start(0, 1)
        for each in (one, two):
            each.heard()
        return one, two

    def test_all_or_none(self) -> None:
        one, two = self.both()
        before = self.place.current
        fresh = self.change("limit: 7s", "limit: 8s")
        told = [each.heard() for each in (one, two)]
        self.assertEqual([[type(message) for message in messages] for messages in told], [[Change]] * 2)
        self.assertEqual(told[0][0].sockets, [], "the door is the same")
        one.says(Prepared(1, ""))
        self.assertIs(self.place.current, before)
        two.says(Prepared(1, ""))
        self.assertEqual(self.ended, [None])
        self.assertIs(self.place.current, fresh)
        self.assertEqual(self.gateway._limit, 8.0)
        for each in (one, two):
            (swap,) = each.heard()
            self.assertEqual((type(swap), swap.number), (Swap, 1))

    def test_one_can_not(self) -> None:
        one, two = self.both()
        before = self.place.current
        self.change("limit: 7s", "limit: 8s")
        two.says(Prepared(1, "it can not"))
        self.assertEqual(str(self.ended[0]), "worker 2: it can not")
        self.assertIs(self.place.current, before)
        self.assertEqual([each.heard()[-1] for each in (one, two)], [Drop(1)] * 2)
        self.assertEqual(self.gateway._limit, 7.0)

    def test_a_door_that_is_new_and_one_that_is_gone(self) -> None:
        one, two = self.both()
        closed = self.gateway.listeners[1]
        self.change("name: dns", "name: more")
        (change,) = one.heard()
        self.assertEqual(change.sockets, ["more"])
        given = one.channel.transport.given
        self.assertEqual(len(given), 1 + change.memories)
        for each in (one, two):
            each.says(Prepared(1, ""))
        self.assertEqual(self.ended, [None])
        opened = self.gateway.listeners[1]
        self.assertEqual((opened.listener, opened.sockets[0].fileno()), ("more", given[0]))
        self.assertEqual(len(closed.sockets), 2, "somebody may have a session")
        for total in (1, 0):
            self.assertEqual(len(closed.sockets), 2)
            self.reactor.advance(0.5)
            for each in (one, two):
                look = each.heard()[-1]
                self.assertEqual((type(look), look.wanted.listener), (Look, "dns"))
                each.says(Lives(look.number, Found(total, [])))
        self.assertEqual((closed.sockets, self.gateway.leaving), ([], []))
        opened.stop_accepting()

    def test_a_door_that_comes_back_while_there_are_sessions(self) -> None:
        one, two = self.both()
        closed = self.gateway.listeners[1]
        before = list(closed.sockets)
        self.change("name: dns", "name: more")
        for each in (one, two):
            each.says(Prepared(1, ""))
        more = self.gateway.listeners[1]
        self.addCleanup(more.stop_accepting)
        self.assertEqual(self.gateway.leaving, [closed])
        self.change("name: more", "name: dns")
        two.says(Prepared(2, "it can not"))
        self.assertEqual((self.gateway.leaving, closed.sockets), ([closed], before), "as it was")
        self.change("limit: 7s", "limit: 8s")
        for worker, opened in zip((one, two), before, strict=True):
            change = worker.heard()[-1]
            self.assertEqual((type(change), change.sockets), (Change, ["dns"]))
            self.assertEqual(worker.channel.transport.given[-1 - change.memories], opened.fileno())
            worker.says(Prepared(3, ""))
        self.assertEqual(self.ended, [None])
        self.assertIs(self.gateway.listeners[1], closed)
        self.assertEqual(self.gateway.leaving, [more])
        self.reactor.advance(2)
        self.assertEqual(closed.sockets, before, "nobody looks after them any more")

    def test_who_comes_later_gets_all_of_it(self) -> None:
        one, two = self.both()
        self.change("limit: 7s", "limit: 8s")
        one.dies()
        two.says(Prepared(1, ""))
        self.assertEqual(self.ended, [None])
        self.reactor.advance(1)
        third = self.reactor.processes[2]
        (begin,) = third.heard()
        loaded, inherited = unpack(begin.pickled, [], 4, 0, {})
        self.assertEqual(loaded.config.drain.limit, 8.0)
        self.assertIsNone(inherited.told)

    def test_one_that_is_asked_to_end_in_the_midst_of_it(self) -> None:
        one, two = self.both()
        self.change("limit: 7s", "limit: 8s")
        one.says(Leaving())
        one.dies()
        two.says(Prepared(1, ""))
        self.reactor.advance(3)
        self.assertEqual(len(self.reactor.processes), 3, "one takes its place")

    def test_nobody_begins_in_the_midst_of_it(self) -> None:
        one, two = self.both()
        self.change("limit: 7s", "limit: 8s")
        one.dies()
        self.reactor.advance(0.5)
        self.assertEqual(len(self.reactor.processes), 2)
        two.says(Prepared(1, ""))
        self.reactor.advance(1)
        self.assertEqual(len(self.reactor.processes), 3)
