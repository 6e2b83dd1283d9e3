"""Routes of connections: names, protocols and networks, and the order of the file."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.connection_routing import ConnectionPattern, ConnectionRouter
from toron.core.networks import Networks
from toron.core.refusal import NO_CONNECTION_ROUTE, Refusal


def router(*patterns: ConnectionPattern) -> ConnectionRouter[int]:
    """Routes that lead to their own number."""
    return ConnectionRouter([(pattern, number) for number, pattern in enumerate(patterns)])


def sni(*names: str, alpn: tuple[bytes, ...] = ()) -> ConnectionPattern:
    return ConnectionPattern(names, alpn)


def found(routes: ConnectionRouter[int], *asked: Any) -> int | None:
    try:
        return routes.find(*asked)
    except Refusal as refusal:
        if refusal.reason is not NO_CONNECTION_ROUTE:
            raise
        return None


class Plain(SynchronousTestCase):
    """Where no route asks for a name."""

    def test_the_first_that_takes_the_client(self) -> None:
        routes = router(
            ConnectionPattern(networks=Networks(["192.0.2.0/25"])),
            ConnectionPattern(networks=Networks(["192.0.2.0/24"]), alpn=(b"h2",)),
            ConnectionPattern(networks=Networks(["192.0.2.0/24"])),
        )
        self.assertEqual([found(routes, f"192.0.2.{last}") for last in (1, 127, 128)], [0, 0, 2])
        self.assertEqual(found(routes, "192.0.2.200", "", (b"h2",)), 1)
        self.assertIsNone(found(routes, "192.0.3.1"))


class Names(SynchronousTestCase):
    def hits(self, pattern: str, yes: list[str], no: list[str]) -> None:
        for name in yes:
            self.assertEqual(found(router(sni(pattern)), "192.0.2.1", name), 0, f"{pattern} {name}")
        for name in no:
            self.assertIsNone(found(router(sni(pattern)), "192.0.2.1", name), f"{pattern} {name}")

    def test_exact(self) -> None:
        for pattern in ("a.test", "A.Test", "a.test."):
            self.hits(pattern, ["a.test"], ["", "x.a.test", "test", "b.test", "a.testx"])

    def test_wildcards(self) -> None:
        for pattern in ("*.a.test", "*.A.test."):
            self.hits(pattern, ["x.a.test"], ["", "a.test", "y.x.a.test", ".a.test", "xa.test"])

    def test_expressions(self) -> None:
        self.hits(r"^db[0-9]+\.test$", ["db1.test", "db22.test"], ["", "db.test", "db1xtest", "xdb1.test"])

    def test_no_name(self) -> None:
        self.hits("", [""], ["a.test"])

    def test_what_is_none(self) -> None:
        self.assertRaises(ValueError, router, sni("^("))

    def test_any_of_several(self) -> None:
        routes = router(sni("a.test", "*.b.test", "^c[0-9]$", ""))
        for name, number in (
            ("a.test", 0),
            ("x.b.test", 0),
            ("c1", 0),
            ("", 0),
            ("b.test", None),
            ("c", None),
        ):
            self.assertEqual(found(routes, "192.0.2.1", name), number, name)


class Routes(SynchronousTestCase):
    def test_everything(self) -> None:
        self.assertEqual(router(ConnectionPattern()).find("192.0.2.1"), 0)
        self.assertEqual(router(ConnectionPattern()).find("", "a.test", [b"h2"]), 0)

    def test_none(self) -> None:
        refusal = self.assertRaises(Refusal, router(sni("a.test")).find, "192.0.2.1", "b.test")
        self.assertEqual((refusal.reason.word, refusal.detail), ("no_route", "b.test"))
        self.assertRaises(Refusal, router().find, "192.0.2.1")

    def test_protocols_overlap(self) -> None:
        routes = router(ConnectionPattern(alpn=(b"h2", b"x")), ConnectionPattern(alpn=(b"http/1.1",)))
        for alpn, number in (
            ([b"h2"], 0), ([b"http/1.1", b"x"], 0), ([b"http/1.1"], 1), ([b"H2"], None), ([], None),
        ):  # fmt: skip
            self.assertEqual(found(routes, "192.0.2.1", "a.test", alpn), number)

    def test_name_and_protocol(self) -> None:
        routes = router(sni("a.test", alpn=(b"h2",)), sni("a.test"), sni("*.test", alpn=(b"h2",)))
        for name, alpn, number in (
            ("a.test", [b"h2"], 0), ("a.test", [b"x"], 1), ("b.test", [b"h2"], 2), ("b.test", [], None),
        ):  # fmt: skip
            self.assertEqual(found(routes, "192.0.2.1", name, alpn), number)

    def test_networks(self) -> None:
        routes = router(
            ConnectionPattern(networks=Networks(["127.0.0.2/32"])),
            ConnectionPattern(networks=Networks(["127.0.0.0/8", "::1/128"])),
        )
        for client, number in (("127.0.0.2", 0), ("127.0.0.1", 1), ("::1", 1), ("10.0.0.1", None)):
            self.assertEqual(found(routes, client), number)

    def test_the_file_decides_however_a_name_is_written(self) -> None:
        ways = [sni("a.test"), sni("*.test"), sni("^a"), ConnectionPattern()]
        for turn in range(len(ways)):
            self.assertEqual(router(*ways[turn:], *ways[:turn]).find("192.0.2.1", "a.test"), 0)

    @given(
        st.lists(
            st.tuples(
                st.lists(st.sampled_from(["a.test", "b.test", "*.test", "^a", "^.*t$", ""]), max_size=3),
                st.lists(st.sampled_from([b"h2", b"x"]), max_size=1),
            ),
            max_size=6,
        )
    )
    def test_as_if_each_were_asked_in_turn(self, written: list[tuple[list[str], list[bytes]]]) -> None:
        patterns = [ConnectionPattern(names, alpn) for names, alpn in written]
        routes = router(*patterns)
        for name in ("a.test", "b.test", "x.a.test", "test", ".test", ""):
            for alpn in ([], [b"h2"], [b"x", b"h2"]):
                alone = (found(router(pattern), "192.0.2.1", name, alpn) for pattern in patterns)
                hits = [hit is not None for hit in alone]
                expected = hits.index(True) if True in hits else None
                self.assertEqual(found(routes, "192.0.2.1", name, alpn), expected)
                self.assertEqual([not missed for missed in routes.judge("192.0.2.1", name, alpn)], hits)

    def test_what_is_missed_first(self) -> None:
        far = Networks(["10.0.0.0/8"])
        routes = router(
            sni("a.test", "^b"), sni("a.test", alpn=(b"h2",)), ConnectionPattern(alpn=(b"h2",), networks=far),
            ConnectionPattern(["^a", "a.test"], (), far), sni("^b", "*.test", alpn=(b"x",)), sni("b.test"),
        )  # fmt: skip
        self.assertEqual(
            routes.judge("192.0.2.1", "a.test", [b"h3"]), ["", "alpn", "alpn", "client_ip", "alpn", "sni"]
        )
        self.assertEqual(routes.judge("10.1.1.1"), ["sni", "sni", "alpn", "sni", "sni", "sni"])

    def test_ten_thousand_names_are_not_asked_one_by_one(self) -> None:
        asked: list[str] = []

        class Watched(Networks):
            def __contains__(self, ip: str) -> bool:
                asked.append(ip)
                return False

        watched = Watched([])
        patterns = [
            ConnectionPattern((f"h{n}.test", f"*.w{n}.test"), networks=watched) for n in range(10_000)
        ]
        routes = router(*patterns)
        for name in ("h5.test", "x.w5.test", "other"):
            self.assertIsNone(found(routes, "192.0.2.1", name))
        self.assertEqual(len(asked), 2)
