"""A word finds its plug-in: a file of ours, or another package's entry point."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

from pydantic import BaseModel
from twisted.trial.unittest import SynchronousTestCase

from toron import plugin
from toron.config.catalog import Catalog


class Options(BaseModel):
    """What the plug-in of these tests takes."""


class Finding(SynchronousTestCase):
    """With a package that pretends to be installed."""

    def setUp(self) -> None:
        self.module = ModuleType("toron_test_plugin")
        sys.modules["toron_test_plugin"] = self.module
        self.addCleanup(sys.modules.pop, "toron_test_plugin")
        entries = [
            EntryPoint("coin-flip", "toron_test_plugin", "toron.balancers"),
            EntryPoint("round-robin", "toron_test_plugin", "toron.balancers"),
            EntryPoint("an-object", "toron_test_plugin:thing", "toron.balancers"),
            EntryPoint("absent", "toron_test_no_such_module", "toron.balancers"),
        ]

        def entry_points(group: str, name: str | None = None) -> list[EntryPoint]:
            return [entry for entry in entries if entry.group == group and name in (None, entry.name)]

        self.patch(plugin, "entry_points", entry_points)
        for cached in (plugin.find, plugin._others):
            cached.cache_clear()
            self.addCleanup(cached.cache_clear)

    def test_ours(self) -> None:
        self.assertEqual(plugin.find("balancers", "round-robin").__name__, "toron.balancers.round_robin")
        self.assertEqual(plugin.find("middleware", "rate-limit").__name__, "toron.middleware.rate_limit")

    def test_the_words(self) -> None:
        words = plugin.words("balancers")
        self.assertEqual(words, sorted(set(words)))
        self.assertLessEqual({"round-robin", "least-conn", "coin-flip"}, set(words))
        self.assertFalse(
            [word for drawer in plugin.DRAWERS for word in plugin.words(drawer) if word[0] == "-"]
        )

    def test_every_one_of_ours_has_options_and_a_sentence(self) -> None:
        for drawer in ("middleware", "guards", "balancers"):
            for word in plugin._own(drawer):
                self.assertTrue(issubclass(plugin.options(drawer, word), BaseModel), word)
                module = plugin.find(drawer, word)
                self.assertTrue(module.__doc__, word)
                self.assertTrue(callable(module.make), word)

    def test_of_another_package(self) -> None:
        self.module.Options = Options  # type: ignore[attr-defined]
        self.assertIs(plugin.find("balancers", "coin-flip"), self.module)
        self.assertIs(plugin.options("balancers", "coin-flip"), Options)

    def test_what_it_does(self) -> None:
        self.module.__doc__ = "Flips a coin.\n\nTwice."
        self.assertEqual(plugin.sentence("balancers", "coin-flip"), "Flips a coin.")
        self.module.__doc__ = None
        self.assertEqual(plugin.sentence("balancers", "coin-flip"), "")
        self.assertRaises(plugin.UnknownPlugin, plugin.sentence, "balancers", "coin-flop")

    def test_unknown(self) -> None:
        error = self.assertRaises(plugin.UnknownPlugin, plugin.find, "balancers", "coin_flop")
        self.assertEqual((error.drawer, error.word), ("balancers", "coin_flop"))
        self.assertIn("coin-flip", error.known)
        for word in ("", "..", "__init__", "round_robin", "Round-Robin", "../plugin"):
            self.assertRaises(plugin.UnknownPlugin, plugin.find, "balancers", word)

    def test_not_a_module(self) -> None:
        self.module.thing = 5  # type: ignore[attr-defined]
        self.assertRaises(ImportError, plugin.find, "balancers", "an-object")
        self.assertRaises(ImportError, plugin.find, "balancers", "absent")

    def test_without_options(self) -> None:
        for wrong in (None, dict, Options()):
            self.module.Options = wrong  # type: ignore[attr-defined]
            error = self.assertRaises(ImportError, plugin.options, "balancers", "coin-flip")
            self.assertIn("has no Options", str(error))

    def test_it_is_a_catalog(self) -> None:
        catalog: Catalog = plugin
        found: Any = catalog.options("balancers", "random")
        self.assertTrue(issubclass(found, BaseModel))
