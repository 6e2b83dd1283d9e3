"""Tests of the static table of QPACK, against another implementation."""

from __future__ import annotations

from pylsqpack import Decoder
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.http3_qpack import encode
from toron.wire.http3_qpack_table import NAMES, PLACES, STATIC


class Table(SynchronousTestCase):
    def test_every_entry_is_what_others_take_it_for(self) -> None:
        self.assertEqual(len(STATIC), 99)
        for index, field in enumerate(STATIC):
            section = b"\0\0" + (bytes([0xC0 | index]) if index < 63 else bytes([0xFF, index - 63]))
            _, fields = Decoder(0, 0).feed_header(0, section)
            self.assertEqual(fields, [field], index)

    def test_every_entry_is_found(self) -> None:
        for index, field in enumerate(STATIC):
            self.assertEqual(PLACES[field], index)
            self.assertEqual(STATIC[NAMES[field[0]]][0], field[0])
            self.assertLessEqual(NAMES[field[0]], index)
            self.assertEqual(len(encode([field])), 3 if index < 63 else 4)
