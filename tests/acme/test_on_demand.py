"""Names that come get certificates, if they may, one for each, and not too many."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.acme.case import AcmeCase
from toron.acme.failure import AcmeFailed
from toron.acme.http_01 import Answers
from toron.acme.https import Reply
from toron.acme.keeper import Keeper
from toron.acme.on_demand import HELD, PER_CLIENT, OnDemand
from toron.acme.wanted import Wanted
from toron.core.wait import as_deferred
from toron.net.certificates import Certificates
from toron.wire.clienthello import ClientHello

CLIENT = "10.0.0.9"


class Demands(AcmeCase):
    def setUp(self) -> None:
        super().setUp()
        self.urls: list[str] = []
        self.verdicts: list[Any] = []
        self.keeper = Keeper(
            self.clock, self.random, self.wall, Answers(), lambda reactor, ca: self.directory
        )
        self.keeper.startService()
        self.addCleanup(self.keeper.stopService)
        self.demand = self.made()
        self.listener = Certificates([], "intermediate", [b"h2"], True)
        self.demand.attach(self.listener)

    def made(self, per_hour: int = 5, url: str = "") -> OnDemand:
        async def ask(method: str, url: str, body: bytes | None) -> Reply:
            self.urls.append(url)
            found = self.verdicts.pop(0)
            if isinstance(found, Deferred):
                found = await found
            if isinstance(found, BaseException):
                raise found
            return Reply(found)

        template = Wanted((), self.folder, "https://ca.test/dir")
        return OnDemand(
            self.keeper, template, ["exact.test", "*.wild.test"], per_hour, self.clock.seconds, url, ask
        )  # fmt: skip

    def asked(self, name: str, client: str = CLIENT) -> bool:
        """Whether it is served once a client has asked for it."""
        self.done(self.demand(name, client))
        return self.listener.choose(ClientHello(sni=name)) is not None

    def test_names_that_may(self) -> None:
        each = {
            "exact.test": True, "a.wild.test": True, "wild.test": False, "a.b.wild.test": False,
            "other.test": False, "": False, "x.exact.test": False, "wild.test.evil.test": False,
            "a_b.wild.test": False, "-a.wild.test": False, ".wild.test": False, "*.wild.test": False,
        }  # fmt: skip
        self.assertEqual({name: self.demand.allows(name) for name in each}, each)
        del each[""]  # who names nothing gets the first
        self.assertEqual({name: self.asked(name) for name in each}, each)
        self.assertEqual(self.directory.paths.count("/new-order"), 2)

    def test_every_listener_has_it(self) -> None:
        other = Certificates([], "intermediate", [], True)
        self.demand.attach(other)
        self.asked("exact.test")
        later = Certificates([], "intermediate", [], True)
        self.demand.attach(later)
        for each in (other, later):
            self.assertIsNotNone(each.choose(ClientHello(sni="exact.test")))

    def test_clients_at_the_same_time_share_one_order(self) -> None:
        found = [as_deferred(self.demand("exact.test", CLIENT)) for _ in range(HELD + 5)]
        self.assertNoResult(found[0])
        self.successResultOf(found[-1])
        self.pass_time(10)
        for each in found:
            self.successResultOf(each)
        self.assertEqual(self.directory.paths.count("/new-order"), 1)
        self.assertTrue(self.asked("exact.test"))

    def test_who_goes_away_ends_nothing(self) -> None:
        found = as_deferred(self.demand("exact.test", CLIENT))
        found.cancel()
        self.failureResultOf(found)
        self.pass_time(10)
        self.assertIsNotNone(self.listener.choose(ClientHello(sni="exact.test")))

    def test_too_many_in_an_hour(self) -> None:
        names = [f"{number}.wild.test" for number in range(7)]
        self.assertEqual([self.asked(name) for name in names], [True] * 5 + [False] * 2)
        self.assertIn("ACME: no certificate for 5.wild.test on demand: there were too many", self.said)
        self.pass_time(30)
        before = len(self.said)
        for number in range(9):
            self.successResultOf(as_deferred(self.demand(f"x{number}.wild.test", f"10.0.0.{number}")))
        self.assertEqual(len(self.said) - before, 1)
        self.assertTrue(self.asked("0.wild.test"))
        self.pass_time(3600)
        self.assertTrue(self.asked("5.wild.test"))

    def test_too_many_of_one_client(self) -> None:
        self.demand = self.made(per_hour=1000)
        self.demand.attach(self.listener)
        for number in range(PER_CLIENT):
            self.successResultOf(self.later(self.demand(f"x{number}.wild.test", f"2001:db8::{number}"), 10))
        self.assertFalse(self.asked("exact.test", "2001:db8::ffff"))
        self.assertTrue(any("2001:db8::ffff has asked for too many" in said for said in self.said))
        self.assertTrue(self.asked("exact.test", "2001:db8:0:1::1"), "another network")

    def test_a_failure_is_not_waited_for_twice(self) -> None:
        self.directory.instead["/new-order"] = [AcmeFailed("no")]
        self.assertFalse(self.asked("exact.test"))
        found = as_deferred(self.demand("exact.test", CLIENT))
        self.successResultOf(found)
        self.pass_time(100)
        self.assertTrue(self.asked("exact.test"))

    def test_somebody_is_asked(self) -> None:
        self.demand = self.made(url="https://who.test/may?x=1")
        self.demand.attach(self.listener)
        self.verdicts = [404, AcmeFailed("nobody there"), 302, 200]
        self.assertEqual([self.asked("a.wild.test") for _ in range(5)], [False, False, False, True, True])
        self.assertEqual(self.urls, ["https://who.test/may?x=1&domain=a.wild.test"] * 4)
        self.assertEqual(len(self.keeper.upkeeps), 1)

    def test_once_for_all_who_wait(self) -> None:
        self.demand = self.made(url="https://who.test/may")
        self.demand.attach(self.listener)
        verdict: Deferred[int] = Deferred()
        self.verdicts = [verdict]
        found = [as_deferred(self.demand("exact.test", CLIENT)) for _ in range(3)]
        verdict.callback(200)
        self.pass_time(10)
        for each in found:
            self.successResultOf(each)
        self.assertEqual(self.urls, ["https://who.test/may?domain=exact.test"])

    def test_what_is_kept_needs_no_leave(self) -> None:
        self.asked("exact.test")
        self.keeper.settle([])
        self.demand = self.made(url="https://who.test/may")
        self.demand.attach(self.listener)
        self.assertTrue(self.asked("exact.test"))
        self.assertEqual((self.urls, self.directory.paths.count("/new-order")), ([], 1))
