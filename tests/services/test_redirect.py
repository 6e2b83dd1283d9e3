"""A route that redirects does so for every request."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import outcome
from tests.services.upstreams import request
from toron.core.redirect import Redirection
from toron.services.redirect import redirect


class Redirecting(SynchronousTestCase):
    """To another scheme."""

    def test_where_to(self) -> None:
        (response,) = outcome(redirect(Redirection(scheme="https", status=301))(request()))
        self.assertEqual(response.status, 301)
        self.assertEqual(response.headers.get(b"location"), b"https://a.example/a")
        self.assertEqual(response.body, b"")
