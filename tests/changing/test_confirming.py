"""A change that waits: who decides, by when, and what becomes of the file."""

from __future__ import annotations

import json
import shutil

from tests.admin.case import ApiCase
from tests.changing.case import CONFIG, ChangingCase, text
from toron import plugin
from toron.changing import asked, confirming, own_file
from toron.config.load import Loaded, load_text


class Ends(ChangingCase):
    """Each way in which it is decided."""

    def setUp(self) -> None:
        super().setUp()
        self.advance(30)

    def over(self, result: str, serves: str, reason: str = "") -> None:
        found = self.progress()
        self.assertEqual((found["state"], found["result"], found["left"]), ("idle", result, 0.0))
        self.assertEqual(found["reason"], reason)
        self.assertEqual(self.serves, serves)
        self.assertEqual(self.on_disk, text(serves), "the file says what serves")
        self.assertTrue(found["saved"])

    def test_at_once(self) -> None:
        got = self.apply(text("two"), author="me", message="why")
        self.assertEqual(
            (got.body["state"], got.body["result"], got.body["saved"]), ("idle", "applied", True)
        )
        self.over("applied", "two")

    def test_nobody_confirms_it(self) -> None:
        self.waits(text("two"))
        self.assertEqual((self.serves, self.on_disk), ("two", CONFIG))
        self.advance(59)
        self.assertEqual(self.progress()["state"], "watching")
        self.advance(2)
        self.over("went back", "one", "not confirmed within 60s")
        self.heard("change 2 goes back: not confirmed within 60s")
        self.assertEqual(self.reload.stats.returns, {"condition": 0, "not_confirmed": 1, "asked": 0})

    def test_somebody_does(self) -> None:
        self.waits(text("two"))
        self.assertEqual(self.progress()["needs"], "confirmation")
        self.assertEqual(self.ask("POST /confirm").body["result"], "confirmed")
        self.over("confirmed", "two")
        self.advance(120)
        self.over("confirmed", "two")

    def test_too_late(self) -> None:
        self.waits(text("two"), 5)
        self.advance(6)
        got = self.refused(409, "nothing_waits", "POST /confirm")
        self.assertIn("the last one went back: not confirmed within 5s", got.body["next"])
        self.refused(409, "nothing_waits", "POST /confirm")
        self.over("went back", "one", "not confirmed within 5s")

    def test_the_condition_holds(self) -> None:
        self.waits(text("two"), rollback_if="error_rate > 2%")
        self.answers(99)
        self.advance(1)
        self.assertEqual(self.progress()["figures"], ["error_rate is 0% (99 requests in 1s)"])
        self.answers(10, 502)
        self.advance(1)
        reason = self.progress()["reason"]
        self.assertRegex(reason, r"\Aerror_rate is 9.17% > 2% \(109 requests in 1\.\ds\)\Z")
        self.over("went back", "one", reason)
        self.assertEqual(self.reload.stats.returns["condition"], 1)

    def test_a_condition_about_a_route_that_is_not_there(self) -> None:
        got = self.apply(text("two"), window="60s", rollback_if="p99(route b) > 2x")
        self.assertEqual((got.status, got.body["word"], got.body["known"]), (400, "bad_condition", ["a"]))
        self.assertEqual((self.serves, self.progress()["state"]), ("one", "idle"))
        self.waits(text("two").replace("name: a", "name: b"), rollback_if="p99(route b) > 2x")
        got = self.apply("listeners: [", window="60s", rollback_if="p99(route b) > 2x")
        self.assertEqual(got.body["word"], "change_under_way")
        self.ask("POST /confirm")
        got = self.apply("listeners: [", window="60s", rollback_if="p99(route b) > 2x")
        self.assertEqual(got.body["word"], "rejected", "the file is what is wrong first")

    def test_it_does_not_and_nobody_has_to_confirm(self) -> None:
        self.waits(text("two"), confirm=False, rollback_if="error_rate > 2%")
        self.assertEqual(self.progress()["needs"], "nothing")
        self.answers(200)
        self.advance(61)
        self.over("applied", "two")

    def test_slower_than_before(self) -> None:
        self.answers(200, seconds=0.002)
        self.waits(text("two"), rollback_if="p99 > 2x")
        self.answers(99, seconds=0.2)
        self.advance(2)
        self.assertEqual(self.progress()["state"], "watching", "too few to say")
        self.answers(1, seconds=0.2)
        self.advance(2)
        self.assertRegex(self.progress()["reason"], r"p99 is 248ms > 2x = 4\.9\dms \(100 requests")

    def test_by_hand(self) -> None:
        self.waits(text("two"))
        self.ask("POST /rollback", json.dumps({"author": "me"}))
        self.over("went back", "one", "me asked for it")

    def test_the_file_is_loaded_again(self) -> None:
        self.waits(text("two"))
        self.write(text("edited"))
        self.assertEqual(self.ask("POST /reload").body["result"], "applied")
        self.over("went back", "edited", "api took another configuration into service")
        self.advance(120)
        self.over("went back", "edited", "api took another configuration into service")

    def test_a_file_that_can_not_be_loaded_decides_nothing(self) -> None:
        self.waits(text("two"))
        self.write("listeners: [")
        self.ask("POST /reload")
        self.assertEqual((self.progress()["state"], self.serves), ("watching", "two"))

    def test_the_gateway_stops(self) -> None:
        self.waits(text("two"))
        [changing] = [each for each in self.root.services if isinstance(each, confirming.Changing)]
        changing.stopService()
        self.advance(120)
        self.assertEqual(self.on_disk, CONFIG)
        entry = self.ask("GET /history/2").body
        self.assertEqual(entry["reason"], "the gateway was stopped before it was confirmed")

    def test_the_time_is_over_while_the_gateway_drains(self) -> None:
        self.waits(text("two"), 5)
        self.root.stopping = True
        self.advance(10)
        self.assertEqual(self.ask("GET /history/2").body["result"], "waiting")

    def test_it_can_not_go_back(self) -> None:
        self.waits(text("two"), 5)
        self.patch(confirming, "given_back", _gone)
        self.advance(6)
        found = self.progress()
        self.assertEqual((found["state"], found["result"], self.serves), ("idle", "applied", "two"))
        self.assertIn(
            "it could not go back (not confirmed within 5s): nothing was changed: gone", found["reason"]
        )
        self.heard("change 2 could not go back: nothing was changed: gone")


