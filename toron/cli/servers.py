"""`toron servers`: how the servers behind a gateway are, and which of them get nobody new."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from toron.cli._gateway import Gateway, asks_gateway
from toron.cli._tables import console, moment, show, table
from toron.cli._words import REFUSED, examples, json_option, print_json

LOOK = 0.5
"""Seconds between two looks at a server that drains."""


@click.group(
    "servers",
    invoke_without_command=True,
    epilog=examples(
        "toron servers",
        "toron servers list api --json | jq '.servers[] | select(.state != \"up\")'",
        "toron servers drain api 10.0.0.7:8080 --wait 60",
        "toron servers undrain api 10.0.0.7:8080",
    ),
)
@asks_gateway
@json_option
@click.pass_context
def command(context: click.Context, gateway: Gateway, as_json: bool) -> None:
    """Show the servers behind a gateway, or have one drained.

    Without a command: list.
    """
    if context.invoked_subcommand is None:
        _list(gateway, "", as_json)


@command.command("list", epilog=examples("toron servers list", "toron servers list api"))
@click.argument("backend", default="")
@asks_gateway
@json_option
def list_servers(gateway: Gateway, backend: str, as_json: bool) -> None:
    """Show the servers of all backends, or of BACKEND."""
    _list(gateway, backend, as_json)


@command.command("drain", epilog=examples("toron servers drain api 10.0.0.7:8080 --wait 60"))
@click.argument("backend")
@click.argument("server")
@click.option("--wait", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait until nobody is there.")
@asks_gateway
@json_option
def drain(gateway: Gateway, backend: str, server: str, wait: float | None, as_json: bool) -> None:
    """Lead nobody new to SERVER (host:port) of BACKEND.

    What is there goes on, and clients that a sticky cookie binds to it may still come. It holds until
    undrain, or until the gateway is started anew; a reload changes nothing. With --wait exits with 1
    when somebody is still there after so many seconds.
    """
    found = gateway.post("backends", backend, "servers", server, "drain")
    if wait is not None and found["active"]:
        found = _wait(gateway, found, wait, not as_json)
    _tell(found, as_json)
    if wait is not None and found["active"]:
        sys.exit(REFUSED)


@command.command("undrain", epilog=examples("toron servers undrain api 10.0.0.7:8080"))
@click.argument("backend")
@click.argument("server")
@asks_gateway
@json_option
def undrain(gateway: Gateway, backend: str, server: str, as_json: bool) -> None:
    """Lead clients to SERVER (host:port) of BACKEND again."""
    _tell(gateway.post("backends", backend, "servers", server, "undrain"), as_json)


def _list(gateway: Gateway, backend: str, as_json: bool) -> None:
    found = gateway.get("servers", backend=backend)
    if as_json:
        print_json(found)
        return
    show(
        table(
            ("BACKEND", "SERVER", "STATE", "ACTIVE>", "WEIGHT>", "FAILED>", "CHECKS", ""),
            ((*_row(each), _note(each)) for each in found["servers"]),
        )
    )


def _row(server: dict[str, Any]) -> tuple[Any, ...]:
    checks = server["checks"]
    said = "" if checks is None else f"{checks['passed']} passed, {checks['failed']} failed"
    return (
        server["backend"], server["name"], server["state"], server["active"], server["weight"],
        server["failures"], said,
    )  # fmt: skip


def _note(server: dict[str, Any]) -> str:
    if server["ejected_until"] is not None:
        return f"until {moment(server['ejected_until'])}"
    return "backup" if server["backup"] else ""


def _tell(server: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(server)
        return
    active, still = server["active"], "still " if server["draining"] else ""
    busy = f"{active} {still}there" if active else "nobody is there"
    click.echo(f"{server['backend']}/{server['name']} is {server['state']}: {busy}")


def _wait(gateway: Gateway, server: dict[str, Any], limit: float, progress: bool) -> dict[str, Any]:
    """Look until nobody is there, or until the time is over."""
    end = time.monotonic() + limit
    with console().status("", spinner="dots") as shown:
        while server["active"] and time.monotonic() < end:
            if progress:
                shown.update(f"{server['active']} at {server['name']}, {end - time.monotonic():.0f} s left")
            time.sleep(min(LOOK, max(0.0, end - time.monotonic())))
            everything = gateway.get("servers", backend=server["backend"])["servers"]
            same = [each for each in everything if each["url"] == server["url"]]
            server = same[0] if same else {**server, "state": "gone", "active": 0}
    return server
