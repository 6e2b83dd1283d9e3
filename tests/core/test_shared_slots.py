"""Every key has its slot, wherever it is looked for."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.core.memory import FakeMemory
from toron.core.shared_slots import KEY, WAYS, Slots


class SlotsTests(SynchronousTestCase):
    def slots(self, keys: int = 100, size: int = 24, header: int = 8) -> Slots:
        return Slots(FakeMemory(Slots.bytes_for(keys, size, header)), size, header)

    def test_there_is_room_to_spare(self) -> None:
        self.assertEqual(Slots.bytes_for(100, 24, 8), 8 + 25 * WAYS * 24)
        self.assertEqual(Slots.bytes_for(1, 32), WAYS * 32)

    def test_a_key_is_found_where_it_was_put(self) -> None:
        slots = self.slots()
        for key in ("a", "b", b"a", None, ("a", None)):
            hashed = slots.hashed(key)
            row = slots.row(hashed)
            self.assertEqual(slots.find(hashed, row), -1)
            place = slots.places(row)[WAYS - 1]
            slots.memory.view[place : place + KEY] = hashed
            self.assertEqual(slots.find(hashed, row), place)

    def test_rows_do_not_overlap(self) -> None:
        slots = self.slots(10)
        places = [place for row in range(3) for place in slots.places(row)]
        self.assertEqual(places, list(range(8, 8 + 3 * WAYS * 24, 24)))
        self.assertEqual(places[-1] + 24, len(slots.memory.view))

    def test_what_looks_like_a_key_in_the_middle_of_a_slot_is_none(self) -> None:
        slots = self.slots(1, 40)
        hashed = slots.hashed("a")
        first = slots.places(0)[0]
        slots.memory.view[first + KEY : first + 2 * KEY] = hashed
        self.assertEqual(slots.find(hashed, 0), -1)
        last = slots.places(0)[2]
        slots.memory.view[last : last + KEY] = hashed
        self.assertEqual(slots.find(hashed, 0), last)

    def test_another_process_finds_the_same(self) -> None:
        slots = self.slots()
        program = (
            "from toron.core.shared_slots import Slots; from tests.core.memory import FakeMemory;"
            "slots = Slots(FakeMemory(Slots.bytes_for(100, 24, 8)), 24, 8); h = slots.hashed(('x', b'y'));"
            "print(h.hex(), slots.row(h))"
        )
        hashed = slots.hashed(("x", b"y"))
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.stdout, f"{hashed.hex()} {slots.row(hashed)}\n", done.stderr)