def _gone(data: bytes) -> Loaded:
    raise OSError("gone")


class OneAfterTheOther(ChangingCase):
    def test_not_while_one_waits(self) -> None:
        self.waits(text("two"))
        got = self.refused(409, "change_under_way", "POST /apply", json.dumps({"configuration": CONFIG}))
        self.assertIn("change 2 waits to be decided, for 60 s more", got.body["detail"])
        self.refused(409, "change_under_way", "POST /rollback", '{"id": 1}')
        self.assertEqual(self.serves, "two")

    def test_a_plan_meanwhile(self) -> None:
        self.waits(text("two"))
        got = self.ask("POST /plan", CONFIG, content_type="application/yaml")
        [change] = got.body["changes"]
        self.assertEqual((change["keys"][0]["before"], change["keys"][0]["after"]), ("two", "one"))
        self.assertEqual(self.progress()["state"], "watching")

    def test_one_after_it_is_decided(self) -> None:
        self.waits(text("two"))
        self.ask("POST /confirm")
        self.assertEqual(self.apply(text("three")).body["id"], 3)
        self.assertEqual(self.serves, "three")

    def test_a_change_that_is_refused(self) -> None:
        got = self.apply("listeners: [{port: 99999}]\nrotes: []\n", window="60s", confirm=True)
        self.assertEqual((got.status, got.body["word"], len(got.body["problems"])), (422, "rejected", 3))
        self.assertEqual({each["file"] for each in got.body["problems"]}, {str(self.path.resolve())})
        self.assertEqual(self.progress()["state"], "idle")
        got = self.apply("rotes: []\n", name="new.yaml")
        self.assertEqual(got.body["problems"][0]["file"], "new.yaml", "as whoever sent it knows it")
        got = self.apply(text("two") + "workers: 2\n")
        self.assertIn("the number of workers can not be changed", got.body["detail"])
        self.assertEqual((self.serves, len(self.ask("GET /history").body["entries"])), ("one", 1))
        self.assertEqual(self.apply(text("two")).status, 200)


class Back(ChangingCase):
    def setUp(self) -> None:
        super().setUp()
        for word in ("two", "three", "four"):
            self.apply(text(word))

    def back(self, **said: object) -> str:
        got = self.ask("POST /rollback", json.dumps(said))
        self.assertEqual(got.status, 200, got.body)
        self.assertEqual(self.on_disk, text(self.serves))
        return self.serves

    def test_so_many_changes(self) -> None:
        self.assertEqual(self.back(steps=2), "two")
        self.assertEqual(self.back(), "four", "a rollback is a change")
        self.assertEqual(self.back(id=1), "one")
        found = self.ask("GET /history").body["entries"]
        self.assertEqual([each["message"] for each in found][:3], ["back to 1", "back to 4", "back to 2"])
        self.assertEqual(self.reload.stats.returns["asked"], 3)

    def test_a_change_that_went_back_does_not_count(self) -> None:
        self.waits(text("bad"), 5)
        self.advance(6)
        self.assertEqual(self.serves, "four")
        self.assertEqual(self.back(), "three")

    def test_further_than_is_known(self) -> None:
        for said in ({"steps": 4}, {"id": 99}, {"steps": 10**9}):
            self.refused(404, "unknown_entry", "POST /rollback", json.dumps(said))
        self.refused(400, "bad_body", "POST /rollback", '{"steps": 0}')


