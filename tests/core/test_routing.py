"""Routes of requests: what matches, which of several wins, and that many cost no more than few."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.message import Request
from toron.core.networks import Networks
from toron.core.routing import SLICE, Pattern, Router
from toron.wire.headers import Field, Headers


def asked(
    path: bytes = b"/",
    *fields: Field,
    host: bytes = b"a.test",
    method: bytes = b"GET",
    query: bytes | None = None,
    client: str = "192.0.2.1",
    scheme: bytes = b"http",
) -> Request:
    return Request(
        method,
        path,
        Headers(fields),
        query=query,
        host=host,
        client_ip=client,
        scheme=scheme,
        route_path=path,
    )


def router(*routes: Pattern | tuple[Pattern, int]) -> Router[int]:
    """Routes that lead to their own number; with a priority where it is not 100."""
    made: Router[int] = Router()
    for number, route in enumerate(routes):
        pattern, priority = route if isinstance(route, tuple) else (route, 100)
        made.add(pattern, priority, number)
    made.compile()
    return made


def at(*paths: str, **more: Any) -> Pattern:
    return Pattern(paths=paths, **more)


def on(*hosts: str, **more: Any) -> Pattern:
    return Pattern(hosts=hosts, **more)


class Case(SynchronousTestCase):
    def check(self, pattern: Pattern, yes: list[Request], no: list[Request]) -> None:
        """A pattern holds for some requests, not for others, and `never` turns that around."""
        routes, opposite = router(pattern), router(Pattern(never=pattern))
        for requests, found in ((yes, 0), (no, None)):
            for request in requests:
                said = f"{pattern}: {request.host!r} {request.target!r} {request.headers}"
                self.assertEqual(routes.find(request), found, said)
                self.assertEqual(opposite.find(request), None if found == 0 else 0, f"never {said}")


class Paths(Case):
    def hits(self, pattern: str, yes: list[bytes], no: list[bytes]) -> None:
        self.check(at(pattern), [asked(path) for path in yes], [asked(path) for path in no])

    def test_prefixes(self) -> None:
        below = [b"/x/", b"/x/y", b"/x/y/", b"/x/y/z"]
        beside = [b"/", b"/xy", b"/xy/", b"/X", b"/y/x", b"/y"]
        self.hits("/x", [b"/x", *below], beside)
        self.hits("/x/*", below, [b"/x", *beside])
        self.hits("/x/", below, [b"/x", *beside])

    def test_everything(self) -> None:
        for pattern in ("/", "/*"):
            self.hits(pattern, [b"/", b"/x", b"/x/", b"*"], [])
        self.check(Pattern(), [asked(b"/"), asked(b"/x"), asked(b"*", method=b"OPTIONS")], [])

    def test_deeper(self) -> None:
        self.hits("/a/b", [b"/a/b", b"/a/b/", b"/a/b/c"], [b"/a", b"/a/", b"/a/bc", b"/a/c/b", b"/a/b%2Fc"])

    def test_patterns_are_read_as_paths_are(self) -> None:
        self.hits("/a%20b", [b"/a b", b"/a b/c"], [b"/a%20b"])
        self.hits("/a b", [b"/a b"], [])
        self.hits("/ä", [b"/\xc3\xa4", b"/\xc3\xa4/x"], [b"/\xe4"])
        self.hits("/%41//./b", [b"/A/b"], [b"/b"])
        self.hits("/100%25", [b"/100%25"], [b"/100"])
        self.hits("/a%2fb", [b"/a%2Fb"], [b"/a/b"])

    def test_patterns_that_are_none(self) -> None:
        for path in ("x", "", "*", "/a/../b", "/100%", "/a%00", "^(", "^a(?!b)"):
            with self.subTest(path):
                self.assertRaises(ValueError, router, at(path))

    def test_expressions(self) -> None:
        self.hits("^/v[12]/", [b"/v1/", b"/v2/x"], [b"/v1", b"/v3/", b"/x/v1/"])
        self.hits(r"^/(a|b)\.png$", [b"/a.png"], [b"/a.png/", b"/a.pngx", b"/c.png", b"/aXpng"])
        self.hits("^", [b"/", b"*"], [])

    def test_no_byte_passes_by_an_expression(self) -> None:
        self.hits("^/admin/.*$", [b"/admin/\xff", b"/admin/\xc3", b"/admin/\xc3\xa4"], [b"/admin"])

    def test_any_of_several(self) -> None:
        self.check(
            at("/a", "^/b[0-9]$", "/c/*"),
            [asked(b"/a/x"), asked(b"/b1"), asked(b"/c/")],
            [asked(b"/b"), asked(b"/c")],
        )

    def test_captures(self) -> None:
        routes = router(at("^/old/(.*)$"), at("/x"))
        request = asked(b"/old/a/b")
        self.assertEqual(routes.find(request), 0)
        assert request.captures is not None
        self.assertEqual(request.captures[1], b"a/b")
        request.route_path = b"/x"
        self.assertEqual((routes.find(request), request.captures), (1, None))
        request.route_path = b"/old/"
        self.assertEqual(routes.find(request), 0)
        request.route_path = b"/none"
        self.assertEqual((routes.find(request), request.captures), (None, None))

    def test_captures_are_the_winner_s(self) -> None:
        post = {"methods": ["POST"]}
        routes = router(at("^/(.)", **post), at("^/(..)"), (at("/ab/c"), 1), (at("^/(abc)"), 101))
        for path, number, captured in ((b"/abc", 1, b"ab"), (b"/ab/c", 2, None)):
            request = asked(path)
            self.assertEqual(routes.find(request), number)
            self.assertEqual(request.captures and request.captures[1], captured)

    def test_never_leaves_the_captures_of_others_alone(self) -> None:
        routes = router((at("^/(.)/", hosts=["a.test"]), 1), (at("/", never=at("^/(a)")), 0))
        request = asked(b"/a/b")
        self.assertEqual(routes.find(request), 0)
        assert request.captures is not None
        self.assertEqual(request.captures[0], b"/a/")

    def test_never_leaves_captures_alone(self) -> None:
        request = asked(b"/a/b")
        routes = router(at("^/(.)/", never=at("^/(x)/")))
        self.assertEqual(routes.find(request), 0)
        assert request.captures is not None
        self.assertEqual(request.captures[1], b"a")


class Hosts(Case):
    def hits(self, pattern: str, yes: list[bytes], no: list[bytes]) -> None:
        self.check(on(pattern), [asked(host=host) for host in yes], [asked(host=host) for host in no])

    def test_exact(self) -> None:
        for pattern in ("a.test", "A.Test", "a.test."):
            self.hits(pattern, [b"a.test"], [b"", b"test", b"x.a.test", b"aXtest", b"a.test.x", b".a.test"])

    def test_wildcards(self) -> None:
        for pattern in ("*.a.test", "*.A.TEST."):
            self.hits(
                pattern,
                [b"x.a.test", b"a.a.test", b"-.a.test"],
                [b"", b"a.test", b"y.x.a.test", b".a.test", b"xa.test", b"test"],
            )
        self.hits("*.test", [b"a.test"], [b"test", b".test"])

    def test_expressions(self) -> None:
        self.hits(
            r"^(api|www)\d*\.a\.test$", [b"api.a.test", b"www2.a.test"], [b"a.test", b"api.a.testx", b""]
        )

    def test_addresses(self) -> None:
        self.hits("192.0.2.1", [b"192.0.2.1"], [b"192.0.2.10", b"2.1"])
        for pattern in ("[2001:DB8::1]", "2001:db8::1", "2001:db8:0:0::0:1"):
            self.hits(pattern, [b"2001:db8::1", b"2001:db8:0:0:0:0:0:1"], [b"2001:db8::2", b"::"])

    def test_any(self) -> None:
        self.hits("*", [b"", b"x", b"a.test", b"::1"], [])

    def test_what_is_none(self) -> None:
        for host in ("^(", "ä.test"):
            self.assertRaises(ValueError, router, on(host))

    def test_which_are_served(self) -> None:
        routes = router(on("a.test", paths=["/x"]), on("*.b.test"), on("^c[0-9]$"))
        for host, served in (
            (b"a.test", True),
            (b"x.b.test", True),
            (b"c1", True),
            (b"b.test", False),
            (b"y.x.b.test", False),
            (b".b.test", False),
            (b"c", False),
            (b"", False),
        ):
            self.assertIs(routes.serves_host(host), served, host)
        for pattern in (Pattern(), on("*"), at("/x")):
            self.assertTrue(router(on("a.test"), pattern).serves_host(b"other"))
        self.assertFalse(router().serves_host(b"a.test"))


class Conditions(Case):
    def test_methods(self) -> None:
        self.check(
            Pattern(methods=["GET", "post"]),
            [asked(), asked(method=b"POST")],
            [asked(method=b"PUT"), asked(method=b"get")],
        )

    def test_scheme(self) -> None:
        self.check(Pattern(scheme="https"), [asked(scheme=b"https")], [asked()])

    def test_networks(self) -> None:
        self.check(
            Pattern(networks=Networks(["10.0.0.0/8", "2001:db8::/32"])),
            [asked(client="10.1.2.3"), asked(client="2001:db8::1"), asked(client="::ffff:10.0.0.1")],
            [asked(client="11.0.0.1"), asked(client="2001:db9::1"), asked(client="")],
        )

    def test_headers(self) -> None:
        one, two, none, empty = (
            asked(b"/", (b"X-Beta", b"1")),
            asked(b"/", (b"x-beta", b"2"), (b"X-BETA", b"1")),
            asked(b"/", (b"X-Bet", b"1")),
            asked(b"/", (b"X-Beta", b"")),
        )
        self.check(
            Pattern(headers={"X-Beta": "1"}), [one, two], [none, empty, asked(b"/", (b"x-beta", b"11"))]
        )
        self.check(Pattern(headers={"x-BETA": "^[2-9]$"}), [two], [one, none, empty])
        self.check(Pattern(headers={"x-beta": True}), [one, two, empty], [none])
        self.check(Pattern(headers={"x-beta": False}), [none], [one, two, empty])
        self.check(Pattern(headers={"x-beta": ""}), [empty], [one, two, none])
        self.check(Pattern(headers={"x-beta": "^$"}), [empty], [one, two, none])
        self.check(Pattern(headers={"x-beta": "ä"}), [asked(b"/", (b"X-Beta", b"\xc3\xa4"))], [one])
        self.check(
            Pattern(headers={"x-beta": "1", "x-bet": "1"}),
            [asked(b"/", (b"X-Beta", b"1"), (b"X-Bet", b"1"))],
            [one, two, none],
        )

    def test_the_upgrade_is_asked_like_a_header(self) -> None:
        """The codec takes the field away, since it concerns one connection."""
        socket, several, plain = asked(), asked(), asked()
        socket.upgrade, several.upgrade = b"websocket", b"foo, websocket"
        self.check(Pattern(headers={"Upgrade": "websocket"}), [socket, several], [plain])
        self.check(Pattern(headers={"Upgrade": False}), [plain], [socket, several])

    def test_query(self) -> None:
        one, none, empty, bare = asked(query=b"a=1&b=2"), asked(), asked(query=b"a="), asked(query=b"a")
        many, nothing = asked(query=b"a=0&&a=1"), asked(query=b"")
        self.check(Pattern(query={"a": "1"}), [one, many], [none, empty, bare, nothing])
        self.check(Pattern(query={"a": True}), [one, many, empty, bare], [none, nothing])
        self.check(Pattern(query={"a": False}), [none, nothing], [one, many, empty, bare])
        self.check(Pattern(query={"a": ""}), [empty, bare], [one, none, many])
        self.check(Pattern(query={"a": "^[0-9]$", "b": "2"}), [one], [none, many])
        self.check(
            Pattern(query={"a b": "ä=&"}),
            [asked(query=b"a+b=%C3%A4%3D%26"), asked(query=b"x&a%20b=\xc3\xa4=%26")],
            [asked(query=b"a b=1"), one],
        )
        self.check(Pattern(query={"a": "^x.*y$"}), [asked(query=b"a=x%0A%FFy")], [one])

    def test_parameters_are_told_apart_by_case(self) -> None:
        self.check(Pattern(query={"A": True}), [asked(query=b"A")], [asked(query=b"a")])

    def test_cookies(self) -> None:
        one, none = asked(b"/", (b"Cookie", b"a=1; b=2")), asked()
        two = asked(b"/", (b"Cookie", b"b=1;a=0"), (b"cookie", b"a=1"))
        empty, other = asked(b"/", (b"Cookie", b"a=")), asked(b"/", (b"Cookie", b"aa=1; A=1; ; =a; b=a=1"))
        self.check(Pattern(cookies={"a": "1"}), [one, two], [none, empty, other])
        self.check(Pattern(cookies={"a": True}), [one, two, empty], [none, other])
        self.check(Pattern(cookies={"a": False}), [none, other], [one, two, empty])
        self.check(Pattern(cookies={"a": ""}), [empty], [one, two, none])
        self.check(Pattern(cookies={"b": "^a=1$"}), [other], [one, two])

    def test_all_of_them(self) -> None:
        pattern = Pattern(
            hosts=["a.test"], paths=["/x"], methods=["GET"], headers={"x": "1"}, query={"q": "1"},
            cookies={"c": "1"}, scheme="http", networks=Networks(["192.0.2.0/24"]),
        )  # fmt: skip
        fields = ((b"X", b"1"), (b"Cookie", b"c=1"))
        self.check(
            pattern,
            [asked(b"/x", *fields, query=b"q=1")],
            [
                asked(b"/x", *fields, query=b"q=1", host=b"b.test"),
                asked(b"/y", *fields, query=b"q=1"),
                asked(b"/x", *fields, query=b"q=1", method=b"PUT"),
                asked(b"/x", fields[0], query=b"q=1"),
                asked(b"/x", fields[1], query=b"q=1"),
                asked(b"/x", *fields),
                asked(b"/x", *fields, query=b"q=1", scheme=b"https"),
                asked(b"/x", *fields, query=b"q=1", client="192.0.3.1"),
            ],
        )

    def test_never_beside_others(self) -> None:
        self.check(
            at("/x", never=at("/x/private", methods=["POST"])),
            [asked(b"/x"), asked(b"/x/private"), asked(b"/x", method=b"POST")],
            [asked(b"/x/private", method=b"POST"), asked(b"/x/private/y", method=b"POST"), asked(b"/y")],
        )

    def test_never_within_never(self) -> None:
        self.check(Pattern(never=Pattern(never=at("/x"))), [asked(b"/x")], [asked(b"/y")])

    def test_expressions_that_are_none(self) -> None:
        for pattern in (
            Pattern(headers={"a": "^("}),
            Pattern(query={"a": "^("}),
            Pattern(cookies={"a": "^("}),
            Pattern(never=at("^(")),
            Pattern(never=Pattern(headers={"a": "^("})),
        ):
            self.assertRaises(ValueError, router, pattern)


class Order(Case):
    def first(self, request: Request, *routes: Pattern | tuple[Pattern, int]) -> None:
        """The routes match in this order, wherever in the file they stand, where that is not all there is."""
        for order in itertools.permutations(range(len(routes))):
            left = [(routes[index], index) for index in order]
            for expected in range(len(routes)):
                found = router(*(route for route, _ in left)).find(request)
                assert found is not None
                self.assertEqual(left.pop(found)[1], expected, f"{order}")

    def test_priority(self) -> None:
        self.first(
            asked(b"/x"), (Pattern(), -1), (at("/x"), 1), (on("a.test"), 2), (at("/x", hosts=["a.test"]), 3)
        )

    def test_hosts(self) -> None:
        self.first(
            asked(b"/x/y"), on("a.test"), on("*.test"), on("^a"), Pattern()
        )  # fmt: skip

    def test_a_host_counts_more_than_a_path(self) -> None:
        self.first(asked(b"/x"), on("a.test"), on("*.test", paths=["/x"]), on("^", paths=["^/x"]), at("^/x$"))

    def test_expressions_of_hosts_are_equals(self) -> None:
        self.first(
            asked(b"/x/y"),
            on("^a", paths=["^/x"]),
            on(r"^a\.", paths=["/x/y"]),
            on("^a.t", paths=["/x"]),
            on("^", paths=["/"]),
        )

    def test_paths(self) -> None:
        self.first(asked(b"/x/y/z"), at("^/"), at("/x/y/z"), at("/x/y/*"), at("/x/y"), at("/x"), at("/"))

    def test_conditions(self) -> None:
        self.first(
            asked(b"/x", (b"A", b"1"), (b"B", b"1")),
            at("/x", headers={"a": "1", "b": True}, methods=["GET"]),
            at("/x", headers={"a": "1", "b": "1"}),
            at("/x", headers={"a": "1"}),
            at("/x"),
        )

    def test_the_file_decides_among_equals(self) -> None:
        for make in (Pattern, lambda: at("/x"), lambda: at("^/"), lambda: on("a.test"), lambda: on("*.test")):
            self.assertEqual(router(make(), make(), make()).find(asked(b"/x")), 0)
        self.assertEqual(router(at("^/.*"), at("^/x")).find(asked(b"/x")), 0)
        self.assertEqual(router(on("^a"), on("^.")).find(asked(b"/x")), 0)

    def test_the_file_decides_between_hosts_by_expression_too(self) -> None:
        routes = router(on("^a", methods=["PUT"]), on("^."), on("^a"))
        self.assertEqual(routes.find(asked()), 1)

    def test_expressions_among_each_other(self) -> None:
        one = {"headers": {"a": "1"}}
        self.first(
            asked(b"/x", (b"A", b"1")),
            (at("^/", **one), 1),
            (at("^/x"), 1),
            (at("^/x$", methods=["GET"], **one), 2),
            (at("^/.$", **one), 2),
            (at("^."), 2),
        )

    def test_what_comes_later_does_not_count_though_it_is_looked_at(self) -> None:
        """Something urgent may be there, for another method: then the rest of that host is not."""
        for later in (at("^/x"), at("/x")):
            routes = router((on("a.test"), 1), (at("/x", methods=["PUT"]), 0), (later, 2))
            self.assertEqual(routes.find(asked(b"/x")), 0)
            self.assertEqual(routes.find(asked(b"/x", method=b"PUT")), 1)
            self.assertEqual(routes.find(asked(b"/x", host=b"b.test")), 2)

    def test_what_does_not_hold_is_passed_over(self) -> None:
        routes = router(
            at("/x", hosts=["a.test"], methods=["PUT"]),
            at("^/x/.$", hosts=["a.test"], methods=["PUT"]),
            on("a.test", methods=["POST"]),
            at("/x", hosts=["*.test"], methods=["HEAD"]),
            at("/x", hosts=["^a"], methods=["PATCH"]),
            Pattern(),
        )
        for method, number in ((b"PUT", 1), (b"POST", 2), (b"HEAD", 3), (b"PATCH", 4), (b"GET", 5)):
            self.assertEqual(routes.find(asked(b"/x/y", method=method)), number)

    def test_no_route(self) -> None:
        self.assertIsNone(router().find(asked()))
        self.assertIsNone(router(on("b.test"), at("/x"), on("a.test", paths=["/y"])).find(asked()))

    def test_where_it_leads_may_be_anything(self) -> None:
        routes: Router[str] = Router()
        routes.add(at("/x"), 1, "")
        routes.add(Pattern(), 1, "all")
        routes.compile()
        self.assertEqual(routes.find(asked(b"/x")), "")


HOSTS = ["a.test", "b.test", "*.test", "*.a.test", "^a", "^.*test$", "*"]
PATHS = ["/", "/x", "/x/*", "/x/y", "/x/y/", "^/x", "^/.*y$", "^/(x|z)/"]
ASKED_HOSTS = [b"a.test", b"b.test", b"c.a.test", b"test", b"", b"other"]
ASKED_PATHS = [b"/", b"/x", b"/x/", b"/x/y", b"/x/y/", b"/x/y/z", b"/xy", b"/z/y", b"*"]


class AsWritten(Case):
    """The order in its definition, asked of every route in turn, is what the router finds."""

    @settings(max_examples=200)
    @given(
        st.lists(
            st.tuples(
                st.lists(st.sampled_from(HOSTS), max_size=2),
                st.lists(st.sampled_from(PATHS), max_size=2),
                st.lists(st.sampled_from(["POST", "PUT"]), max_size=1),
                st.booleans(),
                st.sampled_from([1, 2, 3]),
            ),
            max_size=8,
        )
    )
    def test_finds_the_same(self, written: list[tuple[list[str], list[str], list[str], bool, int]]) -> None:
        routes: Router[int] = Router()
        for number, (hosts, paths, methods, marked, priority) in enumerate(written):
            headers: dict[str, str | bool] = {"x": "1"} if marked else {}
            routes.add(Pattern(hosts, paths, methods, headers), priority, number)
        routes.compile()
        for host, path, method, mark in itertools.product(
            ASKED_HOSTS, ASKED_PATHS, [b"GET", b"PUT"], [b"0", b"1"]
        ):
            request = asked(path, (b"X", mark), host=host, method=method)
            self.assertEqual(routes.find(request), self.expected(written, request), f"{host!r} {path!r}")

    def expected(self, written: list[Any], request: Request) -> int | None:
        ranks = []
        for number, (hosts, paths, methods, marked, priority) in enumerate(written):
            if methods and request.method.decode() not in methods:
                continue
            if marked and request.headers.get(b"x") != b"1":
                continue
            for host, path in itertools.product(hosts or ["*"], paths or ["/"]):
                kind, length = self.host_kind(host, request.host), self.path_kind(path, request.route_path)
                if kind is not None and length is not None:
                    conditions = bool(methods) + marked
                    ranks.append((priority, kind, length, -conditions, number))
        return min(ranks)[-1] if ranks else None

    def host_kind(self, wanted: str, host: bytes) -> int | None:
        if wanted == "*":
            return 3
        if wanted == "^a":
            return 2 if host.startswith(b"a") else None
        if wanted == "^.*test$":
            return 2 if host.endswith(b"test") else None
        if wanted.startswith("*."):
            label, dot, rest = host.partition(b".")
            return 1 if label and dot and rest.decode() == wanted[2:] else None
        return 0 if host.decode() == wanted else None

    def path_kind(self, wanted: str, path: bytes) -> tuple[int, int, int] | None:
        if wanted.startswith("^"):
            hit = {
                "^/x": path.startswith(b"/x"),
                "^/.*y$": path.startswith(b"/") and path.endswith(b"y") and len(path) > 1,
                "^/(x|z)/": path.startswith((b"/x/", b"/z/")),
            }[wanted]
            return (0, 0, 0) if hit else None
        bare = wanted.rstrip("*").rstrip("/").encode()
        below = wanted.endswith(("/", "/*")) and bool(bare)
        if not bare:
            return 1, 0, 0
        if path == bare and below:
            return None
        return (1, -len(bare), not below) if path == bare or path.startswith(bare + b"/") else None


class Counted(Headers):
    """Counts how often a condition was asked of a header."""

    def __init__(self) -> None:
        super().__init__([(b"X", b"1")])
        self.asked = 0

    def get_all(self, name: bytes) -> list[bytes]:
        self.asked += 1
        return super().get_all(name)


class LookedUp(dict[bytes, Any]):
    """Counts how often a prefix was looked up."""

    asked = 0

    def get(self, *key: Any) -> Any:
        self.asked += 1
        return super().get(*key)

    def setdefault(self, *key: Any) -> Any:
        self.asked += 1
        return super().setdefault(*key)


class Handed(list[Any]):
    """Counts how many of its items were handed out."""

    handed = 0

    def __iter__(self) -> Iterator[Any]:
        for each in super().__iter__():
            self.handed += 1
            yield each


class Cost(Case):
    def many(self, number: int) -> Router[int]:
        """Each of these shapes `number` times, with as many priorities, and conditions to be counted."""
        x: dict[str, str | bool] = {"x": "1"}
        routes: Router[int] = Router()
        for each in range(number):
            routes.add(on(f"h{each}.test", headers=x), each, 1)
            routes.add(on(f"*.w{each}.test", headers=x), each, 2)
            routes.add(at(f"/p{each}/x", headers=x), each, 3)
            routes.add(at(f"/p{each}/x/y", headers={"x": "2"}), each, 4)
            routes.add(at(f"/p{each}/x", hosts=["one.test"], headers=x), each, 5)
        routes.compile()
        return routes

    def test_does_not_grow_with_the_number_of_routes(self) -> None:
        few, many = self.many(10), self.many(10_000)
        for host, path, found in (
            (b"h5.test", b"/", 1),
            (b"x.w5.test", b"/a/b", 2),
            (b"other", b"/p5/x/y/z", 3),
            (b"one.test", b"/p5/x/y/z", 5),
            (b"other", b"/none", None),
            (b"one.test", b"/", None),
        ):
            counts = []
            for routes in (few, many):
                request = asked(path, host=host)
                request.headers = Counted()
                self.assertEqual(routes.find(request), found)
                counts.append(request.headers.asked)
            self.assertEqual(counts[0], counts[1])
            self.assertLessEqual(counts[0], 2)

    def test_does_not_grow_with_the_path(self) -> None:
        """A path of ten thousand segments is looked up no deeper than the routes go."""
        routes = router(at("/a/b/c"), at("/"))
        looked_up = LookedUp(routes._anywhere.prefixes)
        routes._anywhere.prefixes = looked_up
        self.assertEqual(routes.find(asked(b"/a" * 10_000)), 1)
        self.assertLessEqual(looked_up.asked, 4)
        self.assertEqual(routes.find(asked(b"/a/b/c" + b"/" * 10_000)), 0)

    def test_no_step_of_compiling_grows_with_the_number_of_routes(self) -> None:
        """Of 2,000 routes no more than `SLICE` are ranked, or given their place, between two steps."""
        routes: Router[int] = Router()
        for number in range(2_000):
            routes.add(at(f"/p{number}"), 100, number)
        ranked, placed = Handed(routes._added), LookedUp()
        routes._added, routes._anywhere.prefixes = ranked, placed
        steps = []
        for _ in routes.compiling():
            steps.append((ranked.handed, placed.asked))
            ranked.handed = placed.asked = 0
        self.assertEqual(steps, [(SLICE, 0)] * 10 + [(0, SLICE)] * 10)
        self.assertEqual((ranked.handed, placed.asked), (0, 0))
        for number in (0, 1, 1_000, 1_999):
            self.assertEqual(routes.find(asked(b"/p%d/x" % number)), number)

    def test_twice_as_many_take_twice_as_long_to_take_in(self) -> None:
        """Calls are counted, for seconds say more about the machine."""
        kinds: list[Callable[[int], Pattern]] = [
            lambda number: at(f"/p{number}/x", methods=["GET"]),
            lambda number: on(f"h{number}.example"),
            lambda number: on(f"^h{number}$"),
        ]
        for kind in kinds:
            self.assertLess(self.calls(kind, 800), 2.3 * self.calls(kind, 400))

    def calls(self, kind: Callable[[int], Pattern], many: int) -> int:
        """How many functions are called to take in so many routes."""
        count = 0

        def called(*_: object) -> None:
            nonlocal count
            count += 1

        routes: Router[int] = Router()
        sys.setprofile(called)
        try:
            for number in range(many):
                routes.add(kind(number), 100, number)
            routes.compile()
        finally:
            sys.setprofile(None)
        return count
