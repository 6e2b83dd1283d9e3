"""Tests of which header fields a configuration may change."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.middleware._names import FRAMING, HOP_BY_HOP, checked_name


class Names(SynchronousTestCase):
    def test_good_ones_stay_as_they_are(self) -> None:
        for name in ("X-Team", "host", "a", "!#$%&'*+-.^_`|~9"):
            self.assertEqual(checked_name(name), name)

    def test_what_is_no_name(self) -> None:
        for name in ("", "X Y", "X:", ":path", "X\n", "X\r\nY", "Zoë", "X\0", "a/b", '"'):
            error = self.assertRaises(ValueError, checked_name, name)
            self.assertIn("not a header name", str(error), name)

    def test_what_is_the_gateways_own(self) -> None:
        for names, words in ((FRAMING, "where the message ends"), (HOP_BY_HOP, "a single connection")):
            self.assertTrue(names)
            for name in names:
                for spelling in (name, name.title(), name.upper()):
                    error = self.assertRaises(ValueError, checked_name, spelling)
                    self.assertIn(f"{spelling} cannot be changed", str(error))
                    self.assertIn(words, str(error))
