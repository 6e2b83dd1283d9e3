"""The gateway that a command speaks to: its admin API, and how it is found."""

from __future__ import annotations

import functools
import http.client
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import click

from toron.cli._words import REFUSED, UNREACHABLE, WRONG_USAGE, print_json

DEFAULT = "http://127.0.0.1:9901"
"""Where a gateway listens whose configuration says only `admin: {}`."""

TIMEOUT = 60.0
"""Seconds until an answer must have come: a large configuration takes some."""

LARGEST = 64 << 20
"""Bytes of an answer, at most."""

_JSON = "application/json"


class Unreachable(click.ClickException):
    """No gateway answers; `details` says so as it would have, if it could."""

    exit_code = UNREACHABLE

    def __init__(self, detail: str, advice: str) -> None:
        self.details = {"title": "Unreachable", "detail": detail, "next": advice, "word": "unreachable"}
        super().__init__(f"{detail}: {advice}")


class Said(click.ClickException):
    """The gateway did not do what it was asked for; `details` is the problem document (RFC 9457)."""

    exit_code = REFUSED

    def __init__(self, details: dict[str, Any]) -> None:
        self.details = details
        problems = [
            f"{each['file']}:{each['line']}:{each['column']}: "
            f"{'warning: ' if each['severity'] == 'warning' else ''}{each['message']}"
            for each in details.get("problems", ())
        ]
        detail = details["detail"]
        # Where there are problems each of them says what to do.
        lines = [*problems, detail if problems else f"{detail}: {details['next']}"]
        if details.get("known"):
            lines.append(f"known: {', '.join(details['known'])}")
        super().__init__("\n".join(lines))


class Gateway:
    """The admin API at `url`; every method raises Unreachable, or Said with what the gateway says."""

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        try:
            port = parts.port or 80
        except ValueError:
            port = 0
        if parts.scheme != "http" or not parts.hostname or not port or parts.path not in ("", "/"):
            raise click.UsageError(f"{url!r} is no address of an admin port: write http://HOST:PORT.")
        self.url = f"http://{parts.netloc}"
        self._host, self._port = parts.hostname, port
        self._token = token

    def get(self, *path: str, **query: Any) -> Any:
        """What is at a path, whose parts are encoded here."""
        asked = urlencode({name: value for name, value in query.items() if value not in (None, "")})
        return self._ask("GET", _target(path) + (f"?{asked}" if asked else ""), None, {})

    def post(
        self,
        *path: str,
        body: bytes = b"{}",
        content_type: str = _JSON,
        if_match: str | None = None,
        query: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> Any:
        """Have something changed, which may take `timeout` seconds."""
        fields = {"Content-Type": content_type} | ({} if if_match is None else {"If-Match": if_match})
        target = _target(path) + (f"?{urlencode(query)}" if query else "")
        return self._ask("POST", target, body, fields, timeout)

    def _ask(
        self, method: str, target: str, body: bytes | None, fields: dict[str, str], timeout: float = TIMEOUT
    ) -> Any:
        fields = {"Accept": _JSON, "Connection": "close", **fields}
        if self._token:
            fields["Authorization"] = f"Bearer {self._token}"
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        try:
            connection.request(method, target, body, fields)
            answer = connection.getresponse()
            data = answer.read(LARGEST)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                f"no gateway answers at {self.url}: {_why(error)}",
                "start it with admin: in its configuration, or name it with --admin URL or -c FILE",
            ) from None
        finally:
            connection.close()
        return self._read(answer.status, data)

    def _read(self, status: int, data: bytes) -> Any:
        try:
            found = json.loads(data)
        except ValueError:
            found = None
        if status == 200 and isinstance(found, dict):
            return found
        if isinstance(found, dict) and {"detail", "next"} <= found.keys():
            raise Said(found)
        raise Unreachable(
            f"what answers at {self.url} is no admin API of toron (status {status})",
            "name another with --admin URL",
        )


def _why(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    return said or str(error) or type(error).__name__


def _target(path: tuple[str, ...]) -> str:
    return "/api/v1/" + "/".join(quote(part, safe="") for part in path)


def asks_gateway(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say which gateway is meant, and the Gateway itself as `gateway`."""

    @click.option("--admin", metavar="URL", help=f"The admin port; else $TORON_ADMIN, else {DEFAULT}.")
    @click.option("-c", "--config", "file", metavar="FILE", help="Take the admin port of this configuration.")
    @click.option("--token-file", metavar="FILE", help="Has the token; else $TORON_ADMIN_TOKEN is it.")
    @click.pass_context
    @functools.wraps(command)
    def wrapped(context: click.Context, /, **options: Any) -> Any:
        said = {name: options.pop(name) for name in ("admin", "file", "token_file")}
        for name, value in (context.parent.params if context.parent else {}).items():
            # A group has them too: toron servers --admin URL list.
            if name in said and said[name] is None:
                said[name] = value
        gateway = gateway_of(**said)
        with told_as_json(options.get("as_json", False)):
            return context.invoke(command, gateway=gateway, **options)

    return wrapped


@contextmanager
def told_as_json(wanted: bool) -> Iterator[None]:
    """Where JSON is wanted, have a program read why there is none of what it asked for."""
    try:
        yield
    except (Said, Unreachable) as no:
        if not wanted:
            raise
        print_json(no.details)
        raise click.exceptions.Exit(no.exit_code) from None


def gateway_of(admin: str | None, file: str | None, token_file: str | None) -> Gateway:
    """The gateway that these options mean."""
    return Gateway(_url(admin, file), _token(token_file))


def _url(admin: str | None, file: str | None) -> str:
    if admin is not None and file is not None:
        raise click.UsageError("--admin and -c cannot be used together.")
    if file is not None:
        return _url_of_file(file)
    return admin or os.environ.get("TORON_ADMIN") or DEFAULT


def _url_of_file(file: str) -> str:
    from toron import plugin  # these take longer to load than most commands to run
    from toron.config.load import load
    from toron.config.place import Invalid

    try:
        admin = load(file, plugin, os.environ).config.admin
    except Invalid as invalid:
        for problem in invalid.problems:
            click.echo(str(problem), err=True)
        raise click.exceptions.Exit(WRONG_USAGE) from None
    if admin is None:
        raise click.UsageError(f"{file} has no admin port: write admin: {{}} in it, and start it anew.")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(admin.address, admin.address)
    return f"http://[{host}]:{admin.port}" if ":" in host else f"http://{host}:{admin.port}"


def _token(file: str | None) -> str:
    token = os.environ.get("TORON_ADMIN_TOKEN", "")
    if file is not None:
        try:
            with open(file, encoding="ascii") as opened:
                token = opened.read(4096)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not ASCII text"
            raise click.UsageError(f"The token can not be read from {file}: {why}.") from None
    return token.strip()
