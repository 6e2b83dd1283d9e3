"""A certificate is got, kept, renewed in time, and served meanwhile whatever the directory does."""

from __future__ import annotations

import datetime
import os
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore

from tests.acme.case import NOW, AcmeCase
from tests.acme.fake_directory import ROOT, refusal
from toron.acme.account import Account
from toron.acme.directory import Directory
from toron.acme.failure import AcmeFailed
from toron.acme.http_01 import Answers
from toron.acme.https import Reply
from toron.acme.pair_file import joined
from toron.acme.state import State
from toron.acme.upkeep import Upkeep
from toron.core.wait import as_deferred
from toron.net.certificate_source import Source
from toron.net.key_pair import KeyPair, self_signed

DAY = 86400.0


class UpkeepCase(AcmeCase):
    def setUp(self) -> None:
        super().setUp()
        self.state = State(self.folder)
        self.addCleanup(self.state.unlock)
        self.answers = Answers()
        self.turns = DeferredSemaphore(1)
        self.one = self.wanted("a.test")

    def upkeep(self, wanted: Any = None, state: State | None = None) -> Upkeep:
        state = state or self.state
        account = Account(Directory(f"{ROOT}/dir", self.directory, self.wall), state)
        made = Upkeep(
            wanted or self.one, Source(), account, state, self.answers,
            reactor=self.clock, random=self.random, wall=self.wall, turns=self.turns,
        )  # fmt: skip
        self.addCleanup(lambda: made.running and made.stopService())
        return made

    def started(self, wanted: Any = None, seconds: float = 5.0) -> Upkeep:
        made = self.upkeep(wanted)
        made.startService()
        self.pass_time(seconds)
        return made

    def pair(self, upkeep: Upkeep) -> KeyPair:
        pair = upkeep.source.pair
        assert pair is not None
        return pair

    def kept(self) -> bytes | None:
        return self.state.read(f"{self.one.file}.pem")

    def put(self, names: list[str] | None = None, age: float = 1.0) -> KeyPair:
        """A certificate in the state folder that was made some days ago, and lasts for 30."""
        begin = datetime.datetime.fromtimestamp(NOW - age * DAY, datetime.UTC)
        pair = self_signed(names or ["a.test"], begin)
        self.state.lock()
        self.state.write(f"{self.one.file}.pem", joined(pair))
        self.state.unlock()
        return pair

    def orders(self) -> int:
        return self.directory.paths.count("/new-order")


class First(UpkeepCase):
    def test_it_is_got_kept_and_served(self) -> None:
        upkeep = self.started()
        pair = self.pair(upkeep)
        self.assertEqual(pair.names(), ["a.test"])
        self.assertEqual(self.kept(), joined(pair))
        self.assertEqual((upkeep.record.issued, upkeep.record.failures, self.answers.texts), (1, 0, {}))
        self.assertIn("ACME: a certificate for a.test, which ends in 90 days", self.said)

    def test_an_rsa_key(self) -> None:
        upkeep = self.started(self.wanted("a.test", key="rsa"))
        self.assertEqual(type(self.pair(upkeep).leaf.public_key()).__name__, "RSAPublicKey")

    def test_what_is_kept_is_served_at_once(self) -> None:
        pair = self.put()
        upkeep = self.upkeep()
        upkeep.startService()
        self.assertEqual(upkeep.source.pair, pair)
        self.pass_time(3600)
        self.assertEqual(self.orders(), 0)

    def test_what_is_kept_is_of_no_use(self) -> None:
        self.put(["b.test"])
        upkeep = self.started()
        self.assertEqual(self.pair(upkeep).names(), ["a.test"])
        self.assertTrue(self.state.has(f"{self.one.file}.pem.bad1"))
        self.assertTrue(any("the certificate is not for a.test" in said for said in self.said))

    def test_who_waits_is_told(self) -> None:
        upkeep = self.upkeep()
        waiting = [as_deferred(upkeep.first()) for _ in range(3)]
        upkeep.startService()
        self.assertNoResult(waiting[0])
        self.pass_time(5.0)
        for each in waiting:
            self.successResultOf(each)
        self.successResultOf(as_deferred(upkeep.first()))


