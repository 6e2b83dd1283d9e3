"""The demo answers the commands that `make run` prints, typed as they are printed."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.loopback.gateway import ROOT
from tests.loopback.peers import Gateway, LoopbackTestCase
from tests.loopback.process import find_program

DEMO = ROOT / "etc" / "demo.yaml"

SEEN = {
    "curl http://127.0.0.1:8080/": r"\Ahello from server (one|two)\n\Z",
    "curl -k https://localhost:8443/": r"\Ahello from server (one|two)\n\Z",
    "/old/page": r"\AHTTP/1\.1 308 Permanent Redirect\n(.*\n)*Location: /echo/page\n",
    "-d body": r'"method": "POST",\s+"path": "/echo\?colour=red",(.*\s)+.*"body": "body"',
    "/limited": r"\A200\n200\n200\n429\n\Z",
    "websockets": r"< hello",
    "/dev/tcp/": r"\Ahello\n\Z",
    "/dev/udp/": r"\Ahello\n\Z",
    "/metrics": r'\ntoron_http_requests_total\{code="200",listener="web",route="1:\*/"\} ',
}
"""A piece of each command, and what a person then sees."""


class Demo(LoopbackTestCase):
    """etc/demo.yaml with other port numbers, so that it may run beside a real one."""

    def setUp(self) -> None:
        text = DEMO.read_text()
        self.commands = re.findall(r"^# try: (.*)$", text, re.MULTILINE)
        ports = sorted(set(re.findall(r"\bport: (\d+)", text)))
        self.port_of = "|".join(ports)
        marked = re.sub(rf"\b({self.port_of})\b", r"@P\1@", text)
        self.gateway = self.start(Gateway(marked))

    def typed(self, command: str) -> str:
        """What the command prints."""
        command = re.sub(
            rf"\b({self.port_of})\b", lambda port: str(self.gateway.ports[f"P{port[1]}"]), command
        )
        command = command.replace(".venv/bin/websockets", f"{sys.executable} -m websockets")
        command = command.replace("curl ", f"{find_program('curl')} -sS ")
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, timeout=20, check=False
        )
        self.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")
        return done.stdout

    def test_every_command_shows_what_it_should(self) -> None:
        left = dict(SEEN)
        for command in self.commands:
            (piece,) = [piece for piece in SEEN if piece in command and not piece.startswith("curl")] or [
                command
            ]
            self.assertRegex(self.typed(command), left.pop(piece), command)
        self.assertEqual(left, {}, "a command that is not printed any more")

    def test_both_servers_answer_in_turn(self) -> None:
        said = {self.typed("curl http://127.0.0.1:8080/") for _ in range(2)}
        self.assertEqual(said, {"hello from server one\n", "hello from server two\n"})

    def test_the_commands_are_what_make_run_prints(self) -> None:
        makefile = (ROOT / "Makefile").read_text()
        self.assertIn("sed -n 's/^# try: /  /p' etc/demo.yaml", makefile)

    def test_it_stops_when_it_is_interrupted(self) -> None:
        self.assertEqual(self.gateway.stop(2), 0)
        self.assertNotRegex(self.gateway.log(), "(?i)traceback|unhandled|critical")
