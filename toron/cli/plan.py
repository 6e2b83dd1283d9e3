"""`toron plan`: what a configuration would do to a gateway that runs, before it is applied."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from toron.cli._changes import read_text
from toron.cli._gateway import Gateway, asks_gateway
from toron.cli._words import REFUSED, examples, json_option, print_json

if TYPE_CHECKING:
    from toron.admin.changes import Plan

CHANGES = 2
"""The exit code with --exit-code where there is something to change."""

_MEDIA = {"yaml": "application/yaml", "toml": "application/toml", "json": "application/json"}


@click.command(
    "plan",
    epilog=examples(
        "toron plan new.yaml",
        "toron plan --json new.yaml | jq .connections",
        "toron plan --offline toron.yaml new.yaml",
        "toron plan --exit-code new.yaml || echo differs",
    ),
)
@click.argument("new", metavar="FILE")
@asks_gateway
@click.option("--offline", metavar="OLD", help="Compare with this file instead of asking a gateway.")
@click.option("--exit-code", "exit_code", is_flag=True, help="Exit with 2 where there are changes.")
@json_option
def command(gateway: Gateway, new: str, offline: str | None, exit_code: bool, as_json: bool) -> None:
    """Tell what a configuration would change, and which connections that touches.

    The gateway composes FILE beside what serves, compares the two, counts what is open, and changes
    nothing. Relative paths in FILE start at the folder of the gateway's own file. Exits with 0, with
    1 where it would be refused, with 3 where no gateway answers.
    """
    from msgspec import convert, to_builtins

    from toron.admin.changes import Plan
    from toron.changing.plan_text import plan_text

    text, written = read_text(new)
    if offline is None:
        found = gateway.post("plan", body=text, content_type=_MEDIA[written], query={"name": new})
        plan = convert(found, Plan)
    else:
        plan = _offline(offline, new)
    if as_json:
        print_json(to_builtins(plan))
    else:
        click.echo(plan_text(plan), nl=False)
    if plan.refused:
        sys.exit(REFUSED)
    if exit_code and plan.changes:
        sys.exit(CHANGES)


def _offline(old: str, new: str) -> Plan:
    """What is different in two files; exits with 1 where one of them has a mistake."""
    from toron import plugin
    from toron.changing.planning import structural
    from toron.config.load import load
    from toron.config.place import Invalid

    try:
        return structural(load(old, plugin, os.environ), load(new, plugin, os.environ))
    except Invalid as invalid:
        for problem in invalid.problems:
            click.echo(str(problem), err=True)
        sys.exit(REFUSED)
