"""Turns what pydantic found wrong into places with plain sentences."""

from __future__ import annotations

import difflib
import re
from collections.abc import Container, Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from toron.config.place import Path, Report, quote, starts
from toron.config.shape import fields_of, models_at, models_in

_LISTED = 30
"""Known words in one message, at most."""

_NUMBER = "not a number: write a number such as 3"
_WHOLE = "not a whole number: write a number such as 3"
_BOOL = "not a yes or no: write true or false"
_LIST = "not a list: write a list such as [a, b]"
_MAPPING = "not a mapping: write keys with values, such as {{key: value}}"

MESSAGES: dict[str, str] = {
    "string_type": "not text: put it in quotes",
    "string_unicode": "not text: write valid Unicode",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "finite_number": _NUMBER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "bool_type": _BOOL,
    "bool_parsing": _BOOL,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dataclass_type": _MAPPING,
    "greater_than": "too small: write a number above {gt}",
    "greater_than_equal": "too small: write a number from {ge}",
    "less_than": "too large: write a number below {lt}",
    "less_than_equal": "too large: write a number up to {le}",
    "too_short": "too short: write at least {min_length}",
    "too_long": "too long: write at most {max_length}",
    "string_too_short": "too short: write at least {min_length} characters",
    "string_too_long": "too long: write at most {max_length} characters",
    "string_pattern_mismatch": "not in the form that is wanted here: write what fits {pattern}",
}
"""What each kind of pydantic error is called here."""

_SHALLOW = frozenset(
    {
        "string_type",
        "int_type",
        "float_type",
        "bool_type",
        "list_type",
        "tuple_type",
        "dict_type",
        "model_type",
        "too_short",
    }
)


def locate(data: Any, steps: Iterable[str | int]) -> Path:
    """The part of an error's steps that was really written: union tags and normalised items fall out."""
    path: list[str | int] = []
    for step in steps:
        inside = (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and isinstance(step, int) and step < len(data)
        )
        if inside:
            data = data[step]
            path.append(step)
    return tuple(path)


def explain(
    report: Report, error: ValidationError, wanted: Any, data: Any, base: Path, secret: Container[Path]
) -> None:
    """Add every problem of `error` to the report.

    `wanted` is the model, `data` what was written for it at `base`; a value under a path of
    `secret` is not repeated in a message.
    """
    found = error.errors(include_url=False)
    grouped: dict[tuple[Path, bool], list[str]] = {}
    misspelt = {
        one["loc"][:-1]: difflib.get_close_matches(
            str(one["loc"][-1]).lower(), _keys(wanted, one["loc"]), 1, 0.6
        )
        for one in found
        if one["type"] == "extra_forbidden"
    }
    paths = [locate(data, one["loc"]) for one in found]
    around = {above for path in paths for above in starts(path) if above != path}
    for one, path in zip(found, paths, strict=True):
        kind, steps = one["type"], one["loc"]
        if kind in _SHALLOW and path in around:
            continue  # the other side of a union explains it better
        if kind == "missing":
            if str(steps[-1]) in misspelt.get(steps[:-1], ()):
                continue
            message, key = _missing(str(steps[-1])), True
        elif kind == "extra_forbidden":
            message, key = _unknown(str(steps[-1]), models_at(wanted, steps[:-1]), report), True
        else:
            shown = not any(above in secret for above in starts(base + path))
            message, key = (
                _say(kind, one, shown),
                kind == "value_error" and isinstance(one.get("input"), dict),
            )
        sentences = grouped.setdefault((path, key), [])
        if message not in sentences:
            sentences.append(message)
    for (path, key), sentences in grouped.items():
        for sentence in sentences if key else [_either(sentences)]:
            report.error(base + path, sentence, key=key)


def _keys(wanted: Any, steps: tuple[str | int, ...]) -> list[str]:
    return [key for model in models_at(wanted, steps[:-1]) for key in fields_of(model)]


def suggest(word: str, known: Iterable[str], report: Report) -> str:
    """`did you mean 'x'?` when a known word is near, else the known words, or the first of them."""
    known = list(known)
    if report.comparisons > 0:
        report.comparisons -= len(known)
        near = difflib.get_close_matches(word.lower(), known, 1, 0.6)
        if near:
            return f"did you mean {quote(near[0])}?"
    rest = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return f"known here: {', '.join(known[:_LISTED])}{rest}" if known else "nothing is known here"


def _missing(name: str) -> str:
    return f"the key {quote(name)} is missing: add {name}:"


def _unknown(name: str, models: list[type[BaseModel]], report: Report) -> str:
    fields = {key: inner for model in models for key, inner in fields_of(model).items()}
    near = difflib.get_close_matches(name.lower(), fields, 1, 0.8)
    inside = [
        key for key, inner in fields.items() if any(name in fields_of(child) for child in models_in(inner))
    ]
    if inside and not near:
        return f"unknown key {quote(name)}: it belongs under {' or '.join(f'{key}:' for key in inside)}"
    return f"unknown key {quote(name)}: {suggest(name, fields, report)}"


def _say(kind: str, error: Any, shown: bool) -> str:
    context = error.get("ctx", {})
    value = error.get("input")
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error", error["msg"]))
    if value is None and kind in MESSAGES:
        advice = MESSAGES[kind].format(**context).partition(": ")[2]
        return f"nothing is written here: {advice}, or take the key out"
    if kind in ("literal_error", "enum"):
        words = [a or b for a, b in re.findall(r"'([^']*)'|(\d+)", str(context.get("expected", "")))]
        near = (
            difflib.get_close_matches(str(value).lower(), words, 1, 0.6)
            if shown and isinstance(value, str)
            else []
        )
        what = quote(value) if shown else "this"
        hint = f" (did you mean {quote(near[0])}?)" if near else ""
        return f"{what} is not known here: write {_or(words)}{hint}"
    if kind == "string_type" and isinstance(value, dict | list):
        return "not text: write one word, or text in quotes"
    if kind in MESSAGES:
        return MESSAGES[kind].format(**context)
    return f"not accepted: {error['msg'][0].lower()}{error['msg'][1:]}"


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _either(sentences: list[str]) -> str:
    if len(sentences) == 1:
        return sentences[0]
    hints = [sentence.partition(": ")[2] or sentence for sentence in sentences]
    return f"not understood: {', or '.join(dict.fromkeys(hints))}"
