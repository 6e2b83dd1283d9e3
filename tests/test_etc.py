"""Every example can be loaded and composed, and says nothing that a beginner need worry about."""

from __future__ import annotations

import random
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.test_compose import CLOCK, Reactor
from toron import plugin
from toron.compose import compose
from toron.config.load import load

ETC = Path(__file__).resolve().parents[1] / "etc"


class Examples(SynchronousTestCase):
    """etc/*.yaml, and whatever else of a configuration lies there."""

    def test_every_one_is_composed(self) -> None:
        files = sorted(path for path in ETC.iterdir() if path.suffix in (".yaml", ".yml", ".json", ".toml"))
        self.assertIn(ETC / "demo.yaml", files)
        for path in files:
            loaded = load(str(path), plugin, {"JWT_SECRET": "0123456789abcdef0123456789abcdef"}, now=CLOCK)
            gateway = compose(loaded, Reactor(), random.Random(1), lambda: CLOCK, self.fail)
            self.assertEqual(len(gateway.listeners), len(loaded.config.listeners), path.name)
            said = [str(warning) for warning in loaded.warnings if "self-signed" not in str(warning)]
            self.assertEqual(said, [], path.name)