class TheFile(ChangingCase):
    def test_left_as_it_is(self) -> None:
        got = self.apply(text("two"), save=False)
        self.assertEqual((got.body["saved"], self.serves, self.on_disk), (False, "two", CONFIG))
        self.assertEqual(self.ask("GET /status").body["configuration"]["source"], "api")
        self.assertTrue(self.apply(text("three")).body["saved"])
        self.assertEqual(self.ask("GET /status").body["configuration"]["source"], "file")

    def test_one_that_can_not_be_written(self) -> None:
        self.patch(asked, "why_not", lambda path: "the folder is another user's")
        got = self.apply(text("two"))
        self.assertEqual((got.status, got.body["word"], self.serves), (409, "not_writable", "one"))
        self.assertIn("can not be replaced: the folder is another user's", got.body["detail"])
        self.assertIn("--no-save", got.body["next"])
        self.assertEqual(self.apply(text("two"), save=False).status, 200)

    def test_one_that_somebody_has_edited(self) -> None:
        self.write(text("edited"))
        got = self.apply(text("two"))
        self.assertEqual((got.status, got.body["word"], self.serves), (409, "file_edited", "one"))
        self.assertIn("--overwrite", got.body["next"])
        self.assertEqual(self.on_disk, text("edited"))
        self.assertTrue(self.apply(text("two"), overwrite=True).body["saved"])
        self.write(text("one"))
        self.assertTrue(self.apply(text("three")).body["saved"], "that has served, and is known")
        self.write(text("four"))
        self.assertTrue(self.apply(text("four")).body["saved"], "it says so already")

    def test_one_that_is_edited_while_a_change_waits(self) -> None:
        self.waits(text("two"))
        self.write(text("edited"))
        found = self.ask("POST /confirm").body
        self.assertEqual(
            (found["result"], found["saved"], self.on_disk), ("confirmed", False, text("edited"))
        )
        self.assertIn("it was edited meanwhile", found["warnings"][0]["message"])

    def test_one_that_was_applied_from_where_it_is(self) -> None:
        self.write(text("two"))
        self.waits(text("two"), 5)
        self.advance(6)
        self.assertEqual((self.serves, self.on_disk), ("one", CONFIG))
        self.assertTrue(self.progress()["saved"])
        self.waits(text("two"), 5)
        self.write(text("edited"))
        self.advance(6)
        self.assertEqual((self.serves, self.on_disk), ("one", text("edited")))
        self.assertFalse(self.progress()["saved"])

    def test_a_disk_that_is_full_when_it_is_confirmed(self) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        self.waits(text("two"))
        self.patch(own_file, "replace_file", full)
        found = self.ask("POST /confirm").body
        self.assertEqual((found["result"], found["saved"], found["state"]), ("confirmed", False, "idle"))
        self.assertIn("No space left on device", found["warnings"][0]["message"])
        self.assertEqual((self.serves, self.on_disk), ("two", CONFIG))

    def test_what_was_written_is_not_loaded_because_it_was_written(self) -> None:
        self.apply(text("two"))
        self.reload._touched(False)
        self.advance(0.5)
        self.assertEqual(self.reload.stats.results["applied"], 1)
        for word in ("three", "two"):
            self.write(text(word))
            self.reload._touched(False)
            self.advance(0.5)
            self.assertEqual(self.serves, word)
        self.apply(text("four"), save=False)
        self.reload._touched(False)
        self.advance(0.5)
        self.assertEqual(self.serves, "two", "what serves is not what the file says")
        self.apply(text("five"))
        self.path.unlink()
        self.reload._touched(False)
        self.advance(0.5)
        self.heard("there is no such file")

    def test_nothing_is_written_before_the_gateway_has_its_user(self) -> None:
        config = CONFIG + "history: {path: past}\n"
        loaded = load_text(config.encode(), "a.yaml", str(self.path.parent), plugin, {})
        self.assertEqual(self.apply(config, save=False).status, 200)
        folder = self.path.parent / "past"
        shutil.rmtree(folder)
        changing = confirming.Changing(
            self.reload, str(self.path.absolute()), loaded, self.gateway.connections
        )
        self.assertFalse(folder.exists())
        changing.startService()
        self.addCleanup(changing.stopService)
        self.assertEqual(len(list(folder.iterdir())), 1)

    def test_another_format(self) -> None:
        got = self.apply("{}", format="json")
        self.assertEqual((got.status, got.body["word"]), (409, "not_writable"))
        self.assertEqual(self.apply("{}", format="xml").body["word"], "bad_body")


