"""Picks the first primary server, or the first backup when no primary is well."""

from __future__ import annotations

from collections.abc import Sequence

from toron.config.model import Model
from toron.core.server import Server
from toron.interfaces import Balancer, Caller, Environment


class Options(Model):
    """Nothing to set: `balance: primary-backup`."""


class PrimaryBackup:
    """The order of the file decides; weights do not count.

    It fails back by itself: a primary that is well again is handed to `pick` again.
    """

    def pick(self, servers: Sequence[Server], caller: Caller) -> Server:
        """The first server that is not a backup, else the first."""
        for server in servers:
            if not server.backup:
                return server
        return servers[0]


def make(options: Options, environment: Environment) -> Balancer:
    """A balancer without a memory."""
    return PrimaryBackup()
