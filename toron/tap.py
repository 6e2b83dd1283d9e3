"""The `twistd toron` command: options, and the service they ask for."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from typing import Any, NoReturn

from twisted.logger import Logger
from twisted.python import usage

import toron
from toron import plugin
from toron.compose import compose
from toron.config.load import Loaded, load
from toron.config.place import Invalid
from toron.net.gateway import Gateway


class Options(usage.Options):
    """The options of `twistd toron`; the configuration is loaded here, so a bad one ends it at once."""

    synopsis = "[-c FILE]"
    longdesc = "Serves a configuration file. `toron check FILE` checks one without serving it."
    optParameters = [["config", "c", "toron.yaml", "The configuration file."]]

    loaded: Loaded

    def opt_version(self) -> None:
        """Show the version of toron."""
        print(f"toron {toron.__version__}")
        sys.exit(0)

    def postOptions(self) -> None:
        """Load the configuration; every problem goes to standard error, and an error ends with 1."""
        try:
            self.loaded = load(self["config"], plugin, os.environ)
        except Invalid as invalid:
            fatal(str(invalid))
        for warning in self.loaded.warnings:
            print(warning, file=sys.stderr)


def fatal(message: str) -> NoReturn:
    """Say why there is no gateway, and exit with 1."""
    print(message, file=sys.stderr, flush=True)
    sys.exit(1)


def makeService(options: Options) -> Gateway:
    """The gateway of the configuration that was loaded."""
    from twisted.internet import reactor

    try:
        gateway = compose(options.loaded, reactor, random.SystemRandom(), time.time, fatal)
    except Invalid as invalid:
        fatal(str(invalid))
    _reopen_on_usr1(gateway, reactor)
    return gateway


def _reopen_on_usr1(gateway: Gateway, reactor: Any) -> None:
    """SIGUSR1 opens the access log anew, which is how log rotation asks for it."""

    def reopen() -> None:
        for service in gateway.last:
            if hasattr(service, "reopen"):
                Logger().info("opening the access log anew")
                service.reopen()

    reactor.addSystemEventTrigger(
        "after", "startup",
        lambda: signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(reopen)),
    )  # fmt: skip
