"""Composes what a test writes, on a reactor that opens nothing, and then again on top of that."""

from __future__ import annotations

import random
import textwrap
from pathlib import Path

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from toron import plugin
from toron.compose import Composition
from toron.config.load import load


class ComposedCase(SynchronousTestCase):
    """With a folder for what the configuration names."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.reactor = MemoryReactorClock()

    def composition(self, text: str, before: Composition | None = None) -> Composition:
        """All that `text` makes; with `before` of what was there, whose place it takes at once."""
        (self.folder / "a.yaml").write_text(textwrap.dedent(text))
        loaded = load(str(self.folder / "a.yaml"), plugin, {}, now=1_800_000_000.0)
        made = Composition(loaded, self.reactor, random.Random(1), lambda: 1_800_000_000.0, before=before)
        for _ in made.steps():
            pass
        for change in made.ground.changes:
            change()
        return made
