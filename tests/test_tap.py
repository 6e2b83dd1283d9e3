"""The options of `twistd toron`, what a start that fails says, and what signals ask for."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

import toron
from toron import tap
from toron.net.gateway import Gateway

GOOD = "listeners: [{protocol: tcp, port: 80, echo: {}}]\n"
WARNING = GOOD + "admin: {address: 0.0.0.0, api: false}\n"


class TapCase(SynchronousTestCase):
    """With standard error and the folder of the test's own."""

    def setUp(self) -> None:
        self.stderr = io.StringIO()
        self.patch(sys, "stderr", self.stderr)
        self.patch(sys, "__stderr__", self.stderr)
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)

    def options(self, text: str = GOOD, *words: str, twistd: dict[str, Any] | None = None) -> tap.Options:
        """The options after parsing, below those of twistd."""
        (self.folder / "toron.yaml").write_text(text)
        options = tap.Options()  # type: ignore[no-untyped-call]
        parent: Any = {"nodaemon": True} if twistd is None else twistd
        options.parent = parent
        options.parseOptions(list(words))
        return options

    def ends(self, function: Callable[..., Any], *arguments: Any, **more: Any) -> str:
        """Exits with 1; what it says."""
        end = self.assertRaises(SystemExit, function, *arguments, **more)
        self.assertEqual(end.code, 1)
        return self.stderr.getvalue()


class Parsing(TapCase):
    """-c FILE, and the rest is twistd's."""

    def test_the_default_file(self) -> None:
        self.assertEqual(self.options().loaded.config.listeners[0].port, 80)

    def test_another_file(self) -> None:
        (self.folder / "other.toml").write_text("listeners = [{protocol = 'tcp', port = 81, echo = {}}]")
        for words in (["-c", "other.toml"], ["--config=other.toml"]):
            self.assertEqual(self.options(GOOD, *words).loaded.config.listeners[0].port, 81)

    def test_what_it_does_not_know(self) -> None:
        self.assertRaises(UsageError, self.options, GOOD, "--nope")
        self.assertRaises(UsageError, self.options, GOOD, "more")

    def test_its_version(self) -> None:
        shown = io.StringIO()
        self.patch(sys, "stdout", shown)
        end = self.assertRaises(SystemExit, self.options, GOOD, "--version")
        self.assertFalse(end.code)
        self.assertEqual(shown.getvalue(), f"toron {toron.__version__}\n")

    def test_warnings_are_said_and_stop_nothing(self) -> None:
        self.options(WARNING)
        self.assertRegex(self.stderr.getvalue(), r"^toron\.yaml:2:18: warning: ")

    def test_errors_are_all_said(self) -> None:
        said = self.ends(self.options, "listners: []\nworkers: none\n")
        self.assertEqual(
            [line.split(" ")[0] for line in said.splitlines()], ["toron.yaml:1:1:", "toron.yaml:2:10:"]
        )


class OwnLog(TapCase):
    """Where it is, is for twistd to say."""

    def path(self, **twistd: Any) -> str | None:
        own = self.options(twistd=twistd).own_log
        return None if own is None else own._path

    def test_in_the_foreground(self) -> None:
        self.assertEqual(self.path(nodaemon=True), "-")
        self.assertEqual(self.path(debug=True), "-")
        self.assertEqual(self.path(nodaemon=True, logfile="a.log"), str(self.folder / "a.log"))

    def test_of_a_daemon(self) -> None:
        self.assertEqual(self.path(nodaemon=False), str(self.folder / "twistd.log"))
        self.assertEqual(self.path(nodaemon=False, logfile="/x/a.log"), "/x/a.log")

    def test_a_daemon_has_no_standard_output(self) -> None:
        self.assertIn("give --logfile a file", self.ends(self.path, nodaemon=False, logfile="-"))

    def test_somebody_elses(self) -> None:
        self.assertIsNone(self.path(nodaemon=True, logger="a.b"))
        self.assertIsNone(self.path(nodaemon=False, syslog=True))

    def test_of_no_twistd(self) -> None:
        (self.folder / "toron.yaml").write_text(GOOD)
        options = tap.Options()  # type: ignore[no-untyped-call]
        options.parseOptions([])
        self.assertIsNone(options.own_log)


