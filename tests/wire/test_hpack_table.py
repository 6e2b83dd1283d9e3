"""The static table is the one of the RFC, as another library has it."""

from __future__ import annotations

from hpack.table import HeaderTable
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.hpack_table import NAMES, PLACES, STATIC


class Table(SynchronousTestCase):
    def test_entries(self) -> None:
        self.assertEqual(STATIC, list(HeaderTable.STATIC_TABLE))

    def test_places(self) -> None:
        self.assertEqual(len(PLACES), 61)
        self.assertEqual((PLACES[b":authority", b""], PLACES[b"www-authenticate", b""]), (1, 61))
        self.assertEqual((PLACES[b":status", b"500"], NAMES[b":status"], NAMES[b":path"]), (14, 8, 4))
