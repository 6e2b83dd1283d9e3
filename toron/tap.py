"""The `twistd toron` command: options, and the service they ask for."""

from __future__ import annotations

import atexit
import os
import random
import select
import signal
import sys
import time
from typing import Any, ClassVar, NoReturn

from twisted.python import usage

import toron
from toron import plugin
from toron.compose import Composition
from toron.config.load import Loaded, load
from toron.config.place import Invalid
from toron.net.gateway import Gateway
from toron.net.notify import notifier
from toron.observe.log import DEFAULT_FILE, OwnLog
from toron.reload import Reload
from toron.serving import Place, Serving


class Options(usage.Options):
    """The options of `twistd toron`; the configuration is loaded here, so a bad one ends it at once."""

    synopsis = "[-c FILE]"
    longdesc = (
        "Serves a configuration file. To check one without serving it: toron check FILE. "
        "SIGTERM stops gently, a second one at once; SIGUSR1 opens the log files anew; SIGHUP loads the file "
        "again, and changes what is different in it."
    )
    optParameters: ClassVar = [["config", "c", "toron.yaml", "The configuration file."]]  # noqa: N815  # overrides

    loaded: Loaded
    path: str
    """The file, wherever a daemon goes."""
    own_log: OwnLog | None = None

    def opt_version(self) -> None:
        """Show the version of toron."""
        sys.stdout.write(f"toron {toron.__version__}\n")
        sys.exit(0)

    def postOptions(self) -> None:
        """Load the configuration; every problem goes to standard error, and an error ends with 1."""
        self.path = os.path.abspath(self["config"])
        try:
            self.loaded = load(self["config"], plugin, os.environ)
        except Invalid as invalid:
            fatal(str(invalid))
        for warning in self.loaded.warnings:
            sys.stderr.write(f"{warning}\n")
        _install_reactor()
        parent: Any = self.parent
        if parent is None:
            return
        daemon = not (parent.get("nodaemon") or parent.get("debug"))
        if not parent.get("logger") and not parent.get("syslog"):
            path = parent.get("logfile") or (DEFAULT_FILE if daemon else "-")
            if path == "-" and daemon:
                fatal("a daemon has no standard output: give --logfile a file, or add --nodaemon")
            self.own_log = OwnLog(path, self.loaded.config.log.level)


def _install_reactor() -> None:
    """Run on toron's own reactor, unless another one was asked for (`twistd --reactor`)."""
    if "twisted.internet.reactor" not in sys.modules and hasattr(select, "epoll"):
        from toron.net.reactor import install

        install()


def fatal(message: str) -> NoReturn:
    """Say why there is no gateway, and exit with 1."""
    # Twisted sends what is printed to its log; this is for the person at the terminal.
    print(message, file=sys.__stderr__, flush=True)
    sys.exit(1)


def makeService(options: Options) -> Gateway:
    """The gateway of the configuration that was loaded."""
    from twisted.internet import reactor

    own_log = options.own_log
    try:
        observer = None if own_log is None else own_log.observer()
        gateway = _compose(options, reactor)
        gateway.notify = notifier(os.environ)
    except (Invalid, OSError) as error:
        fatal(str(error))
    if own_log is not None:
        gateway.observer = observer
        gateway.reopening.append(own_log.reopen)
    reactor.callWhenRunning(_hear, gateway, reactor)
    return gateway


def _compose(options: Options, reactor: Any) -> Gateway:
    """The gateway, which loads its configuration again when it is asked to."""
    place = _place(options.loaded, reactor)
    own_log = options.own_log
    reload = Reload(place, options.path, None if own_log is None else own_log.set_level)
    place.root.reload = reload.ask
    if options.loaded.config.admin is not None:
        from toron.control import attach  # the web server behind it takes a while to load

        attach(place.root, options.loaded, options.path, reload)
    return place.root


def _place(loaded: Loaded, reactor: Any) -> Place:
    """Where it serves: in this process, or in workers that have this one as their parent."""
    choice = random.SystemRandom()
    workers = loaded.config.workers
    count = len(os.sched_getaffinity(0)) if workers == "auto" else workers
    if count == 1:
        composition = Composition(loaded, reactor, choice, time.time)
        return Serving(composition.whole(_failing), composition)
    # What one process needs is not loaded for more.
    from toron.workers.place import supervise

    def failed(message: str) -> None:
        _failing(message)
        # Twisted has no way to say that a reactor that was stopped is a failure.
        atexit.register(_exit_with_1)
        place.root.hurry()
        reactor.stop()

    place = supervise(loaded, count, reactor, choice, time.time, _failing, failed)
    return place


def _exit_with_1() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def _failing(message: str) -> None:
    """Say why the start fails; the exception goes on up, so that Twisted tidies up and exits with 1.

    A daemon's standard error is closed by the time it binds: there Twisted tells the process that
    was started, which prints the exception.
    """
    print(message, file=sys.__stderr__, flush=True)
    # A traceback would only bury the reason.
    sys.excepthook = lambda *_: None


def _hear(gateway: Gateway, reactor: Any) -> None:
    """Do what signals ask for: stop, stop at once, open the log files anew, load the configuration again."""
    asked = False

    def stop(number: int, frame: Any) -> None:
        nonlocal asked
        reactor.callFromThread(gateway.hurry if asked else reactor.stop)
        asked = True

    # Instead of Twisted's own: those make a clean stop look like a death by the signal, and a
    # second signal fails with a traceback.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(gateway.reopen))
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(gateway.reload))
