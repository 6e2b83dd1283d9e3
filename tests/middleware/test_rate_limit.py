"""Tests of the rate limit."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.core.memory import FakeMemory
from tests.middleware import Backend, environment, get, refused, through
from toron.core.limits import SharedLimits
from toron.core.message import Middleware, Request
from toron.middleware.rate_limit import Options, make


def limit(**options: Any) -> tuple[Middleware, Clock]:
    made, clock = environment("slow-down")
    return make(Options.model_validate(options), made), clock


def with_claims(sub: str) -> Request:
    request = get()
    request.notes = {"claims": {"sub": sub}}
    return request


class RateLimitTests(SynchronousTestCase):
    def test_the_eleventh_of_ten(self) -> None:
        middleware, clock = limit(rate="10/s")
        for left in range(9, -1, -1):
            response = through(middleware, get())
            self.assertEqual(response.headers.get(b"ratelimit-remaining"), b"%d" % left)
        request = get()
        refusal = refused(middleware, request)
        self.assertEqual(refusal.reason.status, 429)
        self.assertEqual(
            refusal.headers,
            (
                (b"Retry-After", b"1"),
                (b"RateLimit-Limit", b"10"),
                (b"RateLimit-Remaining", b"0"),
                (b"RateLimit-Reset", b"1"),
            ),
        )
        self.assertEqual(request.middleware, "slow-down")
        clock.advance(0.1)
        through(middleware, get())
        refused(middleware, get())

    def test_workers_share_it(self) -> None:
        memory: list[FakeMemory] = []

        def of(size: int) -> FakeMemory:
            memory.append(memory[0] if memory else FakeMemory(size))
            return memory[0]

        workers = [
            make(Options.model_validate({"rate": "4/s"}), environment(limits=SharedLimits(of, 2, seat))[0])
            for seat in (0, 1)
        ]
        left = [
            through(worker, get()).headers.get(b"ratelimit-remaining") for _ in range(2) for worker in workers
        ]
        self.assertEqual(left, [b"3", b"2", b"1", b"0"])
        for worker in workers:
            refused(worker, get())

    def test_slow_rates_say_when(self) -> None:
        middleware, clock = limit(rate="2/m", burst=1)
        through(middleware, get())
        self.assertEqual(refused(middleware, get()).headers[0], (b"Retry-After", b"30"))
        clock.advance(29.5)
        self.assertEqual(refused(middleware, get()).headers[0], (b"Retry-After", b"1"))
        clock.advance(0.5)
        response = through(middleware, get())
        self.assertEqual(response.headers.get(b"ratelimit-reset"), b"30")

    def test_defaults(self) -> None:
        middleware, _ = limit()
        self.assertEqual(through(middleware, get()).headers.get(b"ratelimit-limit"), b"100")
        self.assertEqual(through(limit(rate="0.5/s")[0], get()).headers.get(b"ratelimit-limit"), b"1")
        self.assertEqual(
            through(limit(rate="100/s", burst=50)[0], get()).headers.get(b"ratelimit-limit"), b"50"
        )

    def test_a_nearer_limit_speaks_for_itself(self) -> None:
        backend = Backend((b"RateLimit-Limit", b"3"), (b"RateLimit-Remaining", b"2"))
        response = through(limit()[0], get(), backend)
        self.assertEqual(response.headers.fields, list(backend.fields))

    def apart(self, key: Any, *requests: Request, together: int = 1) -> None:
        """The first `together` requests are one client, each further one its own."""
        middleware, _ = limit(rate="1/h", burst=together, key=key)
        for request in requests:
            through(middleware, request)
        refused(middleware, requests[0])

    def test_keys(self) -> None:
        a, b = get(client="192.0.2.1"), get(client="192.0.2.2")
        self.apart("ip", a, b)
        a.route, b.route = "a", "b"
        self.apart("route", a, b)
        self.apart("host", get())
        self.apart("header:X-Key", get(b"/", (b"x-key", b"1")), get(b"/", (b"X-Key", b"2")), get())
        self.apart(
            "cookie:s", get(b"/", (b"Cookie", b"t=1; s=1")), get(b"/", (b"cookie", b"s=2; t=1")), get()
        )
        self.apart("claim:sub", with_claims("a"), with_claims("b"), get())
        self.apart(
            ["ip", "header:x"], a, b, get(b"/", (b"X", b"1")), get(b"/", (b"X", b"1"), client="192.0.2.2")
        )
        post = get()
        post.method = b"POST"
        self.apart("method", get(), post)

    def test_the_same_route_from_elsewhere_is_the_same_client(self) -> None:
        middleware, _ = limit(rate="1/h", key="route")
        through(middleware, get(client="192.0.2.1"))
        refused(middleware, get(client="192.0.2.2"))

    def test_ipv6_networks(self) -> None:
        middleware, _ = limit(rate="1/h")
        through(middleware, get(client="2001:db8::1"))
        refused(middleware, get(client="2001:db8::2"))
        through(middleware, get(client="2001:db8:0:1::1"))
        wide, _ = limit(rate="1/h", ipv6_prefix=48)
        through(wide, get(client="2001:db8::1"))
        refused(wide, get(client="2001:db8:0:1::1"))

    def test_memory_is_bounded(self) -> None:
        middleware, _ = limit(rate="1/h", clients=2)
        for last in range(3):
            through(middleware, get(client=f"192.0.2.{last}"))
        through(middleware, get(client="192.0.2.0"))
        refused(middleware, get(client="192.0.2.2"))

    def test_what_is_refused(self) -> None:
        for options, words in (
            ({"rate": "fast"}, "not a rate"),
            ({"rate": "0/s"}, "not a rate"),
            ({"burst": 0}, "greater than or equal to 1"),
            ({"key": "ipp"}, "write ip, route, host, method, header:<name>"),
            ({"key": "ip:x"}, "is not a key"),
            ({"key": "header"}, "names no header"),
            ({"key": "header:a b"}, "names no header"),
            ({"key": ["ip", "claim:"]}, "names no claim"),
            ({"key": []}, "at least 1"),
            ({"clients": 0}, "greater than or equal to 1"),
            ({"rates": "1/s"}, "Extra inputs"),
        ):
            with self.subTest(options):
                error = self.assertRaises(ValidationError, Options.model_validate, options)
                self.assertIn(words, str(error))
