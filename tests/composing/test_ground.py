"""What every part of a composition stands on."""

from __future__ import annotations

import random
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron import plugin
from toron.composing.ground import Ground
from toron.config.load import load
from toron.config.place import Invalid
from toron.net.inheritance import Inheritance

TEXT = """\
listeners: [{protocol: http, port: 80}]
routes: [{middlewares: [{rate-limit: {rate: 1/s}}], respond: {}}]
"""


class GroundTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        (self.folder / "a.yaml").write_text(TEXT)

    def ground(self, before: Ground | None = None, inheritance: Inheritance | None = None) -> Ground:
        loaded = load(str(self.folder / "a.yaml"), plugin, {})
        return Ground(loaded, Clock(), random.Random(1), inheritance, before)

    def test_what_is_unusable_is_told_with_its_place(self) -> None:
        for error in (ValueError("bad"), OSError("bad")):
            with self.assertRaises(Invalid) as raised, self.ground().located("it is", "routes"):
                raise error
            self.assertEqual(str(raised.exception), f"{self.folder}/a.yaml:2:1: it is: bad")

    def test_a_plug_in_is_kept(self) -> None:
        path = ("routes", 0, "middlewares", 0)
        first = self.ground()
        made = first.kept("here", path)
        self.assertIs(self.ground(first).kept("here", path), made)
        self.assertIsNot(self.ground(first).kept("there", path), made)
        (self.folder / "a.yaml").write_text(TEXT.replace("1/s", "2/s"))
        self.assertIsNot(self.ground(first).kept("here", path), made)

    def test_files(self) -> None:
        ground = self.ground()
        (self.folder / "x").write_text("y")
        self.assertEqual(ground.path("x"), str(self.folder / "x"))
        with ground.readable("x") as path, ground.readable(None) as nothing:
            self.assertEqual((path, nothing), (str(self.folder / "x"), None))

    def test_what_workers_have_in_common(self) -> None:
        inheritance = Inheritance(2)
        ground = self.ground(inheritance=inheritance)
        self.assertEqual(ground.once(lambda: 5), 5)
        self.assertEqual(inheritance.values, {None: [5]})
        ground.limits()
        self.assertEqual(len(ground.shared_limits), 1)
        alone = self.ground()
        self.assertEqual((alone.once(lambda: 6), alone.shared_limits), (6, []))

    def test_what_is_known_of_the_file_goes_with_it(self) -> None:
        ground = self.ground()
        places = ground.loaded.places
        ground.leave()
        self.assertTrue(ground.loaded.place("listeners", 0).endswith(":1:13"))
        for _ in ground.dismantle():
            pass
        self.assertFalse(hasattr(ground, "loaded"))
        self.assertEqual((places.keys, places.values, len(ground.pieces)), ({}, {}, 0))
