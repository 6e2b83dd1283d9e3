"""Looks into the annotations of a model: what may stand where."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, Union

from pydantic import BaseModel, RootModel

_COLLECTIONS = (list, tuple, set, frozenset, dict)


def alternatives(wanted: Any) -> Iterator[Any]:
    """What an annotation allows, without Annotated, aliases and unions."""
    if isinstance(wanted, typing.TypeVar):
        return
    if hasattr(wanted, "__value__"):  # a `type X = ...` of Python 3.12
        yield from alternatives(wanted.__value__)
        return
    origin = typing.get_origin(wanted)
    if origin is Annotated:
        yield from alternatives(typing.get_args(wanted)[0])
    elif origin is Union or origin is types.UnionType:
        for one in typing.get_args(wanted):
            yield from alternatives(one)
    elif isinstance(wanted, type) and issubclass(wanted, RootModel):
        yield from alternatives(wanted.model_fields["root"].annotation)
    else:
        yield wanted


def fields_of(model: type[BaseModel]) -> dict[str, Any]:
    """The keys that may be written for a model, with their annotations."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def items_of(choice: Any) -> Any:
    """The annotation of the items of a list or the values of a mapping; None for anything else."""
    origin, arguments = typing.get_origin(choice), typing.get_args(choice)
    if not isinstance(origin, type) or not issubclass(origin, _COLLECTIONS) or not arguments:
        return None
    return arguments[1] if issubclass(origin, dict) and len(arguments) > 1 else arguments[0]


def models_in(wanted: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation holds, in lists and mappings too."""
    for choice in alternatives(wanted):
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            yield choice
        elif items_of(choice) is not None:
            yield from models_in(items_of(choice))


def models_at(wanted: Any, steps: tuple[str | int, ...]) -> list[type[BaseModel]]:
    """The models that may stand at the end of `steps`; steps that name no field are passed over."""
    found = list(alternatives(wanted))
    for step in steps:
        deeper = [one for choice in found for one in _step(choice, step)]
        found = deeper or found
    return [one for one in found if isinstance(one, type) and issubclass(one, BaseModel)]


def _step(choice: Any, step: str | int) -> Iterator[Any]:
    if isinstance(choice, type) and issubclass(choice, BaseModel):
        inner = fields_of(choice).get(str(step))
    else:
        inner = items_of(choice)
    if inner is not None:
        yield from alternatives(inner)
