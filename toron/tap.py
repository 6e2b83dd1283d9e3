"""The `twistd toron` command: options, and the service they ask for."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from typing import Any, ClassVar, NoReturn

from twisted.python import usage

import toron
from toron import plugin
from toron.compose import compose
from toron.config.load import Loaded, load
from toron.config.place import Invalid
from toron.net.gateway import Gateway
from toron.observe.log import DEFAULT_FILE, OwnLog


class Options(usage.Options):
    """The options of `twistd toron`; the configuration is loaded here, so a bad one ends it at once."""

    synopsis = "[-c FILE]"
    longdesc = (
        "Serves a configuration file. To check one without serving it: toron check FILE. "
        "SIGTERM stops gently, SIGUSR1 opens the log files anew."
    )
    optParameters: ClassVar = [["config", "c", "toron.yaml", "The configuration file."]]  # noqa: N815  # overrides

    loaded: Loaded
    own_log: OwnLog | None = None

    def opt_version(self) -> None:
        """Show the version of toron."""
        sys.stdout.write(f"toron {toron.__version__}\n")
        sys.exit(0)

    def postOptions(self) -> None:
        """Load the configuration; every problem goes to standard error, and an error ends with 1."""
        try:
            self.loaded = load(self["config"], plugin, os.environ)
        except Invalid as invalid:
            fatal(str(invalid))
        for warning in self.loaded.warnings:
            sys.stderr.write(f"{warning}\n")
        parent: Any = self.parent
        if parent is not None and not parent.get("logger") and not parent.get("syslog"):
            path = parent.get("logfile") or ("-" if parent.get("nodaemon") else DEFAULT_FILE)
            self.own_log = OwnLog(path, self.loaded.config.log.level)


def fatal(message: str) -> NoReturn:
    """Say why there is no gateway, and exit with 1."""
    # Twisted sends what is printed to its log; this is for the person at the terminal.
    print(message, file=sys.__stderr__, flush=True)  # noqa: T201
    sys.exit(1)


def makeService(options: Options) -> Gateway:
    """The gateway of the configuration that was loaded."""
    from twisted.internet import reactor

    try:
        gateway = compose(options.loaded, reactor, random.SystemRandom(), time.time, fatal)
    except Invalid as invalid:
        fatal(str(invalid))
    if options.own_log is not None:
        gateway.observer = options.own_log.observer
        gateway.reopening.append(options.own_log.reopen)
    _reopen_on_usr1(gateway, reactor)
    return gateway


def _reopen_on_usr1(gateway: Gateway, reactor: Any) -> None:
    """SIGUSR1 opens the log files anew, which is how log rotation asks for it."""
    reactor.callWhenRunning(
        signal.signal, signal.SIGUSR1, lambda *_: reactor.callFromThread(gateway.reopen)
    )
