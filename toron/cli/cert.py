"""`toron cert`: the certificates of a configuration, what is in one, and one for development."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from toron import plugin
from toron.cli._cert_acme import of_acme
from toron.cli._cert_renew import renew
from toron.cli._certificates import facts, left, lines
from toron.cli._files import default_file
from toron.cli._words import REFUSED, examples, json_option, print_json
from toron.config.load import Loaded, load
from toron.config.place import Invalid
from toron.net.key_pair import self_signed

file_option = click.option(
    "-c", "--config", "file", help="The configuration; without it that of this folder."
)


@click.group(
    "cert",
    epilog=examples(
        "toron cert list",
        "toron cert show shop.example",
        "toron cert self-signed localhost 127.0.0.1",
        "toron cert renew shop.example --wait 60",
    ),
)
def command() -> None:
    """List, show and renew certificates, and make one for development."""


@command.command("list", epilog=examples("toron cert list", "toron cert list -c toron.yaml --json"))
@file_option
@json_option
def list_(file: str | None, as_json: bool) -> None:
    """List the certificates of a configuration.

    The first to expire comes first.

    Exits with 1 when one of them cannot be read, or has expired.
    """
    found = sorted(_of(_loaded(file)), key=lambda each: str(each.get("not_after", "")))
    if as_json:
        print_json({"certificates": found})
    else:
        now = _now()
        for each in found:
            names = ", ".join(each.get("names", ())) or "no names"
            said = f"{each['key']}, {left(each, now)}" if "key" in each else _why(each)
            trouble = f"; the last try failed: {each['trouble']}" if "trouble" in each else ""
            click.echo(f"{each['place']}: {names}: {said}{trouble}")
    if any("problem" in each or _expired(each) for each in found):
        sys.exit(REFUSED)


@command.command("show", epilog=examples("toron cert show cert.pem", "toron cert show shop.example"))
@click.argument("what", metavar="FILE_OR_NAME")
@file_option
@json_option
def show(what: str, file: str | None, as_json: bool) -> None:
    """Show what is in a certificate.

    Of a file, or of each in the configuration that is for a name.
    """
    found = [_read(what)] if os.path.exists(what) else [e for e in _of(_loaded(file)) if _serves(e, what)]
    if not found:
        click.echo(f"there is no file {what}, and no certificate for that name", err=True)
        sys.exit(REFUSED)
    if as_json:
        print_json({"certificates": found})
        return
    for number, each in enumerate(found):
        if number:
            click.echo()
        if "place" in each:
            click.echo(f"{'written':<8} {each['place']}")
        for label, text in lines(each, _now()) if "key" in each else [("", _why(each))]:
            click.echo(f"{label:<8} {text}")
    if any("problem" in each for each in found):
        sys.exit(REFUSED)


@command.command("self-signed", epilog=examples("toron cert self-signed localhost 127.0.0.1 ::1 --days 90"))
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--days", type=click.IntRange(1, 825), default=30, show_default=True, help="How long it holds.")
@click.option("--out", "folder", default=".", show_default=True, help="The folder for the two files.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
def make(names: tuple[str, ...], days: int, folder: str, force: bool) -> None:
    """Make a certificate for development.

    No client trusts it. It is in two files of the first name: .pem, and .key, which only you can read.
    """
    try:
        pair = self_signed(names, _now(), days)
    except ValueError as error:
        raise click.UsageError(f"No certificate can be for {', '.join(names)}: {error}") from None
    stem = os.path.normpath(
        os.path.join(folder, names[0].replace("*", "any").replace(":", "-").replace("/", "-"))
    )
    cert, key = f"{stem}.pem", f"{stem}.key"
    there = [path for path in (cert, key) if os.path.exists(path)]
    if there and not force:
        click.echo(f"{' and '.join(there)}: already there; write over it with --force", err=True)
        sys.exit(REFUSED)
    try:
        for path, text, mode in ((cert, pair.chain, 0o644), (key, pair.key, 0o600)):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(text)
    except OSError as error:
        click.echo(f"{error.filename or stem}: {error.strerror}", err=True)
        sys.exit(REFUSED)
    click.echo(f"certificates: [{{cert: {cert}, key: {key}}}]")


command.add_command(renew)


# --- the certificates of a configuration ------------------------------------------------------


def _loaded(file: str | None) -> Loaded:
    """The configuration; its problems end the command."""
    try:
        return load(file or default_file(), plugin, os.environ)
    except Invalid as invalid:
        for problem in invalid.problems:
            click.echo(str(problem), err=True)
        sys.exit(REFUSED)


def _of(loaded: Loaded) -> Iterator[dict[str, Any]]:
    """Each certificate that is written, with its place and what is in it."""
    for number, listener in enumerate(loaded.config.listeners):
        for index, each in enumerate(listener.certificates):
            place = loaded.place("listeners", number, "certificates", index)
            said: dict[str, Any] = {"place": str(place), "listener": listener.label}
            if each.acme is not None:
                yield said | of_acme(each.acme, loaded.folder)
            elif each.cert is None:
                yield said | {"names": list(each.self_signed), "note": "self-signed, made at every start"}
            else:
                yield said | _read(os.path.join(loaded.folder, each.cert))


def _read(path: str) -> dict[str, Any]:
    """What is in a file; a problem where that is no certificate."""
    try:
        with open(path, "rb") as file:
            return {"file": path} | facts(file.read(4 << 20))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a certificate in PEM form"
        return {"file": path, "problem": str(why)}


def _why(known: dict[str, Any]) -> str:
    """Why there is nothing more to be said of it."""
    return str(known.get("note") or known["problem"])


def _serves(known: dict[str, Any], name: str) -> bool:
    """Whether it is for that name, itself or by a wildcard."""
    _, _, parent = name.lower().partition(".")
    return bool({name.lower(), f"*.{parent}"} & set(known.get("names", ())))


def _expired(known: dict[str, Any]) -> bool:
    return "not_after" in known and datetime.datetime.fromisoformat(known["not_after"]) <= _now()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
