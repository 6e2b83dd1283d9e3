"""Makes the JSON Schema of a configuration, for editors: with every plug-in's word and options."""

from __future__ import annotations

import copy
from typing import Any

from pydantic import BaseModel, RootModel
from pydantic.json_schema import models_json_schema

from toron.config.catalog import Catalog
from toron.config.model import Config
from toron.config.shape import fields_of, models_in

VARIABLE: dict[str, Any] = {
    "type": "string",
    "pattern": r"\$\{[A-Za-z_]",
    "description": "A value from the environment: ${VAR} or ${VAR:-default}.",
}
"""A variable, which may stand for anything that is not a mapping or a list."""

_PREFIX = "#/$defs/"
_Schema = dict[str, Any]


def schema(catalog: Catalog) -> _Schema:
    """The JSON Schema (2020-12) of what may be written; plug-ins that do not import are left as words."""
    found = Config.model_json_schema(by_alias=True)
    definitions: _Schema = found["$defs"]
    _write_defaults(Config, found, definitions)
    words = {
        drawer: _options(catalog, drawer, definitions)
        for drawer in ("middleware", "guards", "balancers", "discovery")
    }
    definitions["Listener"]["properties"]["guards"]["items"] = _use(words["guards"], True)
    definitions["Route"]["properties"]["middlewares"]["items"] = _use(words["middleware"], False)
    definitions["Backend"]["properties"]["balance"] |= _use(words["balancers"], True)
    definitions["Backend"]["properties"]["discovery"] |= _use(words["discovery"], True)
    definitions.pop("Named", None)
    found["properties"]["middlewares"] |= _named(words["middleware"], definitions)
    definitions["Variable"] = VARIABLE
    for name in list(definitions):
        if name != "Variable":
            definitions[name] = _with_variables(definitions[name])
    found["properties"] = {name: _with_variables(inner) for name, inner in found["properties"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "toron configuration",
        "description": "Listeners, routes, backends and middlewares of a toron gateway.",
    } | {key: value for key, value in found.items() if key not in ("title", "description")}


def _write_defaults(model: type[BaseModel], shape: _Schema, definitions: _Schema) -> None:
    """Write the defaults of a model and all in it as a user would: `10s`, not 10.0."""
    if issubclass(model, RootModel):
        return  # a list or a mapping, without keys that could have defaults
    written = model.model_construct().model_dump(mode="json", by_alias=True, warnings=False)
    for name, inner in _mapping(shape).get("properties", {}).items():
        if "default" in inner:
            del inner["default"]
            if isinstance(written, dict) and isinstance(written.get(name), str | int | float):
                inner["default"] = written[name]
    for child in (child for inner in fields_of(model).values() for child in models_in(inner)):
        own = definitions.get(child.__name__, {})
        if own and own is not shape:
            _write_defaults(child, own, definitions)


def _mapping(shape: _Schema) -> _Schema:
    """The long form of what has a short one too."""
    return next((one for one in shape.get("anyOf", ()) if "properties" in one), shape)


def _options(catalog: Catalog, drawer: str, definitions: _Schema) -> dict[str, _Schema]:
    """The shape of every word's options; what they refer to gets a name of its own in `definitions`."""
    shapes: dict[str, _Schema] = {}
    for word in catalog.words(drawer):
        try:
            model = catalog.options(drawer, word)
        except (ImportError, LookupError):
            shapes[word] = {}
            continue
        _, made = models_json_schema([(model, "validation")], by_alias=True)
        prefix = f"{drawer} {word} ".replace(" ", "-")
        _write_defaults(model, made["$defs"].get(model.__name__, {}), made["$defs"])
        for name, shape in made["$defs"].items():
            definitions[prefix + name] = _renamed(shape, prefix)
        shapes[word] = {"$ref": f"{_PREFIX}{prefix}{model.__name__}"}

    return shapes


def _renamed(value: Any, prefix: str) -> Any:
    if isinstance(value, list):
        return [_renamed(inner, prefix) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        key: inner.replace(_PREFIX, _PREFIX + prefix)
        if key == "$ref" and isinstance(inner, str)
        else _renamed(inner, prefix)
        for key, inner in value.items()
    }


def _use(words: dict[str, _Schema], closed: bool) -> _Schema:
    """A word, or a word with its options; names of the user's own may stand there unless `closed`."""
    one = {"enum": list(words)} if closed else {"type": "string", "examples": list(words)}
    return {
        "anyOf": [
            one,
            {
                "type": "object",
                "properties": {word: {"anyOf": [shape, {"type": "null"}]} for word, shape in words.items()},
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ]
    }


def _named(words: dict[str, _Schema], definitions: _Schema) -> _Schema:
    """The middlewares by name: with a type, or named as the word they are."""
    plain = {}
    for word, shape in words.items():
        target = copy.deepcopy(_mapping(definitions.get(shape.get("$ref", "").removeprefix(_PREFIX), {})))
        target.setdefault("type", "object")
        target.setdefault("properties", {})["type"] = {"const": word}
        definitions[f"middlewares-{word}"] = target
        plain[word] = {"$ref": f"{_PREFIX}middlewares-{word}"}
    typed = [{"allOf": [shape, {"required": ["type"]}]} for shape in plain.values()]
    return {
        "properties": {word: {"anyOf": [shape, {"type": "null"}, *typed]} for word, shape in plain.items()},
        "additionalProperties": {"anyOf": typed} if typed else {"type": "object"},
    }


def _with_variables(value: Any) -> Any:
    """Let `${VAR}` stand where a number, a truth value or a word of a fixed form is wanted."""
    if isinstance(value, list):
        return [_with_variables(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    scalar = value.get("type") in ("integer", "number", "boolean") or "enum" in value
    if scalar or (value.get("type") == "string" and ("pattern" in value or "minLength" in value)):
        outer = {key: value[key] for key in ("title", "description", "default") if key in value}
        inner = {key: value[key] for key in value if key not in outer}
        return outer | {"anyOf": [inner, {"$ref": f"{_PREFIX}Variable"}]}
    literal = ("default", "examples", "const")
    return {key: inner if key in literal else _with_variables(inner) for key, inner in value.items()}
