"""`toron run`: a gateway in the foreground."""

from __future__ import annotations

import sys

import click

from toron.cli._words import examples


@click.command(
    "run",
    epilog=examples(
        "toron run -c toron.yaml",
        "sudo toron run -c /etc/toron.yaml --uid nobody --gid nogroup",
    ),
)
@click.option("-c", "--config", "file", required=True, metavar="FILE", help="The configuration file.")
@click.option("--uid", metavar="USER", help="Become this user once the ports are open.")
@click.option("--gid", metavar="GROUP", help="Become this group once the ports are open.")
def command(file: str, uid: str | None, gid: str | None) -> None:
    """Serve a configuration in the foreground, until interrupted.

    The same as twistd -n --pidfile= toron -c FILE.
    """
    from twisted.scripts import twistd  # it installs a reactor, which a page of help does not need

    identity = [word for name, value in (("--uid", uid), ("--gid", gid)) if value for word in (name, value)]
    sys.argv = ["twistd", "-n", "--pidfile=", *identity, "toron", "-c", file]
    twistd.run()
