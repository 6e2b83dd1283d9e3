"""Reads a file with the servers of a backend: data out, or every problem with its place."""

from __future__ import annotations

from pydantic import ValidationError

from toron.config.check_backend import KINDS, check_servers
from toron.config.explain import explain
from toron.config.model import ServerFile, ServerSpec
from toron.config.place import Invalid, Path, Report, quote
from toron.config.source import read_document


def read_servers(path: str, scheme: str) -> tuple[ServerSpec, ...]:
    """The servers in the file at `path`; ValueError with every problem, a line for each."""
    try:
        return _read(path, scheme)
    except Invalid as invalid:
        raise ValueError(str(invalid)) from None


def _read(path: str, scheme: str) -> tuple[ServerSpec, ...]:
    document = read_document(path, least="one server under servers:", keys="servers: and a list of servers")
    report = Report(document)
    for place, message in document.repeated:
        report.at(place, message)
    try:
        found = ServerFile.model_validate(document.data).servers
    except ValidationError as error:
        explain(report, error, ServerFile, document.data, (), ())
        found = ()
    except RecursionError:
        report.error((), "nested too deep: write it flatter")
        found = ()
    check_servers([(_place(report, index), server) for index, server in enumerate(found)], report)
    for index, server in enumerate(found):
        written = server.url.partition(":")[0]
        if written in KINDS and written != scheme:
            message = (
                f"{quote(written)} is not what is spoken to these servers: write {scheme}://, or in the "
                f"configuration scheme: {written}"
            )
            report.error(_place(report, index), message)
    if not report.errors() and not any(server.weight for server in found):
        what = "every weight is 0: give one server a weight above 0" if found else "no servers: write one"
        report.error(("servers",), what, key=True)
    if report.errors():
        raise Invalid(report.errors())
    return found


def _place(report: Report, index: int) -> Path:
    here: Path = ("servers", index)
    return (*here, "url") if isinstance(report.document.get(here), dict) else here
