"""Reads a configuration file, by its extension, into a Document."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from toron.config.place import Document, Invalid, Place, Problem, Unreadable
from toron.config.read_json import read_json
from toron.config.read_toml import read_toml
from toron.config.read_yaml import read_yaml

FILE_LIMIT = 32 << 20
"""Bytes of a configuration file, at most."""

FORMATS: dict[str, Callable[[str, Document], None]] = {
    ".yaml": read_yaml,
    ".yml": read_yaml,
    ".json": read_json,
    ".toml": read_toml,
}
"""What reads each extension."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


def read_document(
    path: str,
    text: bytes | None = None,
    *,
    least: str = "one listener under listeners:",
    keys: str = "keys such as listeners: and routes:",
    may_be_empty: bool = False,
) -> Document:
    """The data of a file with its places; raises Invalid when it cannot be read as what it says it is.

    With a `text` that is read instead of the file. `least` and `keys` say what to write where there is
    nothing, or no mapping.
    """
    document = Document(path)
    extension = os.path.splitext(path)[1].lower()
    try:
        if extension not in FORMATS:
            raise Unreadable(
                (1, 1), "no format has this extension: name the file .yaml, .yml, .json or .toml"
            )
        document.text = _read(path) if text is None else text
        FORMATS[extension](decode(document.text), document)
        if document.data is None and may_be_empty:
            document.data = {}
        elif document.data is None:
            raise Unreadable((1, 1), f"the file is empty: write at least {least}")
        if not isinstance(document.data, dict):
            raise Unreadable(document.value_place(()), f"not a mapping: write {keys}")
    except Unreadable as error:
        raise Invalid([Problem(path, *error.place, error.message)]) from None
    return document


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except FileNotFoundError:
        raise Unreadable((1, 1), "there is no such file: check the path") from None
    except IsADirectoryError:
        raise Unreadable((1, 1), "this is a folder: give the path of a file") from None
    except PermissionError:
        raise Unreadable((1, 1), "this user may not read the file: change its owner or mode") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Unreadable((1, 1), f"the file cannot be read: {why}") from None
    if len(data) > FILE_LIMIT:
        raise Unreadable((1, 1), f"larger than {FILE_LIMIT >> 20} MiB: this is not a configuration file")
    return data


def decode(data: bytes) -> str:
    """The text of a file, without a byte order mark; raises Unreadable at the first byte that is not text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()  # without the mark
        raise Unreadable(_end(before), "not UTF-8 text: save the file as UTF-8") from None
    found = _CONTROL.search(text)
    if found:
        what = f"U+{ord(found.group()):04X}"
        raise Unreadable(
            _end(text[: found.start()]), f"the control character {what} is not text: take it out"
        )
    return text


def _end(text: str) -> Place:
    return (text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1)
