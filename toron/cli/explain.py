"""`toron explain`: which rule takes a request, or took one, and why the others do not."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from toron import plugin
from toron.cli._files import default_file
from toron.cli._gateway import Gateway, Said, gateway_of, told_as_json
from toron.cli._words import REFUSED, WRONG_USAGE, examples, print_json
from toron.config.load import load
from toron.config.place import Invalid
from toron.explain.explainer import Explainer
from toron.explain.question import CLIENT, header, question
from toron.explain.record import Record, record_of
from toron.explain.text import as_text


class _Forgotten(Said):
    """The gateway knows nothing of it."""

    exit_code = WRONG_USAGE


NOTHING = {
    "detail": "nothing that is as asked for is remembered",
    "next": "what goes well is followed up to explain.follow: ask again after the next request",
    "word": "unknown_request",
}


@click.command(
    "explain",
    epilog=examples(
        "toron explain -c toron.yaml https://a.example/b",
        "toron explain -X POST -H 'X-Beta: 1' --client 10.1.2.3 http://a.example/b",
        "toron explain tls://db.example:5432",
        "toron explain --json https://a.example/b | jq .route.place",
        "toron explain --live 8d3ac3a7e5-2f",
        "toron explain --last --route shop --status 5xx",
    ),
)
@click.argument("url", required=False)
@click.option("-c", "--config", "file", metavar="FILE", help="The configuration file.")
@click.option("-X", "--method", default="GET", show_default=True, help="The method of the request.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header field.")
@click.option("--client", default=CLIENT, show_default=True, metavar="IP", help="Where the client is.")
@click.option("--alpn", multiple=True, metavar="PROTOCOL", help="A protocol that a TLS client offers.")
@click.option("--listener", metavar="NAME", help="The listener that is asked, where several would do.")
@click.option("--live", metavar="ID", help="Explain what was served with this id of the access log.")
@click.option("--last", is_flag=True, help="Explain what was served last.")
@click.option("--route", metavar="NAME", help="With --last: on this route.")
@click.option("--status", metavar="STATUS", help="With --last: 404, 5xx, or a reason of the access log.")
@click.option("--admin", metavar="URL", help="With --live and --last: the admin port of the gateway.")
@click.option("--token-file", metavar="FILE", help="Has the token for it.")
@click.option("--json", "as_json", is_flag=True, help="Print the decision record as JSON.")
def command(
    url: str | None,
    file: str | None,
    live: str | None,
    last: bool,
    route: str | None,
    status: str | None,
    admin: str | None,
    token_file: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Tell where a request would go and why, without sending it or running a gateway.

    URL is one of https://, http://, tcp://HOST:PORT, tls://NAME:PORT and udp://HOST:PORT. Each rule
    is named with its file:line:column: the listener, its guards, the certificate, the route and
    those that almost match, middlewares, the backend and its servers. Exits with 0 when a server
    or the gateway would answer, with 1 when it would be refused, with 2 when it can not be told.
    Without -c: toron.yaml, .yml, .toml or .json of this folder.

    With --live or --last it is about what a gateway that runs has served, and the gateway is asked:
    that at --admin, that of the file after -c, or that of $TORON_ADMIN.
    """
    served = bool(live) + last
    if served + bool(url) != 1:
        raise click.UsageError("Name one thing: a URL, --live ID, or --last.")
    if (route or status) and not last:
        raise click.UsageError("--route and --status belong to --last.")
    if served:
        gateway = gateway_of(admin, file, token_file)
        with told_as_json(as_json):
            record = record_of(_served(gateway, live, route, status))
    else:
        assert url is not None
        record = _offline(url, file, **asked)
    if as_json:
        print_json(record.as_json())
    else:
        click.echo(as_text(record), nl=False)
    if record.outcome.kind == "refused":
        sys.exit(REFUSED)


def _offline(
    url: str,
    file: str | None,
    method: str,
    headers: tuple[str, ...],
    client: str,
    alpn: tuple[str, ...],
    listener: str | None,
) -> Record:
    """What a configuration says."""
    try:
        asked = question(url, method, [header(line) for line in headers], client, alpn, listener)
        loaded = load(file or default_file(), plugin, os.environ)
        return Explainer(loaded).explain(asked)
    except ValueError as error:
        other = "" if "://" in url else ", or --live ID to ask about what a gateway has served"
        raise click.UsageError(f"{error}{other}") from None
    except Invalid as invalid:
        for problem in invalid.problems:
            click.echo(str(problem), err=True)
        sys.exit(WRONG_USAGE)


def _served(gateway: Gateway, id: str | None, route: str | None, status: str | None) -> Any:
    """What a gateway remembers."""
    try:
        if id is None:
            found = gateway.get("requests", route=route, status=status, most=1)["requests"]
            if not found:
                raise _Forgotten(NOTHING)
            id = str(found[0]["id"])
        return gateway.get("requests", id)
    except Said as said:
        if said.details.get("word") != "unknown_request":
            raise
        raise _Forgotten(said.details) from None
