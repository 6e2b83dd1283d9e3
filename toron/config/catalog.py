"""Validates the options of plug-ins against the models that a catalog has for their words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from toron.config.explain import explain, locate, suggest
from toron.config.place import Path, Report, quote, starts
from toron.config.scalar import resolve
from toron.config.secret import read_secrets

NOUNS = {
    "middleware": "middleware",
    "guards": "guard",
    "balancers": "balancer",
    "discovery": "discovery provider",
}
"""The drawers whose words a configuration uses, with the noun that messages use."""

M = TypeVar("M", bound=BaseModel)


class Catalog(Protocol):
    """Who knows the plug-ins: `toron.plugin`, or a fake one in a test."""

    def words(self, drawer: str) -> list[str]:
        """Every word of a drawer."""

    def options(self, drawer: str, word: str) -> type[BaseModel]:
        """The options model of a word; LookupError when unknown, ImportError when it does not import."""

    def sentence(self, drawer: str, word: str) -> str:
        """What the plug-in does, in one sentence; raises as `options` does."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plug-in as it is used: the same object wherever a named middleware is used by its name."""

    drawer: str
    word: str
    name: str
    """What the configuration calls it: the name it has under `middlewares:`, else its word."""
    options: BaseModel = field(repr=False)


@dataclass(frozen=True, slots=True)
class Written:
    """One use of a plug-in as it was written: its options are `holder[step]`, at `path`."""

    drawer: str
    word: str
    path: Path
    holder: Any
    step: str | int
    word_at: Path
    word_is_key: bool = False
    name: str = ""
    names: tuple[str, ...] = ()
    """What else, besides a word, may stand there."""

    def written(self) -> Any:
        """The options without the type; none are no options."""
        written = self.holder[self.step]
        if self.name and isinstance(written, dict):
            return {key: value for key, value in written.items() if key != "type"}
        return {} if written is None else written


class Fitting:
    """Fits what was written to models, with the variables of the document in mind."""

    def __init__(
        self,
        report: Report,
        catalog: Catalog,
        environ: Mapping[str, str],
        folder: str,
        variables: dict[Path, str],
    ) -> None:
        self.report, self.catalog, self.folder = report, catalog, folder
        self.variables = variables
        self.context = {"environ": environ, "folder": folder}
        """The validation context that every model gets: what to read instead of os.environ."""
        self.secrets: set[Path] = set(variables)
        """Paths whose values came from a variable or `{file: path}`: no message repeats them."""
        self._inside: dict[Path, set[str]] = {}
        """What the variables below a path became."""
        for path, text in variables.items():
            for above in starts(path):
                self._inside.setdefault(above, set()).add(text)

    def fit(self, model: type[M], read: Callable[[], Any], base: Path) -> M | None:
        """The model of what `read()` returns, written at `base`; None when problems were reported.

        A string that came from a variable may stand for a number, true, false or nothing: it is
        tried as text first, and where that does not fit as what it would be without quotes.
        """
        for last in (False, True):
            data = read()
            try:
                return model.model_validate(data, context=self.context)
            except ValidationError as error:
                wrong = [
                    base + locate(data, one["loc"])
                    for one in error.errors(include_url=False, include_input=False)
                ]
                if last or not [True for path in set(wrong) if self._unquote(path)]:
                    explain(self.report, error, model, data, base, self.secrets)
                    return None
            except RecursionError:
                self.report.error(base, "nested too deep: write it flatter")
                return None
        return None

    def _unquote(self, path: Path) -> bool:
        if path not in self.variables or path in self.report.muted:
            return False
        value = resolve(self.variables[path])
        self.report.document.put(path, value)
        return not isinstance(value, str)

    def plugin(self, use: Written) -> Plugin | None:
        """The plug-in of one use; None when problems were reported."""
        noun = NOUNS[use.drawer]
        try:
            model = self.catalog.options(use.drawer, use.word)
        except LookupError:
            known = [*use.names, *self.catalog.words(use.drawer)]
            message = f"unknown {noun} {quote(use.word)}: {suggest(use.word, known, self.report)}"
            if use.name and use.word_is_key:
                message += " (a name of your own needs a type:)"
            self.report.error(use.word_at, message, key=use.word_is_key)
            return None
        except ImportError as error:
            message = f"the {noun} {quote(use.word)} does not import: {error}: install what it needs"
            self.report.error(use.word_at, message, key=use.word_is_key)
            return None
        self.secrets |= read_secrets(self.report, self.folder, model, use.holder, use.step, use.path)
        for text in self._inside.get(use.path, ()):
            self.report.hide(use.path, text)
        options = self.fit(model, use.written, use.path)
        return Plugin(use.drawer, use.word, use.name or use.word, options) if options is not None else None
