"""Compiles the regular expressions of a configuration, for values that may be any bytes."""

from __future__ import annotations

from typing import Any

import re2

_SETTINGS = re2.Options()
_SETTINGS.encoding = re2.Options.Encoding.LATIN1
_SETTINGS.dot_nl = True
_SETTINGS.log_errors = False


def expression(pattern: str) -> Any:
    """An RE2 expression, to be searched in bytes, in time linear to them; ValueError when it is none.

    It is matched byte by byte: as text, `.` would not match bytes that are no UTF-8, and a request
    with one of those would pass by every `.*`. Whatever is not ASCII stands for its UTF-8 bytes, so
    it may be written out but not put in `[...]`. `.` matches a line feed too.
    """
    try:
        return re2.compile(pattern.encode(), _SETTINGS)
    except re2.error as error:
        why = error.args[0] if error.args else b""
        said = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
        raise ValueError(f"{pattern!r} is not a regular expression (in RE2's syntax): {said}") from None