class Making(TapCase):
    """makeService."""

    def test_a_gateway(self) -> None:
        seen: list[Any] = []
        from twisted.internet import reactor

        self.patch(reactor, "callWhenRunning", lambda *call, **_: seen.append(call))
        gateway = tap.makeService(self.options(twistd={"logfile": "own.log", "nodaemon": True}))
        self.assertEqual([listener.listener for listener in gateway.listeners], ["tcp-80"])
        self.assertEqual(seen[0], (tap._hear, gateway, reactor))
        self.assertTrue((self.folder / "own.log").exists())
        self.assertIsNotNone(gateway.observer)
        self.assertEqual(len(gateway.reopening), 2)

    def test_workers(self) -> None:
        from twisted.internet import reactor

        seen: list[Any] = []
        self.patch(reactor, "callWhenRunning", lambda *call, **_: seen.append(call))
        self.patch(os, "sched_getaffinity", lambda pid: {0, 1, 2})
        for workers, count in (("1", 0), ("2", 2), ("auto", 3)):
            gateway = tap.makeService(self.options(f"{GOOD}workers: {workers}\n"))
            found = [service for service in gateway if type(service).__name__ == "Supervisor"]
            self.assertEqual([len(each._slots) for each in found], [count] if count else [])
        self.patch(os, "sched_getaffinity", lambda pid: {0})
        gateway = tap.makeService(self.options(GOOD + "workers: auto\n"))
        self.assertTrue(gateway.ready_at_once, "one core, one process")

    def test_workers_that_can_not_start(self) -> None:
        from twisted.internet import reactor

        asked: list[Any] = []
        self.patch(reactor, "callWhenRunning", lambda *call, **_: None)
        self.patch(reactor, "stop", lambda: asked.append("stop"))
        self.patch(tap.atexit, "register", asked.append)
        self.patch(sys, "excepthook", sys.excepthook)
        gateway = tap.makeService(self.options(GOOD + "workers: 2\n"))
        (supervisor,) = (each for each in gateway if type(each).__name__ == "Supervisor")
        supervisor._failed("no such port")
        self.assertEqual(asked, [tap._exit_with_1, "stop"])
        self.assertEqual(self.stderr.getvalue(), "no such port\n")
        ended: list[int] = []
        self.patch(os, "_exit", ended.append)
        tap._exit_with_1()
        self.assertEqual(ended, [1])

    def test_a_configuration_that_cannot_be_composed(self) -> None:
        text = (
            "listeners: [{protocol: http, port: 80}]\nroutes: [{middlewares: [{jwt: {keys: x}}], echo: {}}]"
        )
        said = self.ends(tap.makeService, self.options(text))
        self.assertRegex(said, r"^toron\.yaml:2:25: cannot read the key file .*x: No such file")

    def test_a_log_that_cannot_be_opened(self) -> None:
        options = self.options(twistd={"logfile": "none/own.log", "nodaemon": True})
        self.assertIn("none/own.log", self.ends(tap.makeService, options))

    def test_what_ends_a_start(self) -> None:
        self.patch(sys, "excepthook", sys.excepthook)
        tap._failing("no such port")
        sys.excepthook(ValueError, ValueError("x"), None)
        self.assertEqual(self.stderr.getvalue(), "no such port\n", "nobody prints a traceback")


class Signals(TapCase):
    """What each of them does."""

    def setUp(self) -> None:
        super().setUp()
        self.handlers: dict[int, Callable[..., None]] = {}
        self.asked: list[str] = []
        self.stopping = False
        self.patch(signal, "signal", self.handlers.__setitem__)
        reactor: Any = self
        gateway: Any = self
        tap._hear(gateway, reactor)

    def callFromThread(self, function: Callable[[], None]) -> None:  # a reactor's
        function()

    def stop(self) -> None:
        self.asked.append("stop")

    def hurry(self) -> None:
        self.asked.append("hurry")

    def reopen(self) -> None:
        self.asked.append("reopen")

    def reload(self) -> None:
        self.asked.append("reload")

    def upgrade(self) -> None:
        self.asked.append("upgrade")

    def send(self, *numbers: int) -> list[str]:
        for number in numbers:
            self.handlers[number](number, None)
        return self.asked

    def test_stop_then_at_once(self) -> None:
        asked = self.send(signal.SIGTERM, signal.SIGTERM, signal.SIGINT)
        self.assertEqual(asked, ["stop", "hurry", "hurry"])

    def test_either_of_them(self) -> None:
        self.assertEqual(self.send(signal.SIGINT, signal.SIGTERM), ["stop", "hurry"])

    def test_opening_anew(self) -> None:
        self.assertEqual(
            self.send(signal.SIGUSR1, signal.SIGUSR1, signal.SIGTERM), ["reopen", "reopen", "stop"]
        )

    def test_loading_again(self) -> None:
        self.assertEqual(self.send(signal.SIGHUP, signal.SIGHUP), ["reload", "reload"])

    def test_a_new_process(self) -> None:
        self.assertEqual(self.send(signal.SIGUSR2), ["upgrade"])

    def test_a_stop_of_one_that_ends_anyway(self) -> None:
        self.stopping = True
        self.assertEqual(self.send(signal.SIGTERM), ["hurry"])

    def test_they_are_what_a_gateway_can_do(self) -> None:
        self.assertTrue(callable(Gateway.hurry) and callable(Gateway.reopen))
