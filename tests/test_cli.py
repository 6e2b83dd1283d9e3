"""The command line, as somebody types it."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml
from click.testing import CliRunner, Result
from twisted.scripts import twistd

import toron
from tests.config.case import ConfigCase
from tests.config.test_load import FIRST
from toron import plugin
from toron.cli import main
from toron.config.reference import reference

BAD = "listners: []\nlisteners: [{protocol: tcp, port: 80, echo: {}}]\n"
GOOD = "listeners: [{protocol: tcp, port: 80, echo: {}}]\nadmin: {address: 0.0.0.0}\n"
WARNING = "2:18: warning: the admin port is open to other machines: write 127.0.0.1 to keep it to this one"
VALID = " valid (1 listener, 0 routes, 0 backends)"
ERROR = "1:1: unknown key 'listners': did you mean 'listeners'?"


class Commands(ConfigCase):
    """Each: what is typed, and what is printed."""

    def run_cli(self, *words: str) -> Result:
        return CliRunner().invoke(main, words, prog_name="toron")

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
        problem = {"line": 1, "column": 1, "severity": "error", "message": ERROR.removeprefix("1:1: ")}
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

    def test_the_default_file(self) -> None:
        self.write("toron.toml", "listeners = [{protocol = 'tcp', port = 1, echo = {}}]")
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(self.folder)
        self.assertEqual(self.run_cli("check").exit_code, 0)
        os.remove("toron.toml")
        result = self.run_cli("check")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("There is no toron.yaml", result.stderr)

    def test_tests_that_fail(self) -> None:
        text = GOOD + "tests:\n  - {request: 'tcp://a:80', expect: {reason: no_route}}\n"
        path = self.write("a.yaml", text)
        said = "4:46: expected 'no_route', and nothing came: the route \"the listener's own echo\" at line 1 takes it"
        result = self.run_cli("check", path)
        self.assertEqual((result.exit_code, result.stderr), (1, f"{path}:{WARNING}\n{path}:{said}\n"))
        self.write("a.yaml", text.replace("{reason: no_route}", "{route: the listener's own echo}"))
        self.assertEqual(self.run_cli("check", path).exit_code, 0)

    def test_explain(self) -> None:
        path = self.write("a.yaml", """
            listeners: [{protocol: http, port: 80, guards: [{deny: 192.0.2.0/24}]}]
            routes:
              - {name: a, match: {path: /a, methods: POST, headers: {X-A: "1"}}, respond: {}}
              - {name: rest, match: {path: /}, redirect: /a}
            """)  # fmt: skip
        asked = ["explain", "-c", path, "http://x/a"]
        result = self.run_cli(*asked, "-X", "POST", "-H", "X-A: 1")
        self.assertEqual((result.exit_code, result.stderr), (0, ""))
        self.assertEqual(result.stdout.splitlines()[0], "POST http://x/a from 127.0.0.1")
        self.assertIn(f"├─ route a  [{path}:3:5]", result.stdout.splitlines())
        result = self.run_cli(*asked, "--json", "--listener", "http-80")
        record = json.loads(result.stdout)
        self.assertEqual((result.exit_code, record["route"]["place"]), (0, f"{path}:4:5"))
        self.assertEqual(record["outcome"]["status"], 308)
        self.assertEqual(record["near"][0]["missed"]["what"], "methods")
        refused = self.run_cli(*asked, "--client", "192.0.2.1")
        self.assertEqual(refused.exit_code, 1)
        self.assertEqual(refused.stdout.splitlines()[-1], "└─ refused: address_denied")

    def test_explain_tells_what_is_wrong_with_the_file(self) -> None:
        path = self.write("a.yaml", BAD)
        result = self.run_cli("explain", "-c", path, "tcp://a:80")
        self.assertEqual((result.exit_code, result.stdout, result.stderr), (2, "", f"{path}:{ERROR}\n"))

    def test_explain_wrong_usage(self) -> None:
        path = self.write("a.yaml", GOOD)
        for words, said in (
            (["ftp://a"], "is not asked about"),
            (["http://a", "-H", "x"], "'x' is not a header: write 'Name: value'"),
            (["http://a", "--client", "x"], "'x' is not an address"),
            (["tcp://a:80", "--listener", "x"], "there is no listener 'x': there are tcp-80"),
            ([], "Missing argument 'URL'"),
        ):
            result = self.run_cli("explain", "-c", path, *words)
            self.assertEqual((result.exit_code, result.stdout), (2, ""), words)
            self.assertIn(said, result.stderr)

    def test_wrong_usage(self) -> None:
        for words in (
            ["check", "--nope"], ["nope"], ["run"], ["completion", "csh"], ["check", "--json", "--effective", "x"],
        ):  # fmt: skip
            result = self.run_cli(*words)
            self.assertEqual(result.exit_code, 2, words)
            self.assertIn("Error: ", result.stderr)

    def test_help_has_examples(self) -> None:
        for words in ([], ["check"], ["explain"], ["schema"], ["run"], ["completion"]):
            result = self.run_cli(*words, "--help")
            self.assertEqual(result.exit_code, 0)
            self.assertRegex(result.stdout, r"Examples:\n +(sudo |eval \"\$\()?toron ")

    def test_version(self) -> None:
        self.assertEqual(self.run_cli("--version").stdout, f"toron {toron.__version__}\n")

    def test_what_it_runs_on(self) -> None:
        lines = self.run_cli("--version", "-v").stdout.splitlines()
        self.assertEqual(lines[0], f"toron {toron.__version__}")
        self.assertRegex(lines[1], r"^hot path: (compiled|pure Python \(.+\))$")
        self.assertEqual([line.split(":")[0] for line in lines[2:]], ["Python", "Twisted", "OpenSSL"])

    def test_schema(self) -> None:
        found = json.loads(self.run_cli("schema").stdout)
        self.assertIn("listeners", found["properties"])
        self.assertIn("jwt", found["properties"]["middlewares"]["properties"])

    def test_schema_for_people(self) -> None:
        result = self.run_cli("schema", "--markdown")
        self.assertEqual((result.exit_code, result.stdout), (0, reference(plugin)))

    def test_completion(self) -> None:
        for shell in ("bash", "zsh", "fish"):
            result = self.run_cli("completion", shell)
            self.assertEqual(result.exit_code, 0, result.output)
            self.assertIn("_TORON_COMPLETE", result.stdout)

    def test_run(self) -> None:
        seen: list[list[str]] = []
        self.patch(sys, "argv", sys.argv)
        self.patch(twistd, "run", lambda: seen.append(sys.argv))
        self.assertEqual(self.run_cli("run", "-c", "a.yaml").exit_code, 0)
        self.assertEqual(
            self.run_cli("run", "-c", "a.yaml", "--uid", "nobody", "--gid", "nogroup").exit_code, 0
        )
        start = ["twistd", "-n", "--pidfile="]
        self.assertEqual(
            seen,
            [
                [*start, "toron", "-c", "a.yaml"],
                [*start, "--uid", "nobody", "--gid", "nogroup", "toron", "-c", "a.yaml"],
            ],
        )

    def test_checking_needs_no_reactor(self) -> None:
        path = self.write("a.yaml", GOOD)
        code = (
            "import sys; from toron.cli import main\n"
            f"try: main(['check', {path!r}])\n"
            "except SystemExit as end: assert not end.code, end.code\n"
            "assert 'twisted.internet.reactor' not in sys.modules\n"
        )
        environ = os.environ | {"PYTHONPATH": str(Path(toron.__file__).parents[1])}
        done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, f"{path}:{WARNING}\n{path}:{VALID}\n"))

    def test_as_a_module(self) -> None:
        environ = os.environ | {"PYTHONPATH": str(Path(toron.__file__).parents[1])}
        command = [sys.executable, "-m", "toron", "--version"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True)
        self.assertEqual(done.stdout, f"toron {toron.__version__}\n")
