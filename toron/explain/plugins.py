"""What a plug-in says of itself: why its verdict may be another one in a running gateway."""

from __future__ import annotations

from typing import Any

from toron import plugin
from toron.config.load import Loaded


def note(loaded: Loaded, path: tuple[str | int, ...], asked: Any) -> str:
    """What the plug-in used at `path` has to say of a request or connection, before it is asked.

    That is the function `note(options, asked)` of its module, where there is one.
    """
    used = loaded.plugins[path]
    said = getattr(plugin.find(used.drawer, used.word), "note", None)
    return "" if said is None else str(said(used.options, asked))


def shown(loaded: Loaded, text: str) -> str:
    """A text, unless a value of the environment went into it, which may be a secret."""
    hidden = any(len(value) > 3 and value in text for value in loaded.variables.values())
    return "<secret>" if hidden else text
