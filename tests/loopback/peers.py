"""The real peers that tests talk to: nginx, haproxy, Redis, PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess

from tests.loopback.backends import CountingBackend
from tests.loopback.case import LoopbackTestCase
from tests.loopback.conversation import Conversation, Ended
from tests.loopback.gateway import Gateway
from tests.loopback.process import Peer, PeerFailed, find_program, run
from tests.loopback.sockets import eventually, free_port, raw_exchange, recv_all
from tests.loopback.udp_echo import UdpEcho

__all__ = [
    "Conversation",
    "CountingBackend",
    "Ended",
    "Gateway",
    "Haproxy",
    "LoopbackTestCase",
    "Nginx",
    "Peer",
    "PeerFailed",
    "Postgres",
    "Redis",
    "UdpEcho",
    "eventually",
    "find_program",
    "free_port",
    "raw_exchange",
    "recv_all",
    "run",
]

NGINX = """\
{user}
daemon off;
worker_processes 1;
pid @FOLDER@/nginx.pid;
error_log stderr info;
events {{ worker_connections 1024; }}
http {{
    access_log @FOLDER@/nginx-access.log;
    default_type text/plain;
    client_body_temp_path @FOLDER@/body;
    proxy_temp_path @FOLDER@/proxy;
    fastcgi_temp_path @FOLDER@/fastcgi;
    uwsgi_temp_path @FOLDER@/uwsgi;
    scgi_temp_path @FOLDER@/scgi;
    {snippet}
}}
"""

HAPROXY = """\
global
    maxconn 1000
    log stdout format raw local0
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
{conf}
"""


class Nginx(Peer):
    """nginx; `snippet` stands inside `http {}`. By default it serves the folder `www`."""

    program = "nginx"

    def __init__(self, snippet: str = "server { listen 127.0.0.1:@PORT@; root @FOLDER@/www; }") -> None:
        super().__init__()
        (self.folder / "www").mkdir()
        user = "user root;" if os.geteuid() == 0 else ""  # the folder is ours alone
        self._conf = self.fill(NGINX.format(user=user, snippet=snippet))

    def command(self) -> list[str]:
        """One master, one worker, both in our folder."""
        path = self.folder / "nginx.conf"
        path.write_text(self._conf)
        return [find_program("nginx"), "-e", "stderr", "-p", str(self.folder), "-c", str(path)]


class Haproxy(Peer):
    """haproxy; `conf` has the frontends and backends, after `defaults` with `mode http`."""

    program = "haproxy"

    def __init__(self, conf: str) -> None:
        super().__init__()
        self._conf = self.fill(HAPROXY.format(conf=conf))

    def command(self) -> list[str]:
        """In the foreground, one process."""
        path = self.folder / "haproxy.cfg"
        path.write_text(self._conf)
        return [find_program("haproxy"), "-db", "-f", str(path)]


class Redis(Peer):
    """Redis without persistence; `options` are more of its command line."""

    program = "redis-server"

    def __init__(self, *options: str) -> None:
        super().__init__()
        self._options = [self.fill(option) for option in ("--port", "@PORT@", *options)]

    def command(self) -> list[str]:
        """Everything is on the command line."""
        fixed = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        return [find_program("redis-server"), *fixed, *self._options]

    def is_ready(self) -> bool:
        """Whether it answers PING."""
        return super().is_ready() and self.cli("PING") == "PONG"

    def cli(self, *words: str, port: int | None = None) -> str:
        """What redis-cli prints for a command, sent to `port` (default: straight to Redis)."""
        done = run("redis-cli", "-h", "127.0.0.1", "-p", str(port or self.port), *words)
        return done.stdout.decode().strip()


class Postgres(Peer):
    """A new PostgreSQL cluster: user and database `postgres`, no password.

    PostgreSQL refuses to run as root: started by root, it runs as the user of its package.
    """

    program = "postgres"
    stop_signal = signal.SIGINT  # does not wait for clients
    ready_within = 60.0

    def __init__(self, **settings: str) -> None:
        super().__init__()
        self.user = "postgres" if os.geteuid() == 0 else None
        self.fill("@PORT@")
        fixed = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        self._settings = {**fixed, "port": str(self.port), **settings}

    def command(self) -> list[str]:
        """Makes the cluster first."""
        data = self.folder / "data"
        if not data.exists():
            self._initialise(str(data))
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        return [find_program("postgres"), "-D", str(data), *options]

    def _initialise(self, data: str) -> None:
        arguments = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        program = find_program("initdb")
        if self.user is not None:
            self._give_folder()
        done = subprocess.run(
            [program, *arguments],
            capture_output=True,
            cwd=self.folder,
            check=False,
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
        )
        if done.returncode:
            raise PeerFailed(f"initdb ended with {done.returncode}:\n{done.stderr.decode(errors='replace')}")

    def is_ready(self) -> bool:
        """Whether it answers a query: it accepts connections before it does."""
        return super().is_ready() and self.psql("select 1") == "1"

    def psql(self, sql: str, port: int | None = None, **parameters: str) -> str:
        """What psql prints for a statement, unaligned, sent to `port` (default: straight to PostgreSQL).

        On an error: what psql says about it. `parameters` are libpq's, such as `sslmode`.
        """
        words = {
            "host": "127.0.0.1",
            "port": str(port or self.port),
            "user": "postgres",
            "dbname": "postgres",
        }
        target = " ".join(f"{name}={value}" for name, value in {**words, **parameters}.items())
        done = run("psql", "-X", "-A", "-t", "-c", sql, target)
        return (done.stdout + done.stderr).decode(errors="replace").strip()