class Renewals(UpkeepCase):
    def test_at_two_thirds_of_its_life(self) -> None:
        upkeep = self.started()
        first = self.pair(upkeep)
        self.pass_time(56 * DAY)
        self.assertEqual(self.pair(upkeep), first)
        self.pass_time(5 * DAY)
        self.assertNotEqual(self.pair(upkeep), first)
        self.assertEqual((self.orders(), self.directory.paths.count("/account")), (2, 1))
        self.assertNotEqual(self.pair(upkeep).key, first.key)

    def test_when_the_directory_suggests_it(self) -> None:
        self.directory.window = self.window(2, 3)
        upkeep = self.started()
        first = self.pair(upkeep)
        self.pass_time(2 * DAY - 60)
        self.assertEqual(self.pair(upkeep), first)
        self.pass_time(1 * DAY + 60)
        self.assertNotEqual(self.pair(upkeep), first)
        orders = [payload for _, path, payload in self.directory.asked if path == "/new-order"]
        self.assertNotIn("replaces", orders[0])
        self.assertRegex(orders[1]["replaces"], r"\A[\w-]+\.[\w-]+\Z")

    def window(self, begin: float, end: float) -> dict[str, Any]:
        moments = [
            datetime.datetime.fromtimestamp(self.wall() + day * DAY, datetime.UTC) for day in (begin, end)
        ]
        return {
            "suggestedWindow": dict(
                zip(("start", "end"), (each.isoformat() for each in moments), strict=True)
            )
        }

    def test_when_it_suggests_it_suddenly(self) -> None:
        self.directory.window = self.window(50, 51)
        upkeep = self.started()
        first = self.pair(upkeep)
        self.pass_time(DAY)
        self.directory.window = self.window(-1, 0)
        self.pass_time(6.1 * 3600)
        self.assertNotEqual(self.pair(upkeep), first)

    def test_a_suggestion_that_can_not_be_had(self) -> None:
        self.directory.window = {"suggestedWindow": "soon"}
        upkeep = self.started()
        path = "/ari/" + "x"
        self.directory.instead[path] = [Reply(500)] * 9
        self.pass_time(61 * DAY)
        self.assertEqual(upkeep.record.failures, 0)
        self.assertEqual(self.orders(), 2)

    def test_an_old_one_at_once(self) -> None:
        pair = self.put(age=29.9)
        upkeep = self.started()
        self.assertNotEqual(self.pair(upkeep), pair)

    def test_a_machine_that_slept(self) -> None:
        upkeep = self.started()
        slept = 80 * DAY
        self.patch(upkeep, "_wall", lambda: self.wall() + slept)
        self.pass_time(3601)
        self.assertEqual(self.orders(), 2)

    def test_a_clock_that_is_wrong(self) -> None:
        upkeep = self.upkeep()
        self.patch(upkeep, "_wall", lambda: self.wall() + 80 * DAY)
        upkeep.startService()
        self.pass_time(3 * 3600)
        self.assertLess(self.orders(), 5)

    def test_when_somebody_asks(self) -> None:
        upkeep = self.started()
        upkeep.renew()
        self.pass_time(5.0)
        self.assertEqual(self.orders(), 2)
        self.pass_time(DAY)
        self.assertEqual(self.orders(), 2)


