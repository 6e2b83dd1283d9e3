"""Loads a configuration file: text in, validated data out, or every problem with its place."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from toron.config.catalog import Catalog, Fitting, Plugin
from toron.config.check import check
from toron.config.draft import draft
from toron.config.include import put_in, take_in
from toron.config.model import Config
from toron.config.place import Document, Invalid, Path, Problem, Report
from toron.config.secret import read_secrets
from toron.config.source import read_document
from toron.config.substitute import substitute
from toron.config.uses import plugins

_SOME = {"protocol": "http", "port": 0}
"""A listener in the place of those that could not be read."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration, with what is known of its text."""

    config: Config
    warnings: list[Problem]
    folder: str
    """Where relative paths in it start: the folder of the first file."""
    places: Document = field(repr=False)
    plugins: Mapping[Path, Plugin] = field(repr=False)
    """Each plug-in by the path of its use, such as `("routes", 0, "middlewares", 1)` and
    `("backends", "api", "balance")`; a named middleware is the same object at every use."""
    variables: Mapping[Path, str] = field(repr=False)
    """The strings that held a variable, with what they became."""

    def place(self, *path: str | int) -> str:
        """Where something was written, as `file:line:column`."""
        line, column = self.places.key_place(path)
        return f"{self.places.file_of(path)}:{line}:{column}"

    def invalid(self, message: str, *path: str | int) -> Invalid:
        """An error to raise about what was written at `path`."""
        return Invalid([self.places.problem(path, message, key=True)])


def load(path: str, catalog: Catalog, environ: Mapping[str, str], now: float | None = None) -> Loaded:
    """Load the file at `path` and those it includes; raises Invalid with every problem and warning.

    `catalog` knows the plug-ins (`toron.plugin`), `environ` the variables, and `now` is the time
    in Unix seconds for the dates of certificates (the system's when None).
    """
    return _load(read_document(path), os.path.dirname(path) or ".", catalog, environ, now)


def load_text(
    text: bytes,
    name: str,
    folder: str,
    catalog: Catalog,
    environ: Mapping[str, str],
    now: float | None = None,
    included: Mapping[str, bytes] | None = None,
) -> Loaded:
    """Load `text` as if it were a file in `folder`; problems call it `name`, which ends with its format.

    With `included` these texts are taken in, and not what the files say now.
    """
    return _load(read_document(name, text), folder, catalog, environ, now, included)


def _load(
    document: Document,
    folder: str,
    catalog: Catalog,
    environ: Mapping[str, str],
    now: float | None,
    included: Mapping[str, bytes] | None = None,
) -> Loaded:
    report = Report(document)
    for place, message in document.repeated:
        report.at(place, message)
    if included is None:
        whole = take_in(report, folder, environ)
    else:
        whole = put_in(report, folder, environ, included)
    if not whole and "listeners" not in document.data:
        document.data["listeners"] = [_SOME]
    variables = substitute(report, environ)
    secrets = read_secrets(report, folder, Config, {"": document.data}, "", ())
    fitting = Fitting(report, catalog, environ, folder, variables)
    fitting.secrets |= secrets
    config = fitting.fit(Config, lambda: document.data, ())
    if not whole:  # names may be those of a part that could not be read
        raise Invalid(report.errors(), document.looked)
    used = plugins(fitting, document.data)
    parts = draft(config, document.data, catalog.words("middleware"))
    check(parts, report, folder, time.time() if now is None else now)
    warnings = report.warnings()
    if config is None or report.errors():
        raise Invalid([*report.errors(), *warnings], document.looked)
    return Loaded(config, warnings, folder, document, used, variables)
