"""`toron check`: every mistake of a configuration, with its place."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from toron import plugin
from toron.cli._files import default_file
from toron.cli._words import REFUSED, examples, print_json
from toron.compose import rehearse
from toron.config.load import Loaded, load
from toron.config.place import Invalid, Problem
from toron.config.show import effective as make_effective
from toron.config.show import write_yaml
from toron.config.uses import written_backends
from toron.explain.expected import run_tests


@click.command(
    "check",
    epilog=examples(
        "toron check",
        "toron check toron.yaml other.toml",
        "toron check --effective toron.yaml",
        "toron check --json toron.yaml | jq .files[].problems",
    ),
)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON on standard output.")
@click.option("--effective", is_flag=True, help="Print the configuration in force as YAML, without secrets.")
def command(files: tuple[str, ...], as_json: bool, effective: bool) -> None:
    """Check configuration files without serving them.

    Prints every problem as file:line:column: what, and what to do; then, of a file without an
    error, that it is valid. The tests: of a file are tried too, and one that fails is an error.
    Exits with 1 when a file has an error; warnings do not count.
    Without FILE: toron.yaml, .yml, .toml or .json of this folder.
    """
    if as_json and effective:
        raise click.UsageError("--json and --effective cannot be used together.")
    results = [(file, *_load(file)) for file in files or (default_file(),)]
    if as_json:
        print_json({"files": [_as_json(*result) for result in results]})
    for file, loaded, problems in results:
        for problem in () if as_json else problems:
            click.echo(str(problem), err=True)
        if loaded is not None and not as_json:
            click.echo(f"{file}: valid ({_size(loaded)})", err=True)
        if effective and loaded is not None:
            click.echo(write_yaml(make_effective(loaded)), nl=False)
    if any(loaded is None for _, loaded, _ in results):
        sys.exit(REFUSED)


def _load(file: str) -> tuple[Loaded | None, list[Problem]]:
    try:
        loaded = load(file, plugin, os.environ)
        failed = run_tests(loaded, rehearse(loaded))
    except Invalid as invalid:
        return None, invalid.problems
    return (None, sorted([*failed, *loaded.warnings])) if failed else (loaded, loaded.warnings)


def _size(loaded: Loaded) -> str:
    config = loaded.config
    counts = {
        "listener": len(config.listeners),
        "route": len(config.routes) + sum(len(listener.routes) for listener in config.listeners),
        "backend": sum(1 for _ in written_backends(loaded.places.data)),
    }
    return ", ".join(f"{count} {noun}{'s' * (count != 1)}" for noun, count in counts.items())


def _as_json(file: str, loaded: Loaded | None, problems: list[Problem]) -> dict[str, Any]:
    return {
        "file": file,
        "valid": loaded is not None,
        "problems": [
            {
                "file": problem.path,
                "line": problem.line,
                "column": problem.column,
                "severity": "warning" if problem.warning else "error",
                "message": problem.message,
            }
            for problem in problems
        ],
    }