class SeveralFiles(ChangingCase):
    """The file includes another, which nobody but its owner changes."""

    config = CONFIG + "include: conf.d/*.yaml\n"

    def serve(self, text: str, *, loopback: bool = True) -> None:
        self.part = self.path.parent / "conf.d" / "b.yaml"
        self.part.parent.mkdir()
        self.part.write_text("drain: {limit: 1s}\n")
        super().serve(text, loopback=loopback)

    def changed(self, body: str) -> str:
        return self.config.replace("one", body)

    @property
    def limit(self) -> float:
        return self.reload.current.config.drain.limit

    def test_what_is_applied_includes_what_is_there(self) -> None:
        self.part.write_text("drain: {limit: 2s}\n")
        got = self.apply(self.changed("two"))
        self.assertEqual((got.body["saved"], self.serves, self.limit), (True, "two", 2.0))
        self.assertEqual(self.on_disk, self.changed("two"))
        self.assertEqual(self.part.read_text(), "drain: {limit: 2s}\n")

    def test_a_mistake_in_it(self) -> None:
        self.part.write_text("drain: {limit: 2}\n")
        got = self.apply(self.changed("two"))
        self.assertEqual((got.status, self.serves, self.limit), (422, "one", 1.0))
        [problem] = got.body["problems"]
        self.assertEqual(
            (problem["file"], problem["line"], problem["column"]), (str(self.part.absolute()), 1, 16)
        )

    def test_going_back_takes_what_was_before(self) -> None:
        self.part.write_text("drain: {limit: 2s}\n")
        self.waits(self.changed("two"))
        self.assertEqual(self.limit, 2.0)
        self.advance(61)
        self.assertEqual((self.progress()["result"], self.serves, self.limit), ("went back", "one", 1.0))
        self.assertEqual(self.part.read_text(), "drain: {limit: 2s}\n")

    def test_a_change_of_it_is_one_of_the_history(self) -> None:
        self.ask("POST /reload")
        self.assertEqual(len(self.ask("GET /history").body["entries"]), 1, "nothing is different")
        self.part.write_text("drain: {limit: 2s}\n")
        self.ask("POST /reload")
        self.assertEqual(len(self.ask("GET /history").body["entries"]), 2)
        self.assertEqual(
            self.ask("GET /history/2").body["diff"],
            "--- conf.d/b.yaml (1)\n+++ conf.d/b.yaml (2)\n@@ -1 +1 @@\n-drain: {limit: 1s}\n"
            "+drain: {limit: 2s}\n",
        )

    def test_rollback(self) -> None:
        """What served is all of what serves; of what is not in the files somebody is told."""
        self.apply(self.changed("two"))
        self.part.write_text("drain: {limit: 2s}\n")
        self.ask("POST /reload")
        got = self.ask("POST /rollback", "{}").body
        self.assertEqual((self.serves, self.limit, got["saved"]), ("two", 1.0, False))
        [warning] = got["warnings"]
        self.assertEqual(warning["file"], str(self.part.absolute()))
        self.assertIn("it is not what serves since the rollback", warning["message"])
        self.part.write_text("drain: {limit: 1s}\n")
        got = self.ask("POST /rollback", json.dumps({"steps": 3})).body
        self.assertEqual((self.serves, self.limit, got["saved"]), ("one", 1.0, True))
        self.assertEqual(got["warnings"], [])

    def test_a_plan(self) -> None:
        self.part.write_text("drain: {limit: 2s}\n")
        got = self.ask("POST /plan?name=new.yaml", self.config, content_type="application/yaml").body
        [change] = got["changes"]
        [key] = change["keys"]
        place = str(self.part.absolute())
        self.assertEqual((key["key"], key["before"], key["after"]), ("limit", "1s", "2s"))
        self.assertEqual(
            (key["place_before"][-17:], key["place_after"]), ("conf.d/b.yaml:1:9", f"{place}:1:9")
        )


class WithoutReload(ApiCase):
    """Where nothing can be changed, that is said."""

    def test_it_is_refused(self) -> None:
        self.gateway._changing = None
        for what in ("GET /apply", "POST /confirm", "POST /rollback", "GET /history", "GET /history/1"):
            self.refused(501, "no_control", what)
