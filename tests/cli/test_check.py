"""`toron check`, as somebody types it."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

import json
import os

import yaml

from tests.cli.case import BAD, ERROR, GOOD, VALID, WARNING, CliCase
from tests.config.test_load import FIRST


class Check(CliCase):
    """Each: what is typed, and what is printed."""

    def test_check_a_good_file(self) -> None:
        path = self.write("a.yaml", GOOD)
        result = self.run_cli("check", path)
        said = f"{path}:{WARNING}\n{path}:{VALID}\n"
        self.assertEqual((result.exit_code, result.stdout, result.stderr), (0, "", said))

    def test_what_is_counted(self) -> None:
        path = self.write("a.yaml", """
            listeners:
              - {protocol: http, port: 1}
              - {protocol: sni, port: 2, routes: [{match: {sni: a.b}, backend: db}, {backend: {url: "tcp://a:2"}}]}
            routes: [{backend: {url: "http://a"}}]
            backends: {db: {url: "tcp://a:1"}}
            """)  # fmt: skip
        result = self.run_cli("check", path)
        self.assertEqual(result.stderr, f"{path}: valid (2 listeners, 3 routes, 3 backends)\n")

    def test_check_a_bad_file(self) -> None:
        path = self.write("a.yaml", BAD)
        result = self.run_cli("check", path)
        self.assertEqual((result.exit_code, result.stdout, result.stderr), (1, "", f"{path}:{ERROR}\n"))

    def test_check_several(self) -> None:
        good, bad = self.write("a.yaml", GOOD), self.write("b.yaml", BAD)
        result = self.run_cli("check", good, bad, "absent.yaml")
        absent = "absent.yaml:1:1: there is no such file: check the path"
        self.assertEqual(result.stderr, f"{good}:{WARNING}\n{good}:{VALID}\n{bad}:{ERROR}\n{absent}\n")
        self.assertEqual(result.exit_code, 1)

    def test_check_as_json(self) -> None:
        good, bad = self.write("a.yaml", GOOD), self.write("b.yaml", BAD)
        result = self.run_cli("check", "--json", good, bad)
        self.assertEqual((result.exit_code, result.stderr), (1, ""))
        files = json.loads(result.stdout)["files"]
        self.assertEqual([(file["file"], file["valid"]) for file in files], [(good, True), (bad, False)])
        problem = {
            "file": bad,
            "line": 1,
            "column": 1,
            "severity": "error",
            "message": ERROR.removeprefix("1:1: "),
        }
        self.assertEqual(files[1]["problems"], [problem])
        self.assertEqual(files[0]["problems"][0]["severity"], "warning")

    def test_effective(self) -> None:
        self.patch(os, "environ", dict(os.environ) | {"JWT_SECRET": "hunter2" * 5})
        path = self.write("a.yaml", FIRST.replace("- jwt\n", '- jwt: {secret: "${JWT_SECRET}"}\n'))
        result = self.run_cli("check", "--effective", path)
        valid = f"{path}: valid (1 listener, 1 route, 1 backend)\n"
        self.assertEqual((result.exit_code, result.stderr), (0, valid))
        self.assertEqual(yaml.safe_load(result.stdout)["listeners"][0]["timeouts"]["head"], "10s")
        self.assertIn("<secret>", result.stdout)
        self.assertNotIn("hunter2", result.stdout)

    def test_the_first_file_with_our_own_plug_ins(self) -> None:
        path = self.write("a.yaml", FIRST)
        environ = {key: value for key, value in os.environ.items() if key != "JWT_SECRET"}
        self.patch(os, "environ", environ)
        result = self.run_cli("check", path)
        self.assertEqual(result.exit_code, 1)
        self.assertRegex(result.stderr, r":10:9: jwt has no key: add secret: .*JWT_SECRET")
        environ["JWT_SECRET"] = "x" * 40
        self.assertEqual(self.run_cli("check", path).exit_code, 0)

    def test_tests_that_fail(self) -> None:
        text = GOOD + "tests:\n  - {request: 'tcp://a:80', expect: {reason: no_route}}\n"
        path = self.write("a.yaml", text)
        said = "4:46: expected 'no_route', and nothing came: the route \"the listener's own echo\" at line 1 takes it"
        result = self.run_cli("check", path)
        self.assertEqual((result.exit_code, result.stderr), (1, f"{path}:{WARNING}\n{path}:{said}\n"))
        self.write("a.yaml", text.replace("{reason: no_route}", "{route: the listener's own echo}"))
        self.assertEqual(self.run_cli("check", path).exit_code, 0)
