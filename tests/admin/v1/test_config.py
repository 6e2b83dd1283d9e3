"""The configuration is told, changed and loaded again."""

from __future__ import annotations

import json

import yaml

from tests.admin.case import CONFIG, TOKEN, ApiCase, Got

YAML = "application/yaml"


class Telling(ApiCase):
    config = CONFIG.replace("admin: {}", f"admin: {{token: {TOKEN}}}")

    def look(self, **headers: str) -> Got:
        return self.ask("GET /config", authorization=f"Bearer {TOKEN}", **headers)

    def test_json_and_yaml_say_the_same_and_no_secret(self) -> None:
        found = self.look()
        self.assertEqual(found.body["listeners"][0]["timeouts"]["head"], "10s")
        self.assertEqual(
            found.body["admin"], {"address": "127.0.0.1", "port": 9901, "token": "<secret>", "api": True}
        )
        written = self.look(accept=f"{YAML}, */*")
        self.assertNotIn(TOKEN, written.body)
        self.assertEqual(yaml.safe_load(written.body), found.body)
        self.assertEqual(written.headers["etag"], found.headers["etag"])
        self.assertEqual(self.look(accept="*/*").body, found.body)


class Changing(ApiCase):
    def send(self, text: str, kind: str = YAML) -> Got:
        return self.ask("POST /config", text, content_type=kind)

    def body(self) -> str:
        found: str = self.ask("GET /config").body["routes"][-1]["respond"]["body"]
        return found

    def test_what_is_sent_serves_and_the_file_stays_as_it_is(self) -> None:
        got = self.send(CONFIG.replace("rest", "sent"))
        self.assertEqual((got.status, got.body["result"], got.body["source"]), (200, "applied", "api"))
        self.assertEqual(got.headers["etag"], got.body["etag"])
        self.assertEqual(self.body(), "sent")
        self.assertIn("rest", self.path.read_text())
        again = self.ask("POST /reload").body
        self.assertEqual((again["source"], self.body()), ("file", "rest"))

    def test_every_format(self) -> None:
        data = yaml.safe_load(CONFIG)
        data["routes"][-1]["respond"]["body"] = "json"
        self.assertEqual(self.send(json.dumps(data), "application/json; charset=utf-8").status, 200)
        self.assertEqual(self.body(), "json")
        toml = (
            "listeners = [{protocol = 'http', port = 8080, address = '127.0.0.1'}]\n"
            "routes = [{respond = {body = 'toml'}}]\n[admin]\n"
        )
        self.assertEqual(self.send(toml, "application/toml").status, 200)
        self.assertEqual(self.body(), "toml")

    def test_every_mistake_with_its_place(self) -> None:
        got = self.send("listners: []\nlisteners: [{protocol: http, port: 99999}]\n")
        self.assertEqual((got.status, got.body["word"]), (422, "rejected"))
        self.assertEqual(
            [(each["file"], each["line"], each["column"], each["severity"]) for each in got.body["problems"]],
            [("api.yaml", 1, 1, "error"), ("api.yaml", 2, 36, "error")],
        )
        self.assertEqual(got.body["detail"], "the configuration has 2 mistakes: nothing was changed")
        for text in ("", "{", "[]", "\x00", "a: b: c"):
            self.assertEqual(self.send(text).body["word"], "rejected", text)
        self.assertEqual(self.send("[", "application/json").body["problems"][0]["file"], "api.json")
        self.assertEqual(self.body(), "rest")

    def test_paths_begin_where_the_file_is(self) -> None:
        (self.path.parent / "secret").write_text("another-token-0123\n")
        (self.path.parent / "secret").chmod(0o600)
        got = self.send(CONFIG.replace("admin: {}", "admin: {token: {file: secret}}"))
        self.assertEqual(got.status, 200, got.body)

    def test_what_only_a_restart_can_change(self) -> None:
        got = self.send(CONFIG + "workers: 2\n")
        self.assertEqual(got.status, 422)
        self.assertIn("restart for this", got.body["problems"][0]["message"])

    def test_warnings(self) -> None:
        got = self.send(CONFIG.replace("backends:", "backends:\n  unused: {url: 'http://a'}"))
        (warning,) = got.body["warnings"]
        self.assertEqual((got.status, warning["severity"]), (200, "warning"))
        self.assertIn("never used", warning["message"])

    def test_a_file_that_is_gone(self) -> None:
        self.path.unlink()
        got = self.refused(422, "rejected", "POST /reload")
        self.assertEqual(got.body["detail"], "the configuration has 1 mistake: nothing was changed")
        self.assertIn("there is no such file", got.body["problems"][0]["message"])

    def test_a_gateway_that_stops(self) -> None:
        self.root.stopping = True
        got = self.refused(422, "rejected", "POST /reload")
        self.assertIn("stopping", got.body["problems"][0]["message"])
