"""A certificate is known by its names, its kind and who issues it."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from toron.acme.wanted import Binding, Wanted

WANTED = Wanted(("a.test", "b.test"), "/s", "https://ca.test/dir")


class Files(SynchronousTestCase):
    def test_the_first_name_is_in_it(self) -> None:
        self.assertRegex(WANTED.file, r"\Aa\.test-[0-9a-f]{8}\Z")
        self.assertRegex(WANTED.at("*.b.test").file, r"\Aany\.b\.test-[0-9a-f]{8}\Z")

    def test_another_certificate_has_another(self) -> None:
        others = [
            WANTED.at("a.test"),
            replace(WANTED, key="rsa"),
            replace(WANTED, directory="https://other.test/"),
        ]
        self.assertEqual(len({WANTED.file, *(other.file for other in others)}), 4)

    def test_how_it_is_got_does_not_matter(self) -> None:
        same = [
            replace(WANTED, names=("a.test", "b.test"), challenge="dns-01", hook=("x",)),
            replace(WANTED, email="me@a.test", ca=b"x"),
        ]
        self.assertEqual({WANTED.file, *(each.file for each in same)}, {WANTED.file})

    def test_no_way_out_of_the_folder(self) -> None:
        self.assertNotIn("/", WANTED.at("../../etc/x").file)

    def test_secrets_are_not_shown(self) -> None:
        self.assertNotIn("geheim", repr(replace(WANTED, binding=Binding("me", b"geheim"))))
