"""Says in the JSON Schema that something shorter may be written too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

TEXT: dict[str, Any] = {"type": "string"}
"""A plain string may be written."""

ONE: dict[str, Any] = {}
"""One item may be written instead of a list."""


@dataclass(frozen=True, slots=True, eq=False)
class Also:
    """Marks an annotation: besides its own form, `form` may be written, which people call `word`."""

    form: dict[str, Any]
    word: str = "text"

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The annotation's own schema or the short form (called by pydantic)."""
        own: dict[str, Any] = handler(core)
        form = dict(own.get("items", TEXT)) if self.form is ONE else self.form
        choices = own["anyOf"] if set(own) == {"anyOf"} else [own]
        return {"anyOf": [form, *choices]}
