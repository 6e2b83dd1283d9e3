"""Reads the servers from a file, and again whenever it changes."""

from __future__ import annotations

import os

from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool

from toron.config.model import Discovered, File
from toron.config.servers import read_servers
from toron.interfaces import Discover, Environment, Publisher, Server

EVERY = 0.5
"""Seconds between two looks; what has changed is read when it was the same at two of them."""


class Options(Discovered):
    """The file has the one key `servers:`, with a list that is written as in a configuration.

    It may be replaced (`mv`), be behind a symbolic link that is, or be written anew. A file that is gone or
    wrong changes nothing but the log, where its mistakes are told with file, line and column.
    """

    path: File
    """In YAML, TOML or JSON, by its extension."""


class FileDiscovery:
    """Looks at the file twice a second; reads it in a thread."""

    def __init__(self, path: str, scheme: str, environment: Environment) -> None:
        """Reads the file, which has to be good at the start; ValueError says why it is not."""
        self._path = path
        self._scheme = scheme
        self._reactor = environment.reactor
        self._read_as = _stamp(path)
        self._servers = _servers(path, scheme)

    async def __call__(self, publisher: Publisher) -> None:
        """Publish what the file says, until cancelled."""
        publisher.publish(self._servers)
        seen = self._read_as
        while True:
            await deferLater(self._reactor, EVERY)
            before, seen = seen, _stamp(self._path)
            if seen == self._read_as or seen != before:
                continue
            self._read_as = seen
            try:
                self._servers = await deferToThreadPool(
                    self._reactor, self._reactor.getThreadPool(), _servers, self._path, self._scheme
                )
            except ValueError as error:
                publisher.failed(str(error))
            else:
                publisher.publish(self._servers)


def _servers(path: str, scheme: str) -> list[Server]:
    return [Server(each.url, each.weight, each.backup) for each in read_servers(path, scheme)]


def _stamp(path: str) -> tuple[int, ...] | None:
    """What is different after every change, also of a link on the way; None while there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def make(options: Options, environment: Environment) -> Discover:
    """Paths start at the folder of the configuration."""
    return FileDiscovery(os.path.join(environment.folder, options.path), options.scheme, environment)
