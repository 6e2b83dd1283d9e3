"""When is decided by numbers alone."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.acme.case import NOW
from tests.acme.fake_directory import FakeDirectory
from toron.acme.ari import Window
from toron.acme.csr import new_key
from toron.acme.renewal import Life, again_in, life_of, renew_at


class When(SynchronousTestCase):
    def test_at_two_thirds_or_a_little_before(self) -> None:
        life = Life(0.0, 90.0)
        found = [round(renew_at(life, None, share), 6) for share in (0.0, 0.5, 1.0)]
        self.assertEqual(found, [60.0, 58.5, 57.0])

    def test_as_the_directory_suggests(self) -> None:
        self.assertEqual(renew_at(Life(0.0, 90.0), Window(10.0, 20.0), 0.5), 15.0)

    def test_the_life_of_a_certificate(self) -> None:
        directory = FakeDirectory(lambda: NOW, 600.0)
        chain = directory.signed(new_key("ecdsa").public_key(), ["a.test"])
        self.assertEqual(life_of(chain), Life(NOW, NOW + 600.0))


class Again(SynchronousTestCase):
    def test_longer_each_time_and_never_longer_than_hours(self) -> None:
        found = [again_in(failures, None, 0.5) for failures in (1, 2, 3, 9, 10, 10**6)]
        self.assertEqual(found, [60.0, 120.0, 240.0, 15360.0, 21600.0, 21600.0])

    def test_not_all_at_once(self) -> None:
        self.assertEqual([round(again_in(1, None, share), 6) for share in (0.0, 1.0)], [48.0, 72.0])

    def test_not_before_the_directory_wants_it(self) -> None:
        self.assertEqual((again_in(1, 3600.0, 0.5), again_in(3, 5.0, 0.5)), (3600.0, 240.0))

    def test_a_wish_to_wait_for_years(self) -> None:
        self.assertEqual(again_in(1, 999999999.0, 0.5), 86400.0)
