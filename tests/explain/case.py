"""Explains what a test writes, with toron's own plug-ins."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping
from typing import Any

from tests.config.case import PluginCase
from toron import plugin
from toron.config.load import Loaded, load
from toron.explain.explainer import Explainer
from toron.explain.question import Question, question
from toron.explain.record import Record


class ExplainCase(PluginCase):
    """Places are without the name of the file: `12:5`."""

    def loaded(self, text: str, environ: Mapping[str, str] | None = None) -> Loaded:
        return load(self.write("a.yaml", textwrap.dedent(text).lstrip("\n")), plugin, environ or {})

    def explainer(self, text: str, environ: Mapping[str, str] | None = None) -> Explainer:
        return Explainer(self.loaded(text, environ))

    def ask(self, text: str, url: str, *fields: tuple[str, str], **more: Any) -> Record:
        return self.explainer(text).explain(question(url, headers=fields, **more))

    def question(self, url: str, *fields: tuple[str, str], **more: Any) -> Question:
        return question(url, headers=fields, **more)

    def short(self, place: str) -> str:
        return place.removeprefix(os.path.join(self.folder, "a.yaml:"))
