"""`toron explain`: which rule takes a request, and why the others do not."""

from __future__ import annotations

import os
import sys

import click

from toron import plugin
from toron.cli._files import default_file
from toron.cli._words import REFUSED, WRONG_USAGE, examples, print_json
from toron.config.load import load
from toron.config.place import Invalid
from toron.explain.explainer import Explainer
from toron.explain.question import CLIENT, header, question
from toron.explain.text import as_text


@click.command(
    "explain",
    epilog=examples(
        "toron explain -c toron.yaml https://a.example/b",
        "toron explain -X POST -H 'X-Beta: 1' --client 10.1.2.3 http://a.example/b",
        "toron explain tls://db.example:5432",
        "toron explain --json https://a.example/b | jq .route.place",
    ),
)
@click.argument("url")
@click.option("-c", "--config", "file", metavar="FILE", help="The configuration file.")
@click.option("-X", "--method", default="GET", show_default=True, help="The method of the request.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header field.")
@click.option("--client", default=CLIENT, show_default=True, metavar="IP", help="Where the client is.")
@click.option("--alpn", multiple=True, metavar="PROTOCOL", help="A protocol that a TLS client offers.")
@click.option("--listener", metavar="NAME", help="The listener that is asked, where several would do.")
@click.option("--json", "as_json", is_flag=True, help="Print the decision record as JSON.")
def command(
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
        loaded = load(file or default_file(), plugin, os.environ)
        record = Explainer(loaded).explain(asked)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except Invalid as invalid:
        for problem in invalid.problems:
            click.echo(str(problem), err=True)
        sys.exit(WRONG_USAGE)
    if as_json:
        print_json(record.as_json())
    else:
        click.echo(as_text(record), nl=False)
    if record.outcome.kind == "refused":
        sys.exit(REFUSED)
