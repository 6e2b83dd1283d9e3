"""What a parent has packed is what its worker unpacks."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from toron import plugin
from toron.config.load import Loaded, load
from toron.net.inheritance import Inheritance
from toron.workers.packing import Packed, bare, unpack


class Packing(SynchronousTestCase):
    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "a.yaml"
        self.path.write_text("listeners: [{protocol: tcp, port: 1, echo: {}}]")
        self.loaded: Loaded = load(str(self.path), plugin, {})
        self.inheritance = Inheritance(4)
        for piece in ("a", "b"):
            self.inheritance.once(piece, lambda: b"secret")
            self.inheritance.memory(piece, 8).view[:1] = piece.encode()
        self.inheritance.unnamed["routes", 0, "backend"] = ((5, 1), "127.0.0.1:1")

    def test_everything(self) -> None:
        packed = Packed(self.loaded, self.inheritance)
        memories = [os.dup(each) for each in packed.descriptors]
        loaded, inherited = unpack(packed.data, memories, 4, 1, {"web": 9})
        self.assertEqual((loaded.config, loaded.folder), (self.loaded.config, self.loaded.folder))
        self.assertEqual((inherited.seats, inherited.seat, inherited.told), (4, 1, None))
        self.assertEqual(inherited.unnamed, self.inheritance.unnamed)
        self.assertTrue(inherited.opens("web"))
        for piece in ("b", "a"):
            self.assertEqual(inherited.once(piece, lambda: b"another"), b"secret")
            self.assertEqual(bytes(inherited.memory(piece, 8).view[:1]), piece.encode())

    def test_what_is_new(self) -> None:
        packed = Packed(self.loaded, self.inheritance, frozenset({"b", "c"}))
        self.assertEqual(len(packed.descriptors), 1)
        _, inherited = unpack(packed.data, [os.dup(packed.descriptors[0])], 4, 1, {})
        self.assertEqual(inherited.told, {"b", "c"})
        self.assertEqual(bytes(inherited.memory("b", 8).view[:1]), b"b")
        self.assertRaises(KeyError, inherited.once, "a", lambda: b"")

    def test_places_for_those_who_ask(self) -> None:
        self.path.write_text("listeners: [{protocol: tcp, port: 1, echo: {}}]\nadmin: {}\n")
        asked = load(str(self.path), plugin, {})
        self.path.write_text(self.path.read_text() + "explain: {keep: 0}\n")
        for loaded, places in ((asked, asked.places.values), (load(str(self.path), plugin, {}), {})):
            packed = Packed(loaded, Inheritance(4))
            unpacked, _ = unpack(packed.data, [], 4, 1, {})
            self.assertEqual(unpacked.places.values, places)
        self.assertEqual(asked.place("listeners", 0), f"{self.path}:1:13")

    def test_places_stay_with_the_parent(self) -> None:
        self.assertTrue(self.loaded.places.values)
        self.assertEqual(bare(self.loaded).places.values, {})
        self.assertEqual(bare(self.loaded).place("listeners", 0), f"{self.loaded.places.file}:1:1")

    def test_places_in_several_files(self) -> None:
        (self.path.parent / "b.yaml").write_text("admin: {}\ntests: []\n")
        self.path.write_text(self.path.read_text() + "\ninclude: b.yaml\n")
        loaded, _ = unpack(Packed(load(str(self.path), plugin, {}), Inheritance(4)).data, [], 4, 1, {})
        self.assertEqual(loaded.place("admin"), f"{self.path.parent}/b.yaml:1:1")
        self.assertEqual(loaded.place("listeners", 0), f"{self.path}:1:13")
