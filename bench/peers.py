"""The programs that are compared, each with its file of bench/etc filled in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import toron
import twisted
from bench.behind import ETC, Site, find
from tests.loopback.gateway import READY, ROOT, twistd
from tests.loopback.process import Peer
from tests.loopback.sockets import answers
from toron.compiled import described

STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
ALL = frozenset({"HTTP", "TLS", "H2", "H3", "GRPC", "TCP", "UDP"})


def first_line(*command: str) -> str:
    """What a program says about its version."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


class Proxy(Peer):
    """One of the programs that are compared, pinned to its core; `offers` are the ports it has."""

    label: str
    file: str
    offers = ALL
    stop_within = 5.0

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site
        self.ports = {"BACKEND": site.backend, "ECHO": site.echo, "GRPC_BACKEND": site.grpc}
        for name in ("cert.pem", "key.pem", "both.pem"):
            shutil.copy(site.certificate / name, self.folder)
        self.config = self.folder / self.file
        self.config.write_text(self.fill(self.text()))

    def text(self) -> str:
        """The configuration, where `@WORD@` is a port."""
        return (ETC / self.file).read_text()

    def cores(self) -> str:
        """The cores it may use, as taskset(1) has them."""
        return str(self.site.core)

    @classmethod
    def path(cls) -> str | None:
        """Where the program is; None when it is not installed."""
        return find(cls.program)

    @classmethod
    def version(cls) -> str:
        """What it says about its version, on one line."""
        raise NotImplementedError

    def arguments(self) -> list[str]:
        """What follows the program's path."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """The command line."""
        return ["taskset", "-c", self.cores(), str(self.path()), *self.arguments()]

    def is_ready(self) -> bool:
        """Whether it accepts connections; UDP shows nothing of the kind."""
        return all(
            answers(self.ports[name]) for name in ("HTTP", "TLS", "H2", "GRPC", "TCP") if name in self.ports
        )


class Nginx(Proxy):
    """nginx, with an access log; TCP and UDP by its stream module."""

    label = program = "nginx"
    file = "nginx.conf"
    offers = ALL - {"H3"}

    def text(self) -> str:
        """The configuration; Debian has the stream module in a file of its own."""
        return (f"load_module {STREAM};\n" if STREAM.exists() else "") + super().text()

    @classmethod
    def version(cls) -> str:
        """Of `nginx version: nginx/1.2.3`."""
        return first_line(str(cls.path()), "-v").removeprefix("nginx version: ")

    def arguments(self) -> list[str]:
        """In the foreground, by the configuration."""
        return ["-p", str(self.folder), "-c", str(self.config)]


class Haproxy(Proxy):
    """HAProxy, with its HTTP and TCP logs; it relays no UDP."""

    label = program = "haproxy"
    file = "haproxy.cfg"
    offers = ALL - {"H3", "UDP"}

    @classmethod
    def version(cls) -> str:
        """Of `HAProxy version 1.2.3 - URL`."""
        return first_line(str(cls.path()), "-v").partition(" - ")[0]

    def arguments(self) -> list[str]:
        """In the foreground, by the configuration."""
        return ["-db", "-f", str(self.config)]


class Envoy(Proxy):
    """Envoy with one worker, with access logs."""

    label = program = "envoy"
    file = "envoy.yaml"
    offers = ALL - {"H3"}

    @classmethod
    def version(cls) -> str:
        """Of `envoy version: HASH/1.2.3/...`."""
        said = first_line(str(cls.path()), "--version")
        found = re.search(r"version: \w+/([\d.]+)", said)
        return f"Envoy {found[1]}" if found else said

    def arguments(self) -> list[str]:
        """One worker thread; every run with shared memory of its own."""
        return ["-c", str(self.config), "--concurrency", "1", "--use-dynamic-base-id", "-l", "warning"]


class Caddy(Proxy):
    """Caddy on one core, with an access log; TCP and UDP would take a build with plug-ins."""

    label = program = "caddy"
    file = "Caddyfile"
    offers = ALL - {"TCP", "UDP"}

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.environment = {"GOMAXPROCS": "1", "HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder)}

    @classmethod
    def version(cls) -> str:
        """Of `v1.2.3 h1:...`."""
        return "Caddy " + first_line(str(cls.path()), "version").split()[0].removeprefix("v")

    def arguments(self) -> list[str]:
        """In the foreground, by the configuration."""
        return ["run", "--adapter", "caddyfile", "--config", str(self.config)]


class Toron(Proxy):
    """toron of this tree with one worker, with its JSON access log and its metrics."""

    label = "toron"
    program = "twistd toron"
    file = "toron.yaml"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.environment = {"PYTHONPATH": str(ROOT)}

    @classmethod
    def path(cls) -> str | None:
        """The Python that runs this."""
        return sys.executable

    @classmethod
    def version(cls) -> str:
        """Its own version, whether its hot modules are compiled, and the versions of what it runs on."""
        python = ".".join(map(str, sys.version_info[:3]))
        way = described(os.environ)
        return f"toron {toron.__version__}, {way}, on Python {python}, Twisted {twisted.__version__}"

    def command(self) -> list[str]:
        """The command line, by the same Python's twistd."""
        return ["taskset", "-c", self.cores(), *twistd(), *self.arguments()]

    def arguments(self) -> list[str]:
        """In the foreground, by the configuration."""
        return ["-n", "--pidfile=", "toron", "-c", str(self.config)]

    def is_ready(self) -> bool:
        """Whether every listener is bound."""
        return READY in self.log()


class FewRoutes(Toron):
    """toron with 10 routes; what is asked for matches the last."""

    label = "toron, 10 routes"
    routes = 10

    def text(self) -> str:
        """The configuration; half of the routes before the one that matches are of other hosts."""
        match = ("host: h{0}.example.com, path: /p{0}", "path: /p{0}")
        others = [match[i % 2].format(i) for i in range(self.routes - 1)]
        lines = "".join(f"  - {{match: {{{each}}}, backend: web}}\n" for each in others)
        return super().text().replace("routes:\n", "routes:\n" + lines)


class ManyRoutes(FewRoutes):
    """toron with 10,000 routes; what is asked for matches the last."""

    label = "toron, 10,000 routes"
    routes = 10_000
    ready_within = 60.0


class OneWorker(Toron):
    """toron with one worker, which may use as many cores as two."""

    label = "toron, 1 worker"
    workers = 1

    def text(self) -> str:
        """The configuration, with its number of workers."""
        return f"workers: {self.workers}\n" + super().text()

    def cores(self) -> str:
        """Both, or there would be two workers that only take the core from each other."""
        return f"{self.site.core},{self.site.second}"


class TwoWorkers(OneWorker):
    """toron with two workers, and the parent that looks after them."""

    label = "toron, 2 workers"
    workers = 2

    def is_ready(self) -> bool:
        """Whether every listener is bound, by as many processes as were asked for."""
        return super().is_ready() and len(self.children) == self.workers


PEERS: tuple[type[Proxy], ...] = (Nginx, Haproxy, Envoy, Caddy, Toron)
