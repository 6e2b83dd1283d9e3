"""One keeper for all certificates of a gateway, whatever configuration wants them."""

from __future__ import annotations

from typing import Any

from tests.acme.case import AcmeCase
from toron.acme.dns_01 import Records
from toron.acme.http_01 import Answers
from toron.acme.keeper import AT_ONCE, Keeper
from toron.acme.state import State
from toron.acme.tls_alpn_01 import Handshakes


class Keepers(AcmeCase):
    def setUp(self) -> None:
        super().setUp()
        self.made: list[bytes] = []

        def https(reactor: Any, ca: bytes) -> Any:
            self.made.append(ca)
            return self.directory

        self.keeper = Keeper(self.clock, self.random, self.wall, Answers(), https)
        self.addCleanup(lambda: self.keeper.running and self.keeper.stopService())

    def settle(self, *names: str) -> None:
        self.keeper.settle([self.wanted(name) for name in names])

    def served(self) -> dict[str, bool]:
        return {each.wanted.label: each.source.pair is not None for each in self.keeper.upkeeps}

    def test_nothing_begins_before_it_is_settled(self) -> None:
        self.keeper.startService()
        self.keeper.source(self.wanted("a.test"))
        self.pass_time(60)
        self.assertEqual(self.directory.asked, [])
        self.settle("a.test")
        self.pass_time(60)
        self.assertEqual(self.served(), {"a.test": True})

    def test_nor_before_it_is_started(self) -> None:
        self.settle("a.test")
        self.pass_time(60)
        self.assertEqual(self.directory.asked, [])
        self.keeper.startService()
        self.pass_time(60)
        self.assertEqual(self.served(), {"a.test": True})

    def test_who_wants_the_same_gets_the_same(self) -> None:
        source = self.keeper.source(self.wanted("a.test"))
        self.assertIs(self.keeper.source(self.wanted("a.test")), source)
        self.assertIsNot(self.keeper.source(self.wanted("a.test", email="me@a.test")), source)
        self.settle("a.test", "a.test")
        self.keeper.startService()
        self.pass_time(60)
        self.assertEqual(self.directory.paths.count("/new-order"), 1)

    def test_one_account_and_one_client(self) -> None:
        names = [f"{letter}.test" for letter in "abcdefgh"]
        self.settle(*names)
        self.keeper.startService()
        self.pass_time(600)
        self.assertEqual(self.served(), dict.fromkeys(names, True))
        self.assertEqual((self.directory.paths.count("/account"), self.made), (1, [b""]))

    def test_some_at_a_time(self) -> None:
        self.directory.proved = lambda name, token: "pending"
        self.settle(*(f"{number}.test" for number in range(3 * AT_ONCE)))
        self.keeper.startService()
        self.pass_time(30)
        self.assertEqual(self.directory.paths.count("/new-order"), AT_ONCE)

    def test_what_stays_is_left_alone(self) -> None:
        self.keeper.startService()
        self.settle("a.test", "b.test")
        self.pass_time(60)
        source = self.keeper.source(self.wanted("a.test"))
        pair = source.pair
        self.settle("a.test", "c.test")
        self.pass_time(60)
        self.assertEqual(self.served(), {"a.test": True, "c.test": True})
        self.assertIs(self.keeper.source(self.wanted("a.test")).pair, pair)
        self.assertEqual(self.directory.paths.count("/new-order"), 3)

    def test_what_goes_ends_in_the_middle(self) -> None:
        self.directory.proved = lambda name, token: "pending"
        self.keeper.startService()
        self.settle("a.test")
        self.pass_time(30)
        self.assertEqual(len(self.keeper.answers.texts), 1)
        self.settle()
        self.assertEqual((self.keeper.answers.texts, self.keeper.upkeeps), ({}, []))
        other = State(self.folder)
        other.lock()
        other.unlock()

    def test_another_process_may_take_its_place(self) -> None:
        self.keeper.startService()
        self.settle("a.test", "b.test")
        self.pass_time(30)
        self.directory.proved = lambda name, token: "pending"
        self.keeper.renew("a.test")
        self.pass_time(30)
        self.assertEqual(len(self.keeper.answers.texts), 1)
        self.keeper.rest()
        self.assertEqual(self.keeper.answers.texts, {})
        self.assertEqual(self.served(), {"a.test": True, "b.test": True})
        other = State(self.folder)
        other.lock()
        orders = self.directory.paths.count("/new-order")
        self.pass_time(90 * 86400)
        self.assertEqual(self.directory.paths.count("/new-order"), orders)
        other.unlock()
        self.successResultOf(self.keeper.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_end(self) -> None:
        self.keeper.startService()
        self.settle("a.test")
        self.pass_time(30)
        self.successResultOf(self.keeper.stopService())
        other = State(self.folder)
        other.lock()
        other.unlock()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_each_challenge_has_its_proof(self) -> None:
        kinds = {"http-01": Answers, "tls-alpn-01": Handshakes, "dns-01": Records}
        for word, kind in kinds.items():
            upkeep = self.keeper.upkeep(self.wanted("a.test", challenge=word, hook=("x",)))
            self.assertIsInstance(upkeep._proof, kind)

    def test_renewals_by_name(self) -> None:
        self.keeper.startService()
        self.keeper.settle([self.wanted("a.test", "b.test"), self.wanted("c.test")])
        self.pass_time(60)
        self.assertEqual((self.keeper.renew("B.test"), self.keeper.renew("x.test")), (True, False))
        self.pass_time(60)
        self.assertEqual([each.record.issued for each in self.keeper.upkeeps], [2, 1])
