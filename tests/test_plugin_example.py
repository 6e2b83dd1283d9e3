"""The plug-ins of docs/writing-a-plugin.md work as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.loopback.peers import CountingBackend, Gateway, LoopbackTestCase, eventually, raw_exchange

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "writing-a-plugin.md"

GET = b"GET /thing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

FOLDER = '"""Takes the names of the files in a folder for servers, such as `10.0.0.1:8080`."""'

OTHERS = """
[metadata]
name = toron-example
version = 1.0

[options]
py_modules = timing, while_open

[options.entry_points]
toron.middleware =
    timing = timing
toron.guards =
    while-open = while_open
"""


def blocks() -> dict[str, str]:
    """The code blocks by the name of their file, or by their first line."""
    found: dict[str, str] = {}
    for name, text in re.findall(
        r"(?:<!-- file: (\S+) -->\n)?```(?:python|ini|yaml)\n(.*?)```", DOCUMENT.read_text(), re.DOTALL
    ):
        found[name or text.splitlines()[0]] = text
    return found


class DocumentedPlugins(LoopbackTestCase):
    def installed(self, files: dict[str, str]) -> str:
        """Installs a package of these files with pip; the folder it is in."""
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        source, target = Path(holder.name, "source"), Path(holder.name, "target")
        source.mkdir()
        for name, text in files.items():
            (source / name).write_text(text)
        (source / "setup.py").write_text("from setuptools import setup\nsetup()\n")
        words = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        done = subprocess.run(
            [sys.executable, *words, "--target", str(target), str(source)], capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return str(target)

    def gateway(self, target: str, config: str) -> Gateway:
        gateway = Gateway(config)
        gateway.environment["PYTHONPATH"] += f":{target}"
        return self.start(gateway)

    def test_the_balancer(self) -> None:
        found = blocks()
        target = self.installed({name: found[name] for name in ("setup.cfg", "longest_ago.py")})
        servers = [
            self.start(CountingBackend(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number))
            for number in (1, 2)
        ]
        written = found["backends:"]
        for number, server in enumerate(servers, 1):
            written = written.replace(f"127.0.0.1:900{number}", f"127.0.0.1:{server.port}")
        gateway = self.gateway(
            target,
            "listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]\n"
            "routes: [{backend: api}]\n" + written,
        )
        answers = b"".join(raw_exchange(gateway.port, GET)[-1:] for _ in range(6))
        self.assertEqual(answers, b"112211")

    def test_the_discovery_provider(self) -> None:
        setup = OTHERS.replace("timing, while_open", "folder").partition("toron.middleware")[0]
        setup += "toron.discovery =\n    folder = folder\n"
        target = self.installed({"setup.cfg": setup, "folder.py": blocks()[FOLDER]})
        servers = [
            self.start(CountingBackend(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number))
            for number in (1, 2)
        ]
        gateway = Gateway(
            "listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]\n"
            "routes: [{backend: {discovery: {folder: {folder: servers}}}}]\n"
        )
        gateway.environment["PYTHONPATH"] += f":{target}"
        first, second = (gateway.folder / "servers" / f"127.0.0.1:{server.port}" for server in servers)
        first.parent.mkdir()
        first.touch()
        self.start(gateway)
        self.assertEqual(raw_exchange(gateway.port, GET)[-1:], b"1")
        second.touch()
        first.unlink()
        eventually(lambda: raw_exchange(gateway.port, GET)[-1:] == b"2")

    def test_the_middleware_and_the_guard(self) -> None:
        found = blocks()
        target = self.installed(
            {
                "setup.cfg": OTHERS,
                "timing.py": found['"""Adds the time a request took to its response."""'],
                "while_open.py": found['"""Lets connections in only while a file exists."""'],
            }
        )
        gateway = self.gateway(
            target,
            "listeners:\n"
            "  - {protocol: http, address: 127.0.0.1, port: @PORT@, guards: [{while-open: {file: open}}]}\n"
            "routes: [{respond: {body: hi}, middlewares: [timing]}]\n"
            "access_log: access.log\n",
        )
        self.assertNotIn(b"HTTP/1.1", raw_exchange(gateway.port, GET))
        [line] = gateway.access(1)
        self.assertEqual((line["reason"], line["detail"]), ("address_not_allowed", "open is missing"))
        (gateway.folder / "open").touch()
        self.assertIn(b"\r\nServer-Timing: gateway;dur=", raw_exchange(gateway.port, GET))
