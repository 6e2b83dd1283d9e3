"""What is judged to win is what the router finds, and what is missed is told in the order of asking."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.core.test_routing import asked, at, on, router
from toron.core.judging import Judged, judge, judging
from toron.core.message import Request
from toron.core.networks import Networks
from toron.core.routing import SLICE, Pattern, Router

HOSTS = ["a.test", "b.a.test", "*.a.test", "^[ab]", "*", "^test$"]
PATHS = ["/", "/x", "/x/", "/x/y", "/x/*", "^/x", "^/(.)/y$", "/y", "/*"]


def patterns(inside: bool = False) -> st.SearchStrategy[Pattern]:
    return st.builds(
        Pattern,
        hosts=st.lists(st.sampled_from(HOSTS), max_size=2),
        paths=st.lists(st.sampled_from(PATHS), max_size=2),
        methods=st.sampled_from([(), (), ("GET",), ("POST", "PUT")]),
        headers=st.dictionaries(st.just("X-A"), st.sampled_from(["1", "^[0-9]$", True, False]), max_size=1),
        query=st.dictionaries(st.just("q"), st.sampled_from(["1", True, False]), max_size=1),
        cookies=st.dictionaries(st.just("c"), st.sampled_from(["1", False]), max_size=1),
        scheme=st.sampled_from([None, None, "http", "https"]),
        networks=st.sampled_from([None, Networks(["192.0.2.0/24"]), Networks(["10.0.0.0/8"])]),
        never=st.none() if inside else st.none() | patterns(True),
    )


requests = st.builds(
    lambda path, fields, **more: asked(path, *fields, **more),
    path=st.sampled_from([b"/", b"/x", b"/x/", b"/x/y", b"/y", b"/x/y/z", b"/z"]),
    fields=st.lists(st.sampled_from([(b"X-A", b"1"), (b"x-a", b"b"), (b"Cookie", b"c=1")]), max_size=2),
    host=st.sampled_from([b"a.test", b"b.a.test", b"c.test", b"test", b""]),
    method=st.sampled_from([b"GET", b"POST"]),
    query=st.sampled_from([None, b"q=1", b"q"]),
    client=st.sampled_from(["192.0.2.1", "10.1.1.1", "::1"]),
    scheme=st.sampled_from([b"http", b"https"]),
)
routes = st.lists(st.tuples(patterns(), st.sampled_from([100, 100, 100, 1])), min_size=1, max_size=7)


def winner(judged: list[Judged]) -> int | None:
    """The number of the pattern that comes first of those that match, from 0."""
    matching = sorted((each.place, each.order) for each in judged if each.matches)
    return matching[0][1] - 1 if matching else None


def misses(made: Router[Any], request: Request) -> list[tuple[tuple[str, ...], ...]]:
    return [each.misses for each in judge(made, request)]


class Winners(SynchronousTestCase):
    @settings(max_examples=400, deadline=None)
    @given(routes, requests)
    def test_the_winner_is_what_find_finds(
        self, written: list[tuple[Pattern, int]], request: Request
    ) -> None:
        made = router(*written)
        self.assertEqual(winner(judge(made, request)), made.find(request))

    @settings(max_examples=200, deadline=None)
    @given(routes, requests)
    def test_each_route_is_judged_as_if_it_were_alone(
        self, written: list[tuple[Pattern, int]], request: Request
    ) -> None:
        alone = [router((pattern, priority)).find(request) is not None for pattern, priority in written]
        self.assertEqual([each.matches for each in judge(router(*written), request)], alone)

    def test_captures_stay(self) -> None:
        made = router(at("^/(x)"), at("^/(.*)"))
        request = asked(b"/x")
        made.find(request)
        judge(made, request)
        assert request.captures is not None
        self.assertEqual(request.captures[1], b"x")


class Misses(SynchronousTestCase):
    def test_everything_that_is_missed_in_its_order(self) -> None:
        pattern = Pattern(
            hosts=["b.test"], paths=["/y"], methods=["PUT"], scheme="https", headers={"X-A": "1", "X-B": "2"},
            query={"q": True}, cookies={"c": "1"}, networks=Networks(["10.0.0.0/8"]), never=at("/x"),
        )  # fmt: skip
        self.assertEqual(
            misses(router(pattern), asked(b"/x", (b"X-B", b"2"))),
            [
                (
                    ("host",), ("path",), ("methods",), ("scheme",), ("headers", "X-A"), ("query", "q"),
                    ("cookies", "c"), ("client_ip",), ("not",),
                )
            ],
        )  # fmt: skip

    def test_the_nearest_host_and_path_of_a_pattern_count(self) -> None:
        made = router(Pattern(hosts=["b.test", "a.test"], paths=["/x", "/y", "^/z"]))
        self.assertEqual(misses(made, asked(b"/x")), [()])
        self.assertEqual(misses(made, asked(b"/v")), [(("path",),)])
        self.assertEqual(misses(made, asked(b"/x", host=b"c.test")), [(("host",),)])

    def test_below_is_not_the_path_itself(self) -> None:
        self.assertEqual(misses(router(at("/x/*")), asked(b"/x")), [(("path",),)])

    def test_what_is_nearest(self) -> None:
        made = router(
            at("/other"), at("/api/v2"), on("b.test"), Pattern(paths=["/api/v1"], headers={"X-A": "1"}),
            Pattern(paths=["/api/v2"], headers={"X-A": "1"}), on("b.sub.a.test"),
        )  # fmt: skip
        found = sorted(judge(made, asked(b"/api/v1", host=b"sub.a.test")), key=lambda each: each.nearness)
        self.assertEqual([each.order - 1 for each in found], [3, 1, 0, 5, 2, 4])


class Steps(SynchronousTestCase):
    def test_no_step_grows_with_the_number_of_routes(self) -> None:
        routes = router(*(at(f"/p{number}") for number in range(10 * SLICE)))
        self.assertEqual(len(list(judging(routes, asked(b"/p1")))), 10)
