"""Writes the reference of the configuration, in Markdown, from the models themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo

from toron.config.catalog import NOUNS, Catalog
from toron.config.introduction import DRAWERS, INTRODUCTION
from toron.config.model import Config, Model, Named, Use
from toron.config.shape import models_in
from toron.config.wording import phrase

_DRAWER_OF = {
    "guards": "guards",
    "middlewares": "middleware",
    "balance": "balancers",
    "discovery": "discovery",
}
"""The keys whose values are plug-ins, with the drawer these are in."""

_Titles = dict[type[BaseModel], str]
"""What the section of each model is called: where its keys are written, such as `listeners.tls`."""


def reference(catalog: Catalog) -> str:
    """Every word that may be written: sections in the order of a file, then the plug-ins by drawer."""
    titles: _Titles = {}
    for name, field in Config.model_fields.items():
        titles.update(dict.fromkeys(models_in(field.annotation), name))
    text = [INTRODUCTION, "## The whole file", *_section(Config, titles)]
    chapters = [(model, title) for model, title in titles.items() if model is not Named]
    found = [(model, title, 2) for model, title in chapters]
    for model, title in chapters:
        place = found.index((model, title, 2)) + 1
        found[place:place] = [(*part, 3) for part in _parts(model, titles)]
    for model, title, level in found:
        text += [f"{'#' * level} `{title}`", *_section(model, titles)]
    for drawer, introduction in DRAWERS.items():
        text.append(introduction)
        for word in catalog.words(drawer):
            text += [f"### `{word}`", *_plugin(catalog, drawer, word)]
    return "\n\n".join(text) + "\n"


def _plugin(catalog: Catalog, drawer: str, word: str) -> Iterator[str]:
    try:
        model = catalog.options(drawer, word)
    except (ImportError, LookupError) as error:
        yield f"This {NOUNS[drawer]} cannot be used: {error}."
        return
    yield catalog.sentence(drawer, word)
    titles: _Titles = {model: word}
    parts = list(_parts(model, titles))
    yield from _section(model, titles)
    for part, title in parts:
        yield f"#### `{title}`"
        yield from _section(part, titles)


def _parts(model: type[BaseModel], titles: _Titles) -> Iterator[tuple[type[BaseModel], str]]:
    """What a model holds and nothing has described yet, each before its own parts; adds to `titles`."""
    for name, field in model.model_fields.items():
        for part in models_in(field.annotation):
            if part.model_fields and part is not Use and _title(part, titles) is None:
                titles[part] = f"{titles[model]}.{field.alias or name}"
                yield part, titles[part]
                yield from _parts(part, titles)


def _title(model: type[BaseModel], titles: _Titles) -> str | None:
    """The section that describes a model: its own, or that of a model which has its keys and more."""
    found = (title for other, title in titles.items() if issubclass(other, model))
    return titles.get(model) or next(found, None)


def _section(model: type[BaseModel], titles: _Titles) -> Iterator[str]:
    """What a model is, and a table of its keys."""
    if model.__doc__ and model.__doc__ not in (Model.__doc__, BaseModel.__doc__, RootModel.__doc__):
        yield inspect.cleandoc(model.__doc__)
    if issubclass(model, RootModel):
        root = model.model_fields["root"]
        yield f"Options: *{phrase(root.annotation, root.metadata, partial(_link, titles, ''))}*."
    elif model.model_fields:
        # Some models fill in what they are not given: these are the defaults without that.
        defaults = model.model_construct().model_dump(mode="json", by_alias=True, warnings=False)
        rows = [
            _row(field.alias or name, field, defaults, titles) for name, field in model.model_fields.items()
        ]
        yield "\n".join(["| key | what | default |", "|---|---|---|", *rows])


def _row(key: str, field: FieldInfo, defaults: dict[str, Any], titles: _Titles) -> str:
    kind = phrase(field.annotation, field.metadata, partial(_link, titles, key))
    said = " ".join((field.description or "").split())
    default = "**required**" if field.is_required() else _shown(defaults.get(key))
    return f"| `{key}` | *{kind}*{'. ' if said else ''}{_cell(said)} | {_cell(default)} |"


def _link(titles: _Titles, key: str, model: type[BaseModel]) -> str:
    if model is Use:
        drawer = _DRAWER_OF[key]
        return f"[{NOUNS[drawer]}](#{drawer})"
    if model is Named:
        return "[middleware](#middleware)"
    title = _title(model, titles)
    return "`{}`" if title is None else f"[mapping](#{_anchor(title)})"


def _anchor(heading: str) -> str:
    """The address that GitHub gives a heading."""
    return re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-")


def _shown(value: Any) -> str:
    """A default as a user would write it; nothing for one that is empty or has a section of its own."""
    if isinstance(value, list) and not any(isinstance(item, dict) for item in value):
        value = f"[{', '.join(map(str, value))}]" if value else ""
    if value in (None, "") or isinstance(value, dict | list):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
