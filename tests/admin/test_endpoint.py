"""What an endpoint says of itself."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.admin.endpoint import CONFIGURATIONS, PREFIX
from toron.admin.router import endpoints
from toron.config.source import FORMATS


class Endpoints(SynchronousTestCase):
    def test_only_those_that_change_something_are_not_get(self) -> None:
        for each in endpoints():
            self.assertEqual(each.changes, each.method == "POST", each.path)
            self.assertTrue(each.path.startswith("/") and not each.path.startswith(PREFIX), each.path)
            self.assertRegex(each.summary, r"^[A-Z].*[^.]$")
            self.assertTrue(each.serve.__doc__, each.path)

    def test_no_form_of_a_web_page_can_send_a_configuration(self) -> None:
        forms = {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}
        self.assertEqual(forms & set(CONFIGURATIONS), set())
        self.assertLessEqual(set(CONFIGURATIONS.values()), set(FORMATS))
