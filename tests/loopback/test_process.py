"""A program started by a test: ports, log, exit codes, and what happens when it misbehaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from unittest import TestResult, mock

from twisted.trial.unittest import SynchronousTestCase

from tests.loopback.case import LoopbackTestCase
from tests.loopback.process import Peer, PeerFailed, find_program, packages, run
from tests.loopback.sockets import answers, raw_exchange

LISTEN = """
import os, signal, socket, sys
listener = socket.create_server(("127.0.0.1", @PORT@))
print("listening", flush=True)
{more}
while True:
    connection, _ = listener.accept()
    connection.sendall(os.environ.get("WORD", "").encode())
    connection.close()
"""


class Script(Peer):
    """Python text as a peer."""

    program = "script"
    ready_within = 5.0
    stop_within = 5.0

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = self.fill(text)

    def command(self) -> list[str]:
        """The same Python as the test's."""
        return [sys.executable, "-c", self.text]


class Processes(LoopbackTestCase):
    """What a Peer promises."""

    def test_its_ports_its_environment_and_its_log(self) -> None:
        peer = Script(LISTEN.format(more=""))
        peer.environment = {"WORD": "hello"}
        self.start(peer)
        self.assertEqual(raw_exchange(peer.port, b""), b"hello")
        self.assertEqual(peer.log(), "listening\n")
        self.assertGreater(peer.rss(), 1 << 20)

    def test_placeholders(self) -> None:
        peer = Script("")
        self.addCleanup(peer.close)
        a, b, again, folder = peer.fill("@A@ @B@ @A@ @FOLDER@").split()
        self.assertEqual(a, again)
        self.assertNotEqual(a, b)
        self.assertEqual(peer.ports, {"A": int(a), "B": int(b)})
        self.assertEqual(folder, str(peer.folder))

    def test_the_exit_code_of_a_signal(self) -> None:
        peer = self.start(Script(LISTEN.format(more="")))
        self.assertEqual(peer.stop(), -signal.SIGTERM)
        self.assertEqual(peer.stop(signal.SIGKILL), -signal.SIGTERM, "stopped already")
        self.assertIn("listening", peer.log(), "the log can be read after the end")

    def test_the_exit_code_of_its_own(self) -> None:
        peer = self.start(Script(LISTEN.format(more="signal.signal(signal.SIGHUP, lambda *_: sys.exit(5))")))
        peer.kill(signal.SIGHUP)
        self.assertEqual(peer.wait(), 5)

    def test_it_ends_before_it_is_ready(self) -> None:
        peer = Script("import sys; 'port @PORT@'; print('no luck'); sys.exit(3)")
        failure = self.assertRaises(PeerFailed, self.start, peer)
        self.assertIn("ended with 3; its log:\nno luck", str(failure))

    def test_it_never_gets_ready(self) -> None:
        peer = Script("import time; 'port @PORT@'; print('thinking', flush=True); time.sleep(60)")
        peer.ready_within = 0.5
        failure = self.assertRaises(PeerFailed, self.start, peer)
        self.assertIn("did not answer within 0.5 s; its log:\nthinking", str(failure))
        self.assertEqual(peer.wait(), -signal.SIGKILL)

    def test_deaf_to_the_signal_it_is_killed_and_that_is_a_failure(self) -> None:
        peer = self.start(Script(LISTEN.format(more="signal.signal(signal.SIGTERM, signal.SIG_IGN)")))
        failure = self.assertRaises(AssertionError, peer.stop, timeout=0.3)
        self.assertIn("script still runs after 0.3 s", str(failure))
        self.assertFalse(answers(peer.port))
        self.assertEqual(peer.stop(), -signal.SIGKILL)

    def test_what_it_leaves_behind_is_named_and_ended(self) -> None:
        peer = self.start(Script(LISTEN.format(more="if os.fork() == 0: os.setsid(); signal.pause()")))
        child = peer.children
        self.assertEqual(len(child), 1)
        peer.stop()
        self.assertEqual([survivor.pid for survivor in peer.survivors], child)
        self.assertFalse(answers(peer.port), "the child held the listening socket")

    def test_a_failing_test_leaves_nothing(self) -> None:
        started: list[Peer] = []

        class Failing(LoopbackTestCase):
            def test_it(self) -> None:
                started.append(self.start(Script(LISTEN.format(more=""))))
                self.fail("on purpose")

        result = TestResult()
        Failing("test_it").run(result)
        self.assertEqual(len(result.failures), 1)
        self.assertEqual(started[0].wait(), -signal.SIGTERM)
        self.assertFalse(started[0].folder.exists())

    def test_what_no_test_closed_is_swept_at_the_end(self) -> None:
        text = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.loopback.test_process import LISTEN, Script
peer = Script(LISTEN.format(more="")); peer.start(); print(peer.port, peer.folder)
"""
        command = [sys.executable, "-c", text]
        port, folder = subprocess.check_output(command, timeout=20, stdin=subprocess.DEVNULL).split()
        self.assertFalse(answers(int(port)))
        self.assertFalse(Path(folder.decode()).exists())


class Programs(SynchronousTestCase):
    """Where programs are found."""

    def test_every_program_is_installed(self) -> None:
        for name in packages():
            self.assertTrue(Path(find_program(name)).is_absolute())

    def test_a_missing_program_names_its_package(self) -> None:
        with mock.patch("shutil.which", return_value=None):
            failure = self.assertRaises(AssertionError, find_program, "nginx")
        self.assertEqual(str(failure), "nginx is not installed: it is in the Debian package nginx-light")

    def test_a_client(self) -> None:
        self.assertIn(b"curl ", run("curl", "--version").stdout)
        self.assertNotEqual(run("curl", "--no-such-option").returncode, 0)
