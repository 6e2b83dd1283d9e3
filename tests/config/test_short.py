"""The short forms are in the JSON Schema."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, TypeAdapter
from twisted.trial.unittest import SynchronousTestCase

from toron.config.short import ONE, TEXT, Also


class Item(BaseModel):
    """Something with keys."""

    a: int


def _same(value: object) -> object:
    return value


class ShortForms(SynchronousTestCase):
    """Each: an annotation, and its schema."""

    def test_text(self) -> None:
        schema = TypeAdapter(Annotated[Item, BeforeValidator(_same), Also(TEXT)]).json_schema()
        self.assertEqual(schema["anyOf"], [{"type": "string"}, {"$ref": "#/$defs/Item"}])

    def test_one_of_a_list(self) -> None:
        schema = TypeAdapter(Annotated[tuple[int, ...], Also(ONE)]).json_schema()
        integers = {"type": "array", "items": {"type": "integer"}}
        self.assertEqual(schema, {"anyOf": [{"type": "integer"}, integers]})

    def test_beside_other_choices(self) -> None:
        schema = TypeAdapter(Annotated[int | bool, Also(TEXT)]).json_schema()
        self.assertEqual(schema, {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "boolean"}]})
