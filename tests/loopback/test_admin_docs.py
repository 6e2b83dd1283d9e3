"""docs/admin.md shows what the real commands say to a real gateway."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.loopback.conversation import Conversation
from tests.loopback.load import Load
from tests.loopback.peers import CountingBackend, Gateway, LoopbackTestCase, eventually, free_port
from tests.loopback.web import answer, metric
from tests.test_docs import ROOT, tested
from toron.admin.endpoint import PREFIX
from toron.admin.router import endpoints
from toron.cli import _words as words

PAGE = "docs/admin.md"


def shape(text: str) -> str:
    """The text without what is different each time: numbers, times, hashes, and the widths of columns."""
    text = re.sub(r"\b[0-9a-f]{32}\b", "HASH", text)
    text = re.sub(r"\d(?:[\d.:-]*\d)?", "N", text)
    text = re.sub(r"N(?:ms|[smhd])(?: N[smh])?\b", "TIME", text)
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


class Console(LoopbackTestCase):
    """A page whose blocks can be done, with one gateway."""

    page: str

    def setUp(self) -> None:
        def back(conversation: Conversation) -> None:
            while data := conversation.read():
                conversation.send(data)

        servers = [CountingBackend(answer("")), CountingBackend(answer("")), CountingBackend(back)]
        self.ports = {"8080": free_port(), "5432": free_port(), "9901": free_port()}
        for port, server in zip(("9001", "9002", "9003"), servers, strict=True):
            self.ports[port] = self.start(server).port
        gateway = Gateway(self.here(tested(self.page, "config")) + "workers: 1\n")
        gateway.config = gateway.config.rename(gateway.folder / "toron.yaml")
        self.gateway = self.start(gateway)
        programs = self.gateway.folder / "bin"
        programs.mkdir()
        toron = programs / "toron"
        toron.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m toron "$@"\n')
        toron.chmod(0o755)
        self.environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{programs}:{os.environ['PATH']}",
            "TORON_ADMIN": f"http://127.0.0.1:{self.ports['9901']}", "TZ": "UTC",
        }  # fmt: skip

    def here(self, text: str) -> str:
        """The text with the ports of this test."""
        return re.sub(r"\b(8080|5432|9901|900[123])\b", lambda found: str(self.ports[found[1]]), text)

    def said(self, name: str) -> str:
        """What the commands of a block really say, as the block has it."""
        lines = []
        for line in tested(self.page, name).splitlines():
            if line.startswith("$ "):
                lines.append(line)
                done = subprocess.run(
                    self.here(line[2:]), shell=True, cwd=self.gateway.folder, env=self.environment, text=True,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30,
                )  # fmt: skip
                lines += done.stdout.replace(f"{self.gateway.folder}/", "/etc/toron/").splitlines()
        return "\n".join(lines)

    def block(self, name: str) -> None:
        """Do what a block does, and compare."""
        said = self.said(name)
        self.assertEqual(shape(said), shape(tested(self.page, name)), f"{name}: really said\n{said}")

    def blocks(self) -> list[str]:
        """The names of those with commands."""
        return re.findall(r"<!-- tested: (\w+) -->\n```console", (ROOT / self.page).read_text())


class Page(Console):
    """The blocks of the page, in their order."""

    page = PAGE

    def test_what_commands_print_is_as_shown(self) -> None:
        checks = ["127.0.0.1:" + str(self.ports[port]) for port in ("9001", "9002")]
        for server in checks:
            eventually(
                lambda server=server: metric(  # type: ignore[misc]
                    self.ports["9901"], "toron_probes_total", backend="shop", server=server, result="passed"
                ) > 0, what="both were checked",
            )  # fmt: skip
        with socket.create_connection(("127.0.0.1", self.ports["5432"]), 10) as sock:
            sock.sendall(b"hello")
            self.assertEqual(sock.recv(10), b"hello")
            load = Load(self.ports["8080"], clients=2, pause=0.01)
            for name in self.blocks():
                if name == "top":
                    self.start(load)
                self.block(name)
                if name == "top":
                    load.close()


class Tables(SynchronousTestCase):
    """What the page lists is what there is."""

    def test_every_endpoint_is_explained(self) -> None:
        rows = re.findall(r"^\| `([A-Z]+) (/\S+)` \|", (ROOT / PAGE).read_text(), re.MULTILINE)
        self.assertEqual(sorted(rows), sorted((each.method, PREFIX + each.path) for each in endpoints()))

    def test_every_exit_code_is_explained(self) -> None:
        rows = re.findall(r"^\| (\d) \|", (ROOT / PAGE).read_text(), re.MULTILINE)
        codes = [0, words.REFUSED, words.WRONG_USAGE, words.UNREACHABLE]
        self.assertEqual(rows, [str(code) for code in codes])
        self.assertIn("admin.md", Path(ROOT, "README.md").read_text())
