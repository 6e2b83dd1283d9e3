"""Tests of primary and backup servers."""

from __future__ import annotations

from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.balancers import Client, environment, sequence
from toron.balancers.primary_backup import Options, make
from toron.core.server import Server


class PrimaryBackupTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.balancer = make(Options(), environment())
        self.spare = Server("http://spare:80", backup=True)
        self.other = Server("http://other:80", backup=True)
        self.first = Server("http://first:80")
        self.second = Server("http://second:80", weight=9)

    def test_the_first_primary_gets_everything(self) -> None:
        among = [self.spare, self.first, self.second]
        self.assertEqual(sequence(self.balancer, among, 3), "first" * 3)

    def test_the_next_primary_before_a_backup(self) -> None:
        self.assertIs(self.balancer.pick([self.spare, self.second], Client()), self.second)

    def test_backups_in_the_order_of_the_file(self) -> None:
        self.assertIs(self.balancer.pick([self.spare, self.other], Client()), self.spare)

    def test_it_fails_back(self) -> None:
        self.assertIs(self.balancer.pick([self.spare], Client()), self.spare)
        self.assertIs(self.balancer.pick([self.spare, self.first], Client()), self.first)

    def test_no_options(self) -> None:
        self.assertRaises(ValidationError, Options.model_validate, {"x": 1})
