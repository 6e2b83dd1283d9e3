"""The command line: check a configuration, show its schema, run a gateway."""

from __future__ import annotations

import json
import os
import platform
import sys
from typing import Any

import click
from click.shell_completion import get_completion_class
from OpenSSL import SSL

import toron
import twisted
from toron import plugin
from toron.compiled import described
from toron.compose import rehearse
from toron.config.load import Loaded, load
from toron.config.place import Invalid, Problem
from toron.config.reference import reference
from toron.config.schema import schema as make_schema
from toron.config.show import effective as make_effective
from toron.config.show import write_yaml
from toron.config.uses import written_backends
from toron.explain.expected import run_tests
from toron.explain.explainer import Explainer
from toron.explain.question import CLIENT, header, question
from toron.explain.text import as_text

DEFAULT_FILES = ("toron.yaml", "toron.yml", "toron.toml", "toron.json")
"""What `toron check` looks for in the current folder when no file is named."""


def _examples(*lines: str) -> str:
    """The end of a help page; the mark keeps click from joining its lines."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@click.group(
    invoke_without_command=True,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_examples(
        "toron check toron.yaml",
        "toron run -c toron.yaml",
        "toron --version -v",
    ),
)
@click.option("--version", "version", is_flag=True, help="Show the version; with -v, what it runs on too.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
@click.pass_context
def main(context: click.Context, version: bool, verbose: bool) -> None:
    """A gateway for HTTP, TCP, UDP, TLS and WebSocket."""
    if version:
        click.echo(f"toron {toron.__version__}")
        if verbose:
            for what, which in _runs_on():
                click.echo(f"{what + ':':<9} {which}")
    elif context.invoked_subcommand is None:
        raise click.UsageError("Missing command.")


def _runs_on() -> list[tuple[str, str]]:
    """What a bug report should name."""
    return [
        ("hot path", described(os.environ)),
        ("Python", platform.python_version()),
        ("Twisted", twisted.__version__),
        ("OpenSSL", SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode()),
    ]


@main.command(
    epilog=_examples(
        "toron check",
        "toron check toron.yaml other.toml",
        "toron check --effective toron.yaml",
        "toron check --json toron.yaml | jq .files[].problems",
    )
)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON on standard output.")
@click.option("--effective", is_flag=True, help="Print the configuration in force as YAML, without secrets.")
def check(files: tuple[str, ...], as_json: bool, effective: bool) -> None:
    """Check configuration files without serving them.

    Prints every problem as file:line:column: what, and what to do; then, of a file without an
    error, that it is valid. The tests: of a file are tried too, and one that fails is an error.
    Exits with 1 when a file has an error; warnings do not count.
    Without FILE: toron.yaml, .yml, .toml or .json of this folder.
    """
    if as_json and effective:
        raise click.UsageError("--json and --effective cannot be used together.")
    results = [(file, *_load(file)) for file in files or _default_file()]
    if as_json:
        click.echo(json.dumps({"files": [_as_json(*result) for result in results]}, indent=2))
    for file, loaded, problems in results:
        for problem in () if as_json else problems:
            click.echo(str(problem), err=True)
        if loaded is not None and not as_json:
            click.echo(f"{file}: valid ({_size(loaded)})", err=True)
        if effective and loaded is not None:
            click.echo(write_yaml(make_effective(loaded)), nl=False)
    if any(loaded is None for _, loaded, _ in results):
        sys.exit(1)


def _default_file() -> tuple[str, ...]:
    for name in DEFAULT_FILES:
        if os.path.exists(name):
            return (name,)
    raise click.UsageError(f"There is no {', '.join(DEFAULT_FILES)} in this folder: name a file.")


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
                "line": problem.line,
                "column": problem.column,
                "severity": "warning" if problem.warning else "error",
                "message": problem.message,
            }
            for problem in problems
        ],
    }


@main.command(
    epilog=_examples(
        "toron explain -c toron.yaml https://a.example/b",
        "toron explain -X POST -H 'X-Beta: 1' --client 10.1.2.3 http://a.example/b",
        "toron explain tls://db.example:5432",
        "toron explain --json https://a.example/b | jq .route.place",
    )
)
@click.argument("url")
@click.option("-c", "--config", "file", metavar="FILE", help="The configuration file.")
@click.option("-X", "--method", default="GET", show_default=True, help="The method of the request.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header field.")
@click.option("--client", default=CLIENT, show_default=True, metavar="IP", help="Where the client is.")
@click.option("--alpn", multiple=True, metavar="PROTOCOL", help="A protocol that a TLS client offers.")
@click.option("--listener", metavar="NAME", help="The listener that is asked, where several would do.")
@click.option("--json", "as_json", is_flag=True, help="Print the decision record as JSON.")
def explain(
    url: str,
    file: str | None,
    method: str,
    headers: tuple[str, ...],
    client: str,
    alpn: tuple[str, ...],
    listener: str | None,
    as_json: bool,
) -> None:
    """Tell where a request would go and why, without sending it or running a gateway.

    URL is one of https://, http://, tcp://HOST:PORT, tls://NAME:PORT and udp://HOST:PORT. Each rule
    is named with its file:line:column: the listener, its guards, the certificate, the route and
    those that almost match, middlewares, the backend and its servers. Exits with 0 when a server
    or the gateway would answer, with 1 when it would be refused, with 2 when it can not be told.
    Without -c: toron.yaml, .yml, .toml or .json of this folder.
    """
    try:
        asked = question(url, method, [header(line) for line in headers], client, alpn, listener)
        loaded = load(file or _default_file()[0], plugin, os.environ)
        record = Explainer(loaded).explain(asked)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except Invalid as invalid:
        for problem in invalid.problems:
            click.echo(str(problem), err=True)
        sys.exit(2)
    click.echo(json.dumps(record.as_json(), indent=2) if as_json else as_text(record), nl=as_json)
    if record.outcome.kind == "refused":
        sys.exit(1)


@main.command(
    epilog=_examples(
        "toron schema > toron.schema.json",
        "# then, as the first line of toron.yaml:",
        "# yaml-language-server: $schema=toron.schema.json",
        "toron schema --markdown > configuration.md",
    )
)
@click.option("--markdown", is_flag=True, help="Print a page for people instead: every key and plug-in.")
def schema(markdown: bool) -> None:
    """Print the JSON Schema of the configuration, for editors."""
    if markdown:
        click.echo(reference(plugin), nl=False)
    else:
        click.echo(json.dumps(make_schema(plugin), indent=2))


@main.command(
    epilog=_examples(
        "toron run -c toron.yaml",
        "sudo toron run -c /etc/toron.yaml --uid nobody --gid nogroup",
    )
)
@click.option("-c", "--config", "file", required=True, metavar="FILE", help="The configuration file.")
@click.option("--uid", metavar="USER", help="Become this user once the ports are open.")
@click.option("--gid", metavar="GROUP", help="Become this group once the ports are open.")
def run(file: str, uid: str | None, gid: str | None) -> None:
    """Serve a configuration in the foreground, until interrupted.

    The same as twistd -n --pidfile= toron -c FILE.
    """
    from twisted.scripts import twistd  # it installs a reactor, which checking a file does not need

    identity = [word for name, value in (("--uid", uid), ("--gid", gid)) if value for word in (name, value)]
    sys.argv = ["twistd", "-n", "--pidfile=", *identity, "toron", "-c", file]
    twistd.run()


@main.command(
    epilog=_examples(
        'eval "$(toron completion bash)"',
        "toron completion fish > ~/.config/fish/completions/toron.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes toron's commands in a shell."""
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(found(main, {}, "toron", "_TORON_COMPLETE").source())