class Failures(UpkeepCase):
    def test_the_old_one_is_served_and_it_is_tried_again(self) -> None:
        pair = self.put(age=25)
        self.directory.instead["/new-order"] = [refusal("serverInternal", 500) for _ in range(3)]
        upkeep = self.started()
        self.assertEqual((upkeep.source.pair, upkeep.record.failures), (pair, 1))
        self.assertIn("ACME: no certificate for a.test: serverInternal: you see, serverInternal; "
                      "the one from before is served, and the next try is in", self.said[-1])  # fmt: skip
        self.pass_time(40)
        self.assertEqual(upkeep.record.failures, 1)
        self.pass_time(40)
        self.assertEqual(upkeep.record.failures, 2)
        self.pass_time(500)
        self.assertNotEqual(upkeep.source.pair, pair)
        self.assertEqual((upkeep.record.failures, upkeep.record.words), (0, {"serverInternal": 3}))

    def test_the_directory_says_when(self) -> None:
        self.directory.instead["/new-order"] = [refusal("rateLimited", 429, retry_after="7200")]
        upkeep = self.started()
        self.assertEqual(round(upkeep.due - self.wall()), 7200)
        self.pass_time(7100)
        self.assertIsNone(upkeep.source.pair)
        self.pass_time(200)
        self.assertIsNotNone(upkeep.source.pair)

    def test_a_restart_does_not_forget_that(self) -> None:
        self.directory.instead["/new-order"] = [refusal("rateLimited", 429, retry_after="7200")]
        upkeep = self.started()
        upkeep.stopService()
        again = self.started(seconds=7000)
        self.assertEqual((again.source.pair, again.record.failures), (None, 1))
        self.pass_time(300)
        self.assertIsNotNone(again.source.pair)

    def test_somebody_may_ask_before(self) -> None:
        self.directory.instead["/new-order"] = [refusal("rateLimited", 429, retry_after="7200")]
        upkeep = self.started()
        upkeep.renew()
        self.pass_time(5)
        self.assertIsNotNone(upkeep.source.pair)

    def test_a_certificate_of_no_use(self) -> None:
        other = self_signed(["a.test"], datetime.datetime.fromtimestamp(NOW, datetime.UTC))
        for chain in (b"", b"<html>", other.chain):
            self.directory.instead["/chain"] = [Reply(200, {}, chain)]
            upkeep = self.started()
            self.assertIsNone(upkeep.source.pair)
            self.assertIn("the directory's certificate can not be used", upkeep.record.why)
            upkeep.stopService()
            self.pass_time(400)

    def test_who_waits_is_told_of_it(self) -> None:
        self.directory.instead["/dir"] = [AcmeFailed("nobody there")]
        upkeep = self.upkeep()
        waiting = as_deferred(upkeep.first())
        upkeep.startService()
        self.pass_time(1.0)
        self.successResultOf(waiting)
        self.successResultOf(as_deferred(upkeep.first()))
        self.assertIsNone(upkeep.source.pair)

    def test_what_is_broken_is_said_and_tried_again(self) -> None:
        self.directory.instead["/dir"] = [ZeroDivisionError("oh")]
        upkeep = self.started()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(upkeep.record.words, {"internal": 1})
        self.pass_time(80)
        self.assertIsNotNone(upkeep.source.pair)

    def test_a_folder_that_can_not_be_written(self) -> None:
        with open(self.folder, "w"):
            pass
        upkeep = self.started()
        self.assertEqual((upkeep.source.pair, upkeep.record.words), (None, {"state": 1}))
        self.assertEqual(self.directory.asked, [])
        os.unlink(self.folder)
        self.pass_time(80)
        self.assertIsNotNone(upkeep.source.pair)

    def test_it_is_served_though_it_can_not_be_kept(self) -> None:
        def broken() -> Reply:
            os.makedirs(os.path.join(self.folder, f"{self.one.file}.pem"))
            return Reply(200, {}, self.directory.chain)

        self.directory.instead["/chain"] = [broken]
        upkeep = self.started(seconds=3600)
        self.assertIsNotNone(upkeep.source.pair)
        self.assertEqual((upkeep.record.words, self.orders()), ({"state": 1}, 1))
        self.assertIn("will be gone after a restart", self.said[-2])

    def test_nobody_is_asked_when_nothing_could_be_kept(self) -> None:
        upkeep = self.upkeep()
        self.state.lock()
        os.makedirs(os.path.join(self.folder, f"{self.one.file}.json.new"))
        upkeep.startService()
        self.pass_time(5)
        self.assertEqual((self.directory.asked, upkeep.record.words), ([], {"state": 1}))
        os.rmdir(os.path.join(self.folder, f"{self.one.file}.json.new"))
        self.pass_time(80)
        self.assertIsNotNone(upkeep.source.pair)

    def test_another_process_has_the_folder(self) -> None:
        other = State(self.folder)
        other.lock()
        upkeep = self.started(seconds=60)
        self.assertEqual((upkeep.source.pair, upkeep.record.failures, self.directory.asked), (None, 0, []))
        self.assertEqual(sum("another process looks after" in said for said in self.said), 1)
        upkeep.renew()
        self.pass_time(1)
        pair = self_signed(["a.test"], datetime.datetime.fromtimestamp(NOW, datetime.UTC))
        other.write(f"{self.one.file}.pem", joined(pair))
        self.pass_time(15)
        self.assertEqual(upkeep.source.pair, pair)
        other.unlock()


class Ends(UpkeepCase):
    def test_in_the_middle_of_an_order(self) -> None:
        self.directory.proved = lambda name, token: "pending"
        upkeep = self.started()
        self.assertEqual(len(self.answers.texts), 1)
        self.successResultOf(upkeep.stopService())
        self.assertEqual((self.answers.texts, upkeep.record.failures), ({}, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_while_it_is_waited_for_an_answer(self) -> None:
        waiting: Deferred[Any] = Deferred()
        self.directory.instead["/dir"] = [waiting]
        upkeep = self.started()
        self.successResultOf(upkeep.stopService())
        self.assertTrue(waiting.called)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_while_others_have_their_turn(self) -> None:
        self.turns.acquire()
        upkeep = self.started()
        self.assertEqual(self.directory.asked, [])
        self.successResultOf(upkeep.stopService())
        self.turns.release()
        self.assertEqual(self.turns.tokens, 1)

    def test_while_a_proof_can_not_be_taken_away(self) -> None:
        self.directory.proved = lambda name, token: "pending"
        upkeep = self.started()

        async def hide(*words: str) -> None:
            await Deferred()

        self.patch(self.answers, "hide", hide)
        found = upkeep.stopService()
        self.assertNoResult(found)
        self.pass_time(11.0)
        self.successResultOf(found)

    def test_before_it_began(self) -> None:
        upkeep = self.upkeep()
        upkeep.startService()
        self.successResultOf(upkeep.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])
