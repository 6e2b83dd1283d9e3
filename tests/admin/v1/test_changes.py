"""Changes are planned, applied, confirmed, taken back and remembered, by the admin API."""

from __future__ import annotations

import json

from tests.admin.case import TOKEN
from tests.changing.case import CONFIG, ChangingCase, text

YAML = "application/yaml"


class Planning(ChangingCase):
    def test_nothing_is_changed(self) -> None:
        got = self.ask("POST /plan?name=new.yaml", text("two"), content_type=YAML)
        [change] = got.body["changes"]
        self.assertEqual((change["action"], change["kind"], change["name"]), ("change", "route", "a"))
        self.assertEqual(change["place_before"], f"{self.path}:4:10")
        self.assertEqual(change["place_after"], "new.yaml:4:10")
        self.assertEqual((got.body["live"], got.body["connections"], got.body["refused"]), (True, [], []))
        self.assertEqual((self.serves, self.on_disk), ("one", CONFIG))
        self.heard("POST /api/v1/plan: 200 planned")
        self.assertEqual(self.reload.stats.results, {"applied": 0, "rejected": 0})

    def test_what_its_file_is_called(self) -> None:
        for name, called in (("", "new.yaml"), ("x.yml", "x.yml"), ("stdin", "stdin.yaml")):
            got = self.ask(f"POST /plan?name={name}", text("two"), content_type=YAML)
            self.assertEqual(got.body["changes"][0]["place_after"], f"{called}:4:10")

    def test_mistakes(self) -> None:
        got = self.refused(422, "rejected", "POST /plan", "listeners: [", content_type=YAML)
        self.assertEqual(got.body["problems"][0]["file"], "new.yaml")
        got = self.ask("POST /plan", text("two") + "workers: 4\n", content_type=YAML)
        self.assertEqual((got.status, len(got.body["refused"]), len(got.body["changes"])), (200, 1, 2))
        self.refused(415, "wrong_content_type", "POST /plan", "{}", content_type="text/plain")

    def test_another_format(self) -> None:
        data = {"listeners": [{"name": "web", "protocol": "http", "address": "127.0.0.1", "port": 8080}]}
        got = self.ask("POST /plan", json.dumps(data))
        self.assertEqual([each["action"] for each in got.body["changes"]], ["remove", "remove"])


class Doing(ChangingCase):
    def test_who_does_it(self) -> None:
        self.apply(text("two"))
        self.apply(text("three"), author="me")
        entries = self.ask("GET /history").body["entries"]
        self.assertEqual([each["author"] for each in entries], ["me", "127.0.0.1", "start"])
        self.heard("POST /api/v1/apply: 200 applied as 3")

    def test_only_what_is_known(self) -> None:
        etag = self.ask("GET /config").headers["etag"]
        self.apply(text("two"))
        body = json.dumps({"configuration": text("three")})
        self.refused(412, "stale", "POST /apply", body, if_match=etag)
        self.refused(412, "stale", "POST /rollback", "{}", if_match=etag)
        self.assertEqual(self.serves, "two")

    def test_another_change_comes_first(self) -> None:
        etag = self.ask("GET /config").headers["etag"]
        self.root.opened = False
        self.write(text("of the file"))
        self.reload.ask()
        body = json.dumps({"configuration": text("sent"), "overwrite": True})
        late = self.begin("POST /apply", body, if_match=etag)
        self.root.opened = True
        self.advance(2)
        page = self.successResultOf(late)
        self.assertEqual((page.status, json.loads(page.body)["word"]), (412, "stale"))
        self.assertEqual((self.serves, self.progress()["state"]), ("of the file", "idle"))
        self.assertEqual(self.apply(text("sent")).status, 200)

    def test_bad_bodies(self) -> None:
        for body in ("", "{}", "[]", '{"configuration": 5}', '{"configuration": "", "x": 1}'):
            self.refused(400, "bad_body", "POST /apply", body)
        self.refused(400, "bad_body", "POST /confirm", '{"id": 1}')

    def test_with_a_token_only(self) -> None:
        self.serve(CONFIG.replace("admin: {}", f"admin: {{token: {TOKEN}}}"))
        for what in ("POST /plan", "POST /apply", "POST /confirm", "POST /rollback", "GET /history"):
            self.refused(401, "token_missing", what)


class Remembering(ChangingCase):
    def test_the_newest_first(self) -> None:
        for word in ("two", "three"):
            self.apply(text(word), message=f"to {word}")
        entries = self.ask("GET /history?limit=2").body["entries"]
        self.assertEqual([(each["id"], each["serving"]) for each in entries], [(3, True), (2, False)])
        entry = self.ask("GET /history/3").body
        self.assertIn("-routes: [{name: a, respond: {body: two}}]\n+routes", entry["diff"])
        self.assertEqual((entry["message"], entry["added"], entry["removed"]), ("to three", 1, 1))

    def test_what_is_not_there(self) -> None:
        for number in ("9", "x", "-1", "%C2%B2"):
            self.refused(404, "unknown_entry", f"GET /history/{number}")
        for limit in (-1, 1001):
            self.refused(400, "bad_query", f"GET /history?limit={limit}")

    def test_who_else_changes_something(self) -> None:
        self.write(text("edited"))
        self.reload.ask()
        self.advance(0.5)
        self.ask("POST /config", text("sent"), content_type=YAML)
        entries = self.ask("GET /history").body["entries"]
        self.assertEqual([each["author"] for each in entries], ["api", "SIGHUP", "start"])
        self.assertFalse(self.progress()["saved"])
        self.reload.ask()
        self.advance(0.5)
        self.reload.ask()
        self.advance(0.5)
        entries = self.ask("GET /history").body["entries"]
        self.assertEqual(len(entries), 4, "the same text again is no change")
