"""Finds the files that a part of a configuration names, and tells whether they have changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from toron.config.wording import Word


def contents(part: Any, folder: str) -> tuple[tuple[str, bytes], ...]:
    """Each file that `part` (a model, or a list of them) names, with a digest of what is in it now.

    Relative paths start at `folder`. A file that can not be read has an empty digest: who opens it
    says why.
    """
    return tuple((path, _digest(os.path.join(folder, path))) for path in _files(part))


def _digest(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""


def _files(part: Any) -> Iterator[str]:
    if isinstance(part, BaseModel):
        named = _named(type(part))
        for name in type(part).model_fields:
            value = getattr(part, name)
            if name in named and isinstance(value, str):
                yield value
            else:
                yield from _files(value)
    elif isinstance(part, list | tuple):
        for each in part:
            yield from _files(each)
    elif isinstance(part, dict):
        yield from _files(list(part.values()))


@cache
def _named(model: type[BaseModel]) -> frozenset[str]:
    """The fields whose type is `File`, or may be."""
    return frozenset(
        name for name, field in model.model_fields.items()
        if _is_file(field.metadata) or _within(field.annotation)
    )  # fmt: skip


def _within(annotation: Any) -> bool:
    return _is_file(getattr(annotation, "__metadata__", ())) or any(map(_within, get_args(annotation)))


def _is_file(metadata: Any) -> bool:
    return any(isinstance(each, Word) and each.text == "file" for each in metadata)
