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
from toron.net.handover import NotForUs
from toron.net.notify import notifier
from toron.net.pauses import set_aside
from toron.net.sockets import Sockets
from toron.observe.log import DEFAULT_FILE, OwnLog
from toron.reload import Reload
from toron.serving import Place, Serving
from toron.upgrading.heir import Heir
from toron.upgrading.pid_file import PidFile
from toron.upgrading.program import Program, this_program
from toron.upgrading.upgrade import Upgrade


class Options(usage.Options):
    """The options of `twistd toron`; the configuration is loaded here, so a bad one ends it at once."""

    synopsis = "[-c FILE]"
    longdesc = (
        "Serves a configuration file. To check one without serving it: toron check FILE. "
        "SIGTERM stops gently, a second one at once; SIGUSR1 opens the log files anew; SIGHUP loads the file "
        "again, and changes what is different in it; SIGUSR2 has a new process take over."
    )
    optParameters: ClassVar = [["config", "c", "toron.yaml", "The configuration file."]]  # noqa: N815  # overrides

    loaded: Loaded
    path: str
    """The file, wherever a daemon goes."""
    own_log: OwnLog | None = None
    heir: Heir | None = None
    """What another process leaves to this one."""
    program: Program
    """How this process was started."""
    pid_file: PidFile

    def opt_version(self) -> None:
        """Show the version of toron."""
        sys.stdout.write(f"toron {toron.__version__}\n")
        sys.exit(0)

    def postOptions(self) -> None:
        """Load the configuration; every problem goes to standard error, and an error ends with 1."""
        parent: Any = self.parent
        self.path = os.path.abspath(self["config"])
        try:
            self.heir = Heir.of(os.environ)
            self.program = this_program(bool((parent or {}).get("chroot")))
            self.pid_file = PidFile(parent or {})
            if self.heir is not None:
                self.pid_file.set_aside()
        except (NotForUs, OSError) as error:
            fatal(str(error))
        try:
            self.loaded = load(self["config"], plugin, os.environ)
        except Invalid as invalid:
            fatal(str(invalid))
        for warning in self.loaded.warnings:
            sys.stderr.write(f"{warning}\n")
        _install_reactor()
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
        sockets = Sockets() if options.heir is None else options.heir.sockets
        gateway = _compose(options, reactor, sockets)
        gateway.notify = notifier(os.environ)
    except (Invalid, OSError) as error:
        fatal(str(error))
    if own_log is not None:
        gateway.observer = observer
        gateway.reopening.append(own_log.reopen)
    if options.heir is not None:
        options.heir.join(gateway, reactor)
        options.heir.served.append(options.pid_file.take)
        gateway.starting.append(options.heir.running)
    _upgradable(gateway, options, sockets, reactor)
    reactor.callWhenRunning(_hear, gateway, reactor)
    reactor.callWhenRunning(set_aside, whole=True)
    return gateway


def _upgradable(gateway: Gateway, options: Options, sockets: Sockets, reactor: Any) -> None:
    """Let a new process take over when somebody asks for it."""

    def leave() -> None:
        options.pid_file.leave()
        if not gateway.stopping:
            reactor.stop()

    gateway.upgrade = Upgrade(reactor, gateway, sockets, options.program, os.getpid, leave).ask


def _compose(options: Options, reactor: Any, sockets: Sockets) -> Gateway:
    """The gateway, which loads its configuration again when it is asked to."""
    place = _place(options.loaded, reactor, sockets)
    own_log = options.own_log
    set_level = None if own_log is None else own_log.set_level
    reload = Reload(place, options.path, set_level, options.loaded.places.looked)
    place.root.reload = reload.ask
    if options.loaded.config.admin is not None:
        from toron.control import attach  # the web server behind it takes a while to load

        attach(place.root, options.loaded, options.path, reload)
    return place.root


def _place(loaded: Loaded, reactor: Any, sockets: Sockets) -> Place:
    """Where it serves: in this process, or in workers that have this one as their parent."""
    choice = random.SystemRandom()
    workers = loaded.config.workers
    count = len(os.sched_getaffinity(0)) if workers == "auto" else workers
    if count == 1:
        composition = Composition(loaded, reactor, choice, time.time, sockets=sockets)
        return Serving(composition.whole(_failing), composition)
    # What one process needs is not loaded for more.
    from toron.workers.place import supervise

    def failed(message: str) -> None:
        _failing(message)
        # Twisted has no way to say that a reactor that was stopped is a failure.
        atexit.register(_exit_with_1)
        place.root.hurry()
        reactor.stop()

    place = supervise(loaded, count, reactor, choice, time.time, _failing, failed, sockets)
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
    """Do what signals ask for: stop, stop at once, log files anew, load the file again, hand over."""
    asked = False

    def stop(number: int, frame: Any) -> None:
        nonlocal asked
        reactor.callFromThread(gateway.hurry if asked or gateway.stopping else reactor.stop)
        asked = True

    # Instead of Twisted's own: those make a clean stop look like a death by the signal, and a
    # second signal fails with a traceback.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(gateway.reopen))
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(gateway.reload))
    signal.signal(signal.SIGUSR2, lambda *_: reactor.callFromThread(gateway.upgrade))
