"""Writes a configuration and compares what is said about it."""

from __future__ import annotations

import os
import stat
import textwrap
from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from tests.config.fakes import NOW, FakeCatalog
from toron import plugin
from toron.config.load import Loaded, load
from toron.config.place import Invalid

NONE: Mapping[str, str] = {}
"""An environment without variables."""


class ConfigCase(SynchronousTestCase):
    """A test with a folder of its own, in which configurations are written."""

    maxDiff = None

    def setUp(self) -> None:
        self.folder = self.mktemp()
        os.makedirs(self.folder)

    def write(self, name: str, text: str | bytes, mode: int = stat.S_IRUSR | stat.S_IWUSR) -> str:
        """Write a file into the folder (text is dedented); returns its path."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        data = text if isinstance(text, bytes) else textwrap.dedent(text).lstrip("\n").encode()
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        return path

    def load(self, text: str | bytes, file: str = "a.yaml", environ: Mapping[str, str] = NONE) -> Loaded:
        """What a valid configuration loads as."""
        return load(self.write(file, text), FakeCatalog(), environ, now=NOW)

    def said(self, text: str | bytes, file: str = "a.yaml", environ: Mapping[str, str] = NONE) -> list[str]:
        """Every line that is said about a configuration, without the folder and its file's name."""
        path = self.write(file, text)
        try:
            lines = load(path, FakeCatalog(), environ, now=NOW).warnings
        except Invalid as invalid:
            lines = invalid.problems
        return [str(line).removeprefix(f"{path}:").replace(f"{self.folder}/", "") for line in lines]

    def says(
        self, text: str | bytes, *expected: str, file: str = "a.yaml", environ: Mapping[str, str] = NONE
    ) -> None:
        """Fail unless exactly these lines are said, in this order."""
        self.assertEqual("\n".join(self.said(text, file, environ)), "\n".join(expected))


class PluginCase(ConfigCase):
    """With toron's own plug-ins, and only those, whatever else is installed."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(plugin, "entry_points", lambda **_: ())
        plugin._others.cache_clear()
        self.addCleanup(plugin._others.cache_clear)
