"""Paths lead to endpoints."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.admin.endpoint import Call, Endpoint
from toron.admin.problem import ProblemDetails, Refused
from toron.admin.router import Router, endpoints


async def _serve(call: Call) -> None:
    return None


READ = Endpoint("GET", "/a", _serve, dict, "Read")
WRITE = Endpoint("POST", "/a", _serve, dict, "Write")
NAMED = Endpoint("POST", "/b/{first}/c/{second}", _serve, dict, "Named")


class Routing(SynchronousTestCase):
    def setUp(self) -> None:
        self.router = Router([READ, WRITE, NAMED])

    def refused(self, method: str, path: str) -> ProblemDetails:
        return self.assertRaises(Refused, self.router.find, method, path).details

    def test_what_is_there(self) -> None:
        self.assertEqual(self.router.find("GET", "/api/v1/a"), (READ, {}))
        self.assertEqual(self.router.find("HEAD", "/api/v1/a"), (READ, {}))
        self.assertEqual(self.router.find("POST", "/api/v1/a"), (WRITE, {}))

    def test_names_in_a_path(self) -> None:
        for path, names in (
            ("/b/x/c/10.0.0.1:80", ("x", "10.0.0.1:80")),
            ("/b/a%2Fb/c/%5B::1%5D:80", ("a/b", "[::1]:80")),
            ("/b/%C3%BC/c/%2e%2e", ("ü", "..")),
            ("/b/a%252Fb/c/+", ("a%2Fb", "+")),
        ):
            _, found = self.router.find("POST", f"/api/v1{path}")
            self.assertEqual(tuple(found.values()), names)

    def test_what_is_not_there(self) -> None:
        for path in (
            "/api/v1",
            "/api/v1/",
            "/api/v1/a/",
            "/api/v1/A",
            "/api/v2/a",
            "/api/v1/b/x/y/c/z",
            "/api/v1/b//c/z",
        ):
            self.assertEqual(self.refused("GET", path).status, 404, path)
        self.assertEqual(
            self.refused("GET", "/api/v1/x").known, ["/api/v1/a", "/api/v1/b/{first}/c/{second}"]
        )

    def test_bytes_that_are_no_text(self) -> None:
        self.assertEqual(self.refused("POST", "/api/v1/b/%FF/c/x").word, "bad_path")

    def test_other_methods(self) -> None:
        for method in ("PUT", "DELETE", "OPTIONS", "get"):
            refused = self.assertRaises(Refused, self.router.find, method, "/api/v1/a")
            self.assertEqual(
                (refused.details.status, refused.headers), (405, (("allow", "GET, POST, HEAD"),))
            )
        self.assertEqual(self.refused("GET", "/api/v1/b/x/c/y").known, ["POST"])

    def test_two_that_are_the_same(self) -> None:
        self.assertRaises(ValueError, Router, [READ, READ])

    def test_every_file_has_some(self) -> None:
        found: list[Any] = [(each.method, each.path) for each in endpoints()]
        self.assertIn(("GET", "/status"), found)
        self.assertEqual(len(found), len(set(found)))
