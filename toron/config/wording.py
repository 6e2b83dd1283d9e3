"""Says in plain words what may be written for an annotation."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from toron.config.shape import items_of
from toron.config.short import ONE, Also


@dataclass(frozen=True, slots=True)
class Word:
    """Marks an annotation: this is what people call it."""

    text: str


Link = Callable[[type[BaseModel]], str]
"""What to say of a model: a noun, perhaps with the address of its description: `[noun](address)`."""

_PLAIN: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    SecretStr: "secret",
    types.NoneType: "",
}


def phrase(wanted: Any, marks: Iterable[Any], link: Link) -> str:
    """What may be written, such as `duration`, `text or list of texts`, `whole number (1 to 10)`.

    `marks` are what stands beside `wanted` in its Annotated, as pydantic's fields keep them; a mark
    that says nothing to a reader is passed over.
    """
    if typing.get_origin(wanted) is Annotated:
        inner, *own = typing.get_args(wanted)
        return phrase(inner, [*own, *marks], link)
    found = list(_flat(marks))
    words = [mark.text for mark in found if isinstance(mark, Word)]
    said = words[-1] if words else _say(wanted, link)
    for mark in found:
        if isinstance(mark, Also) and not words:
            short = phrase(items_of(wanted), (), link) if mark.form is ONE else mark.word
            said = _either([short, said])
    return said + _bounds(found)


def _flat(marks: Iterable[Any]) -> Iterator[Any]:
    for mark in marks:
        if isinstance(mark, FieldInfo):
            yield from mark.metadata
        else:
            yield mark


def _bounds(marks: list[Any]) -> str:
    """The limits of a number, as annotated_types says them."""
    limits = {key: getattr(mark, key) for mark in marks for key in ("ge", "le") if hasattr(mark, key)}
    if "ge" not in limits:
        return f" (up to {limits['le']})" if limits else ""
    return f" ({limits['ge']} to {limits['le']})" if "le" in limits else f" ({limits['ge']} or more)"


def _say(wanted: Any, link: Link) -> str:
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is Literal:
        return _either([f"`{word}`" for word in arguments])
    if origin is Union or origin is types.UnionType:
        return _either([phrase(one, (), link) for one in arguments])
    if origin is dict:
        return f"mapping of names to {_many(phrase(arguments[1], (), link))}"
    item = items_of(wanted)
    if item is not None:
        return f"list of {_many(phrase(item, (), link))}"
    if isinstance(wanted, type) and issubclass(wanted, BaseModel):
        return link(wanted)
    return _PLAIN.get(wanted, "anything")


def _either(words: list[str]) -> str:
    words = [word for word in dict.fromkeys(words) if word]
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _many(said: str) -> str:
    """The plural: of the noun of a link, of the noun before `of`, of each of several; quoted words stay."""
    if " or " in said:
        return " or ".join(map(_many, said.split(" or ")))
    if "](" in said:
        return said.replace("](", "s](", 1)
    first, of, rest = said.partition(" of ")
    return f"{first}s{of}{rest}" if first[-1:].isalpha() and first[-1] != "s" else said
