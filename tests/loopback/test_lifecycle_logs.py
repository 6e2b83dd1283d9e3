"""Log files that somebody moves away are opened anew by SIGUSR1, and no line is lost."""

from __future__ import annotations

import json
import signal
import threading

from tests.loopback.peers import Gateway, LoopbackTestCase, eventually
from tests.loopback.web import ask

CONFIG = """
listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]
routes: [{respond: {body: served}}]
access_log: access.log
"""


class Rotation(LoopbackTestCase):
    """As logrotate does it: move, then tell."""

    def setUp(self) -> None:
        gateway = Gateway(CONFIG, options=["-n", "--pidfile=", "--logfile", "own.log"])
        gateway.is_ready = lambda: "toron is ready" in self.read("own.log")  # type: ignore[method-assign]
        self.gateway = gateway
        self.start(gateway)

    def read(self, name: str) -> str:
        path = self.gateway.folder / name
        return path.read_text() if path.exists() else ""

    def rotate(self) -> None:
        folder = self.gateway.folder
        for name in ("access.log", "own.log"):
            (folder / name).rename(folder / f"{name}.1")
        self.gateway.kill(signal.SIGUSR1)
        eventually(lambda: (folder / "access.log").exists() and (folder / "own.log").exists())

    def test_new_files_under_load(self) -> None:
        over = threading.Event()
        self.addCleanup(over.set)
        counted: list[int] = []

        def load() -> None:
            while not over.is_set():
                counted.append(ask(self.gateway.port).status)

        client = threading.Thread(target=load)
        client.start()
        eventually(lambda: len(counted) > 30)
        self.rotate()
        so_far = len(counted)
        eventually(lambda: len(counted) > so_far + 30)
        over.set()
        client.join()
        self.assertEqual(self.gateway.stop(), 0)
        old, new = self.read("access.log.1").splitlines(), self.read("access.log").splitlines()
        self.assertGreater(min(len(old), len(new)), 20)
        self.assertEqual([json.loads(line)["status"] for line in old + new], counted)
        self.assertIn("toron is ready", self.read("own.log.1"))
        self.assertIn("toron has stopped", self.read("own.log"))
        self.assertEqual(self.gateway.log(), "", "nothing is said elsewhere")

    def test_a_folder_that_is_gone(self) -> None:
        folder = self.gateway.folder
        for name in ("access.log", "own.log"):
            (folder / name).rename(folder / f"{name}.1")
            (folder / name).mkdir()
        self.gateway.kill(signal.SIGUSR1)
        eventually(lambda: "the log goes on in the old file" in self.read("own.log.1"))
        self.assertEqual(ask(self.gateway.port).text, "served")
        eventually(lambda: self.read("access.log.1").count("\n") == 1)
