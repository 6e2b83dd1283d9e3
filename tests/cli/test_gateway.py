"""The gateway that is meant, and what goes wrong on the way to it."""

from __future__ import annotations

import json
import socket
import threading

import click

from tests.cli.admin_port import AdminCase
from tests.loopback.sockets import free_port
from toron.cli._gateway import DEFAULT, Gateway, Said, Unreachable

PROBLEM = {
    "title": "Not Found", "status": 404, "detail": "there is no backend 'x'", "next": "take another",
    "word": "unknown_backend", "known": ["api", "db"],
}  # fmt: skip
TOKEN = "0123456789abcdef"


class Finding(AdminCase):
    """Which gateway is meant."""

    def setUp(self) -> None:
        super().setUp()
        self.port.answers["GET servers"] = 200, {"servers": []}

    def test_by_an_option_or_a_variable(self) -> None:
        for words, environ in (
            (("servers", "--admin", self.port.url), {"TORON_ADMIN": "http://127.0.0.1:1"}),
            (("servers", "--admin", self.port.url + "/", "list"), {"TORON_ADMIN": "http://127.0.0.1:1"}),
            (("servers", "list", "--admin", self.port.url), {"TORON_ADMIN": "http://127.0.0.1:1"}),
            (("servers", "list"), {}),
        ):
            result = self.type(*words, **environ)
            self.assertEqual(result.exit_code, 0, result.output)
        self.assertEqual(DEFAULT, "http://127.0.0.1:9901")

    def test_by_its_configuration(self) -> None:
        port = self.port.url.rpartition(":")[2]
        for address in ("127.0.0.1", "0.0.0.0"):
            path = self.write(
                "a.yaml",
                "listeners: [{protocol: tcp, port: 1, echo: {}}]\n"
                f"admin: {{address: {address}, port: {port}, token: {TOKEN}}}\n",
            )
            result = self.type("servers", "-c", path, TORON_ADMIN="http://127.0.0.1:1")
            self.assertEqual(result.exit_code, 0, result.output)

    def test_a_configuration_that_does_not_say(self) -> None:
        path = self.write("a.yaml", "listeners: [{protocol: tcp, port: 1, echo: {}}]")
        result = self.type("servers", "-c", path)
        self.assertEqual(result.exit_code, 2)
        self.assertIn("has no admin port: write admin: {} in it", result.stderr)
        result = self.type("servers", "-c", self.write("b.yaml", "listners: []"))
        self.assertEqual(result.exit_code, 2)
        self.assertIn("b.yaml:1:1: ", result.stderr)
        self.assertEqual(self.type("servers", "-c", path, "--admin", "http://a:1").exit_code, 2)

    def test_addresses_that_are_none(self) -> None:
        for url in (
            "127.0.0.1:9901",
            "https://a:1",
            "http://",
            "http://a:x",
            "http://a:99999",
            "http://a:1/b",
            "a",
        ):
            result = self.type("servers", "--admin", url)
            self.assertEqual(result.exit_code, 2, url)
            self.assertIn("write http://HOST:PORT", result.stderr)
        self.assertEqual(Gateway("http://[::1]:1").url, "http://[::1]:1")


class Tokens(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        self.port.answers["GET servers"] = 200, {"servers": []}

    def said(self) -> str | None:
        return self.port.asked[-1].headers.get("authorization")

    def test_where_it_comes_from(self) -> None:
        self.type("servers")
        self.assertIsNone(self.said())
        self.type("servers", TORON_ADMIN_TOKEN=TOKEN)
        self.assertEqual(self.said(), f"Bearer {TOKEN}")
        path = self.write("token", "abcdefghijklmnop\n")
        self.type("servers", "--token-file", path, TORON_ADMIN_TOKEN=TOKEN)
        self.assertEqual(self.said(), "Bearer abcdefghijklmnop")
        self.type("servers", "--token-file", path, "list")
        self.assertEqual(self.said(), "Bearer abcdefghijklmnop")

    def test_files_without_one(self) -> None:
        for path in ("absent", self.folder, self.write("token", b"\xff")):
            result = self.type("servers", "--token-file", path)
            self.assertEqual(result.exit_code, 2)
            self.assertIn(f"The token can not be read from {path}: ", result.stderr)


class Answers(AdminCase):
    """What comes back."""

    def test_what_the_gateway_refuses(self) -> None:
        self.port.answers["GET servers?backend=x"] = 404, PROBLEM
        result = self.type("servers", "list", "x")
        self.assertEqual(
            (result.exit_code, result.stdout, result.stderr),
            (1, "", "Error: there is no backend 'x': take another\nknown: api, db\n"),
        )
        result = self.type("servers", "list", "x", "--json")
        self.assertEqual((result.exit_code, json.loads(result.stdout), result.stderr), (1, PROBLEM, ""))

    def test_every_problem_of_a_configuration(self) -> None:
        problems = [
            {"file": "a.yaml", "line": 1, "column": 2, "severity": "error", "message": "no"},
            {"file": "a.yaml", "line": 3, "column": 4, "severity": "warning", "message": "hm"},
        ]
        said = Said({**PROBLEM, "known": [], "problems": problems})
        self.assertEqual(
            said.message.splitlines(),
            ["a.yaml:1:2: no", "a.yaml:3:4: warning: hm", "there is no backend 'x'"],
        )

    def test_nobody_is_there(self) -> None:
        result = self.type("servers", TORON_ADMIN=f"http://127.0.0.1:{free_port()}")
        self.assertEqual(result.exit_code, 3)
        self.assertRegex(
            result.stderr, r"no gateway answers at http://127.0.0.1:\d+: Connection refused: start it"
        )
        result = self.type("servers", "--json", TORON_ADMIN=f"http://127.0.0.1:{free_port()}")
        self.assertEqual((result.exit_code, result.stderr), (3, ""))
        told = json.loads(result.stdout)
        self.assertEqual(told["word"], "unreachable")
        self.assertIn("Connection refused", told["detail"])

    def test_somebody_else_is_there(self) -> None:
        for answer in ((200, b"<html>"), (200, b"[]"), (404, b"not here"), (500, b"{}"), (200, b"")):
            self.port.answers["GET servers"] = answer
            result = self.type("servers")
            self.assertEqual(result.exit_code, 3, answer)
            self.assertIn("is no admin API of toron", result.stderr)

    def test_one_that_says_nonsense_and_hangs_up(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def serve() -> None:
                accepted, _ = listening.accept()
                with accepted:
                    accepted.recv(1000)
                    accepted.sendall(b"nonsense\r\n\r\n")

            thread = threading.Thread(target=serve)
            thread.start()
            gateway = Gateway(f"http://127.0.0.1:{listening.getsockname()[1]}")
            self.assertRaises(Unreachable, gateway.get, "status")
            thread.join(5)

    def test_names_are_encoded(self) -> None:
        self.port.answers["POST backends/a%2Fb/servers/%5B%3A%3A1%5D%3A80/drain"] = 200, {"ok": True}
        gateway = Gateway(self.port.url, TOKEN)
        self.assertEqual(
            gateway.post("backends", "a/b", "servers", "[::1]:80", "drain", if_match='"x"'), {"ok": True}
        )
        asked = self.port.asked[-1]
        self.assertEqual((asked.body, asked.headers["if-match"]), (b"{}", '"x"'))
        self.assertEqual(asked.headers["content-type"], "application/json")
        self.assertTrue(issubclass(Unreachable, click.ClickException))
