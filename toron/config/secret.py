"""Reads the secrets that a document keeps in files: `{file: path}` where a model wants a secret."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr

from toron.config.place import Path, Report
from toron.config.shape import alternatives, fields_of, items_of
from toron.config.substitute import STAND_IN

SECRET_LIMIT = 1 << 20
"""Bytes of a secret's file, at most."""


def slots(wanted: Any, holder: Any, step: str | int, path: Path) -> Iterator[tuple[Any, str | int, Path]]:
    """Every place under `holder[step]` where `wanted`, a model or annotation, has a secret.

    Yields the mapping or list that holds it, its key or index there, and its path.
    """
    value = holder[step]
    for choice in alternatives(wanted):
        if choice is SecretStr:
            yield holder, step, path
        elif isinstance(choice, type) and issubclass(choice, BaseModel):
            if isinstance(value, dict):
                for name, inner in fields_of(choice).items():
                    if name in value:
                        yield from slots(inner, value, name, (*path, name))
        else:
            yield from _inside(choice, holder, step, path)


def _inside(choice: Any, holder: Any, step: str | int, path: Path) -> Iterator[tuple[Any, str | int, Path]]:
    value, item = holder[step], items_of(choice)
    if item is None:
        return
    if isinstance(value, list):
        for index in range(len(value)):
            yield from slots(item, value, index, (*path, index))
    elif isinstance(value, dict) and set(value) != {"file"}:
        for name in list(value):
            yield from slots(item, value, name, (*path, name))
    else:  # one written where a list may stand
        yield from slots(item, holder, step, path)


def read_secrets(
    report: Report, folder: str, wanted: Any, holder: Any, step: str | int, path: Path
) -> set[Path]:
    """Replace every `{file: path}` that stands for a secret; returns the paths that were replaced."""
    replaced = set()
    for container, key, where in list(slots(wanted, holder, step, path)):
        value = container[key]
        if isinstance(value, dict) and set(value) == {"file"} and isinstance(value["file"], str):
            container[key] = _read(
                report, os.path.normpath(os.path.join(folder, value["file"])), (*where, "file")
            )
            replaced.add(where)
            report.hide(path, container[key])
    return replaced


def _read(report: Report, name: str, where: Path) -> str:
    try:
        with open(name, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(SECRET_LIMIT + 1)
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        return _refuse(
            report, where, f"the file {name} cannot be read: {error.strerror}: check the path and its mode"
        )
    except ValueError:
        return _refuse(report, where, f"the file {name} is not UTF-8 text: write the secret as text")
    if not text or len(data) > SECRET_LIMIT:
        wrong = "larger than 1 MiB" if text else "empty"
        return _refuse(report, where, f"the file {name} is {wrong}: write the secret into it")
    if stat.S_ISREG(mode) and mode & 0o077:
        report.warn(where, f"the file {name} can be read by other users: run chmod 600 {name}")
    return text


def _refuse(report: Report, where: Path, message: str) -> str:
    report.error(where, message)
    report.muted.add(where[:-1])
    return STAND_IN
