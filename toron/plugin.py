"""Finds a plug-in by the word that the configuration uses: the word is the name of the file."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from pydantic import BaseModel

DRAWERS = ("balancers", "discovery", "guards", "middleware", "probes")
"""The kinds of plug-in; each is a folder of toron and an entry-point group `toron.<kind>`."""


class UnknownPlugin(LookupError):
    """No plug-in of that kind has that word; `known` are the words that would do."""

    def __init__(self, drawer: str, word: str, known: list[str]) -> None:
        super().__init__(f"no {drawer} plug-in is called {word!r}")
        self.drawer, self.word, self.known = drawer, word, known


@cache
def _own(drawer: str) -> dict[str, str]:
    package = importlib.import_module(f"toron.{drawer}")
    found = [module.name for module in pkgutil.iter_modules(package.__path__)]
    return {name.replace("_", "-"): f"toron.{drawer}.{name}" for name in found if name[0] != "_"}


@cache
def _others(drawer: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in reversed(tuple(entry_points(group=f"toron.{drawer}")))}


def words(drawer: str) -> list[str]:
    """Every word that names a plug-in of this kind, ours and other packages'."""
    return sorted({*_own(drawer), *_others(drawer)})


@cache
def find(drawer: str, word: str) -> ModuleType:
    """The module behind a word: ours first, then an entry point `toron.<drawer>` of any package.

    Raises UnknownPlugin, or ImportError when the package is there but does not import.
    """
    path = _own(drawer).get(word)
    if path is not None:
        return importlib.import_module(path)
    entry = _others(drawer).get(word)
    if entry is None:
        raise UnknownPlugin(drawer, word, words(drawer))
    module = entry.load()
    if not isinstance(module, ModuleType):
        raise ImportError(f"the entry point {word!r} of toron.{drawer} must name a module")
    return module


def options(drawer: str, word: str) -> type[BaseModel]:
    """The model that a plug-in's options must fit; raises as `find` does.

    A module that has no `Options` is an ImportError, as one that does not import.
    """
    model = getattr(find(drawer, word), "Options", None)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise ImportError(f"the {drawer} plug-in {word!r} has no Options, a pydantic model")
    return model


def sentence(drawer: str, word: str) -> str:
    """The first line of a plug-in's docstring, which says what it does; raises as `find` does."""
    return (inspect.getdoc(find(drawer, word)) or "").partition("\n")[0]
