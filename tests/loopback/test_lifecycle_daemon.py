"""Started as a daemon, the gateway has its files where it was told, and does not fail in silence."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

from tests.loopback.peers import Gateway, LoopbackTestCase, eventually
from tests.loopback.sockets import LOOPBACK
from tests.loopback.web import ask

CONFIG = """
listeners:
  - {name: first, protocol: http, address: 127.0.0.1, port: @PORT@}
  - {name: second, protocol: tcp, address: 127.0.0.1, port: @SECOND@, echo: {}}
routes: [{respond: {body: served}}]
access_log: access.log
"""


class AsADaemon(LoopbackTestCase):
    """`twistd toron`, with its files in another folder."""

    def setUp(self) -> None:
        self.gateway = Gateway(CONFIG)
        self.addCleanup(self.gateway.close)
        self.files = self.gateway.folder / "elsewhere"
        self.files.mkdir()
        self.pidfile = self.files / "toron.pid"
        self.logfile = self.files / "toron.log"
        self.addCleanup(self.end)

    def launch(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Returns when the process that was started has ended, and the daemon serves or does not."""
        twistd = [word for word in self.gateway.command() if word not in ("-n", "--pidfile=")]
        at = twistd.index("toron")
        twistd[at:at] = ["--pidfile", str(self.pidfile), "--logfile", str(self.logfile), *options]
        return subprocess.run(
            twistd, cwd=self.gateway.folder, env={**os.environ, **self.gateway.environment}, timeout=20,
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def end(self) -> None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(self.pidfile.read_text()), signal.SIGKILL)

    def log(self) -> str:
        return self.logfile.read_text() if self.logfile.exists() else ""

    def test_serves_and_stops(self) -> None:
        done = self.launch("--rundir", "/")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        eventually(lambda: "toron is ready: first on " in self.log())
        self.assertEqual(ask(self.gateway.port).text, "served")
        pid = int(self.pidfile.read_text())
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not self.pidfile.exists())
        eventually(lambda: not Path(f"/proc/{pid}").exists())
        self.assertIn("toron has stopped", self.log())
        self.assertEqual(len(self.gateway.access()), 1, "what is relative is beside the configuration")

    def test_a_port_in_use(self) -> None:
        with socket.create_server((LOOPBACK, self.gateway.ports["SECOND"])):
            done = self.launch()
        self.assertEqual(done.returncode, 1)
        self.assertIn("listener 'second' can not listen", done.stderr)
        self.assertIn("listener 'second' can not listen", self.log())
        self.assertNotIn("Traceback", self.log())
        eventually(lambda: not self.pidfile.exists())

    def test_a_configuration_that_is_wrong(self) -> None:
        self.gateway.config.write_text("listners: []")
        done = self.launch()
        self.assertEqual(done.returncode, 1)
        self.assertIn(":1:1: unknown key 'listners': did you mean 'listeners'?", done.stderr)
        self.assertFalse(self.pidfile.exists())

    def test_a_log_file_that_cannot_be_opened(self) -> None:
        self.logfile.mkdir()
        done = self.launch()
        self.assertEqual(done.returncode, 1)
        self.assertIn("toron.log", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_a_daemon_has_no_standard_output(self) -> None:
        self.logfile = Path("-")
        done = self.launch()
        self.assertEqual((done.returncode, "a daemon has no standard output" in done.stderr), (1, True))
        self.logfile = self.files / "none"
