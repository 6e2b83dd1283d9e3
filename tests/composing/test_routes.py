"""Routes are made once for all listeners, and keep what they share."""

from __future__ import annotations

from tests.composing.composed import ComposedCase
from toron.core.message import Request
from toron.core.refusal import NO_ROUTE, UNKNOWN_HOST, Refusal
from toron.wire.headers import Headers

TEXT = """
listeners: [{name: one, protocol: http, port: 80}, {name: two, protocol: http, port: 81}]
routes:
  - {match: {path: /a}, listeners: one, middlewares: [few, {rate-limit: {rate: 1/s}}], respond: {body: a}}
  - {name: b, match: {host: b.example}, middlewares: [few], respond: {body: b}}
middlewares: {few: {type: rate-limit, rate: 5/s}}
"""


def request(path: bytes, host: bytes = b"a.example") -> Request:
    return Request(b"GET", path, Headers([(b"Host", host)]), host=host, client_ip="127.0.0.1")


class RoutesTests(ComposedCase):
    def test_names(self) -> None:
        self.assertEqual(self.composition(TEXT).routes.names, {"1:*/a", "b"})

    def test_a_route_is_for_the_listeners_that_it_names(self) -> None:
        entrances = self.composition(TEXT).doors.entrances
        found = [entrances[name].router.find(request(b"/a")) for name in ("one", "two")]
        self.assertEqual([each and each[0] for each in found], ["1:*/a", None])

    def test_a_middleware_with_a_name_is_one(self) -> None:
        routes = self.composition(TEXT).routes
        (first, _), (second, _) = routes.walks
        self.assertEqual([name for name, _ in first], ["few", "rate-limit"])
        self.assertIs(first[0], second[0])

    def test_what_is_written_in_a_route_belongs_to_it_wherever_it_stands(self) -> None:
        first = self.composition(TEXT)
        text = TEXT.replace("routes:\n", "routes:\n  - {match: {path: /new}, respond: {}}\n")
        second = self.composition(text, first)
        (before, _), (after, _) = first.routes.walks[0], second.routes.walks[1]
        self.assertEqual([id(each) for each in after], [id(each) for each in before])
        third = self.composition(text.replace("rate: 1/s", "rate: 2/s"), second)
        (changed, _) = third.routes.walks[1]
        self.assertIs(changed[0], before[0])
        self.assertIsNot(changed[1], before[1])

    def test_no_route(self) -> None:
        secure = TEXT.replace("name: two, protocol: http", "name: two, protocol: https").replace(
            "port: 81}", "port: 81, certificates: [{self_signed: b.example}]}"
        )
        entrances = self.composition(secure).doors.entrances
        for name, reason in (("one", NO_ROUTE), ("two", UNKNOWN_HOST)):
            site = entrances[name].site
            assert site is not None
            with self.assertRaises(Refusal) as raised:
                site.service(request(b"/x"))
            self.assertIs(raised.exception.reason, reason)
