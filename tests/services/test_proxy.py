"""Requests reach a server, another one where that is safe, and never two where it is not."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import outcome
from tests.services.upstreams import OK, Upstreams, request
from toron.core.body import Body
from toron.core.message import Request
from toron.core.refusal import BODY_TOO_LARGE, UPSTREAM_RESET, Refusal, UpstreamFailed
from toron.core.sticky import StickySeal
from toron.core.trail import Trail
from toron.net.tunnel import UpstreamTunnel
from toron.services.proxy import Policy


class Case(SynchronousTestCase):
    """Nothing is in flight at the end."""

    def upstreams(self, count: int = 1, **policy: Any) -> Upstreams:
        made = Upstreams(self, count, **policy)
        self.addCleanup(lambda: self.assertEqual([server.in_flight for server in made.servers], [0] * count))
        return made

    def refused(self, got: list[Any], word: str) -> None:
        (error,) = got
        assert isinstance(error, Refusal), error
        self.assertEqual(error.reason.word, word)


class Sending(Case):
    """What a server is told."""

    def test_the_head(self) -> None:
        up = self.upstreams()
        spoofed = ((b"X-Forwarded-For", b"6.6.6.6"), (b"Accept", b"*/*"))
        got = outcome(up.proxy(request(b"GET", None, *spoofed)))
        heard = up.answer()
        self.assertTrue(heard.startswith(b"GET /a HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n"), heard)
        self.assertIn(b"X-Forwarded-For: 192.0.2.1\r\n", heard)
        self.assertNotIn(b"6.6.6.6", heard)
        self.assertEqual(got[0].body, b"ok")

    def test_the_host(self) -> None:
        for policy, host in (
            (b"keep", b"a.example"),
            (b"server", b"10.0.0.1:80"),
            (b"b.example", b"b.example"),
        ):
            up = self.upstreams(host=policy)
            outcome(up.proxy(request()))
            self.assertIn(b"\r\nHost: %b\r\n" % host, up.answer())
        up = self.upstreams()
        nameless = request()
        nameless.headers.remove(b"host")
        outcome(up.proxy(nameless))
        self.assertIn(b"\r\nHost: 10.0.0.1:80\r\n", up.answer())

    def test_a_connection_is_used_again(self) -> None:
        up = self.upstreams()
        for _ in range(3):
            outcome(up.proxy(request()))
            up.answer()
        self.assertEqual(len(up.dialed), 1)
        self.assertEqual(up.server_stats[up.servers[0]].connections, 1)
        self.assertEqual(up.server_stats[up.servers[0]].requests, {200: 3})

    def test_a_connection_with_a_preface_is_not(self) -> None:
        up = self.upstreams()
        proxy = up.make(Policy(), preface=lambda request, server: b"PROXY")
        for _ in range(2):
            outcome(proxy(request()))
            up.answer()
        self.assertEqual([first for _, _, first in up.dialed], [b"PROXY", b"PROXY"])

    def test_a_tunnel_has_its_own_idle_time(self) -> None:
        up = self.upstreams(tunnel=7.0)
        asked = request()
        asked.upgrade = b"chess"
        got = outcome(up.proxy(asked))
        up.answer(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chess\r\n\r\n")
        tunnel = got[0].tunnel
        assert isinstance(tunnel, UpstreamTunnel)
        self.assertEqual((tunnel.idle, up.servers[0].in_flight), (7.0, 1))
        tunnel.abort()


class Followed(Case):
    """What is written down for those who ask why."""

    def tries(self, asked: Request) -> list[tuple[str, str, str, int]]:
        assert asked.trail is not None
        return [
            ("" if each.server is None else each.server.name, each.by, each.word, each.status)
            for each in asked.trail.tries
        ]

    def test_the_ordinary_way(self) -> None:
        up = self.upstreams(2)
        asked = request()
        outcome(up.proxy(asked))
        up.answer()
        self.assertIsNone(asked.trail, "of most nothing is")
        asked = request()
        asked.trail = Trail()
        outcome(up.proxy(asked))
        up.answer()
        self.assertEqual(self.tries(asked), [("10.0.0.1:80", "", "", 200)])

    def test_a_failure_is_written_down_of_everybody(self) -> None:
        up = self.upstreams(2)
        up.down.add(up.servers[0])
        asked = request()
        outcome(up.proxy(asked))
        up.answer()
        (first, second) = self.tries(asked)
        self.assertEqual(first, ("10.0.0.1:80", "", "upstream_connect_refused", 0))
        self.assertEqual(second, ("10.0.0.2:80", "", "", 200))
        assert asked.trail is not None
        one, two = asked.trail.tries
        self.assertEqual((one.standings, one.began), (None, None), "as they stood before it failed")
        self.assertEqual(two.standings, ("tried", "usable"))

    def test_nobody_is_left(self) -> None:
        up = self.upstreams(1)
        up.backend.drain(up.servers[0], True)
        asked = request()
        self.refused(outcome(up.proxy(asked)), "no_server_available")
        self.assertEqual(self.tries(asked), [("", "", "", 0)])
        assert asked.trail is not None
        self.assertEqual(asked.trail.tries[0].standings, ("draining",))


class Retrying(Case):
    """Another try, and none."""

    def test_a_server_that_cannot_be_reached(self) -> None:
        up = self.upstreams(2)
        up.down.add(up.servers[0])
        asked = request(b"POST", Body.of(b"pay"))
        got = outcome(up.proxy(asked))
        self.assertTrue(up.answer().endswith(b"\r\n\r\npay"))
        self.assertEqual((got[0].status, asked.retries, up.stats.retries), (200, 1, 1))
        self.assertIs(asked.server, up.servers[1])
        self.assertEqual(up.server_stats[up.servers[0]].failures, {"upstream_connect_refused": 1})

    def test_nobody_can_be_reached(self) -> None:
        up = self.upstreams(2)
        up.down.update(up.servers)
        self.refused(outcome(up.proxy(request())), "upstream_connect_refused")

    def broken(self, method: bytes, body: Body | None = None, count: int = 2) -> tuple[Upstreams, list[Any]]:
        up = self.upstreams(count)
        got = outcome(up.proxy(request(method, body)))
        up.transport.said()
        up.transport.lose(orderly=False)
        return up, got

    def test_a_server_that_breaks_off(self) -> None:
        up, got = self.broken(b"GET")
        up.answer()
        self.assertEqual(got[0].status, 200)
        self.assertEqual(up.server_stats[up.servers[0]].failures, {"upstream_reset": 1})
        self.assertGreater(up.servers[0].eject_until, 0)

    def test_what_is_not_idempotent_is_sent_once(self) -> None:
        up, got = self.broken(b"POST", Body.of(b"pay"))
        self.refused(got, "upstream_reset")
        self.assertEqual(len(up.dialed), 1)

    def test_a_body_is_sent_again_where_it_was_kept(self) -> None:
        up, got = self.broken(b"PUT", Body.of(b"same"))
        self.assertTrue(up.answer().endswith(b"\r\n\r\nsame"))
        self.assertEqual(got[0].status, 200)
        up, got = self.broken(b"PUT", Body.of(bytes(65 << 10)))
        self.refused(got, "upstream_reset")

    def test_attempts_are_limited(self) -> None:
        up, got = self.broken(b"GET", count=3)
        up.transport.lose()
        self.refused(got, "upstream_closed")

    def test_statuses_worth_another_try(self) -> None:
        up = self.upstreams(2, retry_statuses=frozenset({503}))
        got = outcome(up.proxy(request()))
        up.answer(b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nso")
        self.assertEqual(up.dialed[0][1].ending, "abort")
        up.answer(b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno")
        self.assertEqual((got[0].status, got[0].body), (503, b"no"))

    def test_a_client_that_goes_is_nobodys_fault(self) -> None:
        up = self.upstreams(2)
        body = Body(None, 10)
        got = outcome(up.proxy(request(b"PUT", body)))
        body.fail(Refusal(BODY_TOO_LARGE))
        self.refused(got, "body_too_large")
        self.assertEqual((len(up.dialed), up.server_stats[up.servers[0]].failures), (1, {}))
        self.assertEqual(up.servers[0].eject_until, 0)


class Unprocessed(Case):
    """A server that says that it has done nothing with a request."""

    def refuse(self, up: Upstreams) -> None:
        failure = UpstreamFailed(UPSTREAM_RESET, "refused", untouched=True, ours=True)
        failure.unprocessed = True
        up.transport.protocol.give_up(failure)

    def test_it_is_asked_again_also_what_may_not_be_done_twice(self) -> None:
        up = self.upstreams()
        got = outcome(up.proxy(request(b"POST", Body.of(b"pay"))))
        self.refuse(up)
        self.assertTrue(up.answer().endswith(b"pay"))
        self.assertEqual((got[0].status, len(up.dialed)), (200, 2))
        self.assertEqual((up.server_stats[up.servers[0]].failures, up.servers[0].eject_until), ({}, 0))

    def test_not_for_ever(self) -> None:
        up = self.upstreams()
        got = outcome(up.proxy(request()))
        for _ in range(4):
            self.assertEqual(got, [])
            self.refuse(up)
        self.refused(got, "upstream_reset")
        self.assertEqual(len(up.dialed), 4)

    def test_not_with_a_body_that_is_gone(self) -> None:
        up = self.upstreams()
        body = Body()
        got = outcome(up.proxy(request(b"POST", body)))
        body.feed(b"pay")
        self.refuse(up)
        self.refused(got, "upstream_reset")


class Stale(Case):
    """A kept connection that the server closes just as it is used again."""

    def used(self) -> Upstreams:
        up = self.upstreams()
        outcome(up.proxy(request()))
        up.answer()
        return up

    def test_it_is_replaced_and_says_nothing_of_the_server(self) -> None:
        up = self.used()
        got = outcome(up.proxy(request()))
        up.transport.lose()
        up.answer()
        self.assertEqual((got[0].status, len(up.dialed)), (200, 2))
        self.assertEqual((up.server_stats[up.servers[0]].failures, up.servers[0].eject_until), ({}, 0))

    def test_by_a_new_one_even_where_others_are_idle(self) -> None:
        up = self.upstreams()
        waiting = [outcome(up.proxy(request())) for _ in range(3)]
        for _, transport, _ in up.dialed:
            transport.protocol.dataReceived(OK)
        self.assertEqual([got[0].status for got in waiting], [200] * 3)
        got = outcome(up.proxy(request()))
        up.transport.lose()
        up.answer()
        self.assertEqual((got[0].status, len(up.dialed)), (200, 4))

    def test_not_after_a_byte_of_the_answer(self) -> None:
        up = self.used()
        got = outcome(up.proxy(request()))
        up.answer(b"HTTP/1.1 2")
        up.transport.lose()
        self.refused(got, "upstream_closed")

    def test_not_for_a_post(self) -> None:
        up = self.used()
        got = outcome(up.proxy(request(b"POST", Body.of(b"pay"))))
        up.transport.lose()
        self.refused(got, "upstream_closed")
        self.assertEqual(len(up.dialed), 1)

    def test_who_cannot_ask_twice_makes_sure_first(self) -> None:
        upgrade = request()
        upgrade.upgrade = b"chess"
        for asked in (request(b"POST"), request(b"PUT", Body(None, 5)), upgrade):
            up = self.used()
            up.transport.handle.peers.close()
            got = outcome(up.proxy(asked))
            self.assertEqual(len(up.dialed), 2)
            up.transport.lose()
            self.refused(got, "upstream_closed")


class Total(Case):
    """The time for all of it."""

    def test_it_spans_all_tries(self) -> None:
        up = self.upstreams(2, total=10.0)
        got = outcome(up.proxy(request()))
        up.world.pass_time(6)
        up.transport.lose()
        up.world.pass_time(5)
        self.refused(got, "upstream_total_timeout")
        self.assertEqual(len(up.dialed), 2, "no third try")

    def test_it_ends_a_connection_attempt(self) -> None:
        up = self.upstreams(2, total=10.0)
        up.hang = True
        got = outcome(up.proxy(request()))
        up.world.pass_time(10.1)
        self.refused(got, "upstream_total_timeout")
        self.assertEqual(len(up.hanging), 1)

    def test_it_ends_an_answer(self) -> None:
        up = self.upstreams(total=10.0)
        got = outcome(up.proxy(request()))
        up.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        up.world.pass_time(10.1)
        self.assertEqual(got[0].body.error.reason.word, "upstream_total_timeout")

    def test_it_is_over_with_the_exchange(self) -> None:
        up = self.upstreams(total=10.0)
        outcome(up.proxy(request()))
        up.answer()
        outcome(up.proxy(request()))
        up.world.pass_time(9)
        up.answer()
        up.world.pass_time(9)
        self.assertEqual(up.transport.ending, "")


class Deadlines(Case):
    """The time that a client of gRPC gives."""

    def call(self, timeout: bytes, kind: bytes = b"application/grpc") -> Request:
        return request(b"POST", Body.of(b"call"), (b"Content-Type", kind), (b"grpc-timeout", timeout))

    def test_it_passes_before_the_answer(self) -> None:
        up = self.upstreams(2)
        got = outcome(up.proxy(self.call(b"2S")))
        self.assertIn(b"\r\ngrpc-timeout: 2S\r\n", up.transport.said())
        up.world.pass_time(1.9)
        self.assertEqual(got, [])
        up.world.pass_time(0.2)
        self.refused(got, "deadline_exceeded")
        self.assertEqual((len(up.dialed), up.transport.ending), (1, "abort"))
        self.assertEqual((up.server_stats[up.servers[0]].failures, up.servers[0].eject_until), ({}, 0))

    def test_it_passes_before_there_is_a_connection(self) -> None:
        up = self.upstreams(2)
        up.hang = True
        got = outcome(up.proxy(self.call(b"500m")))
        up.world.pass_time(0.6)
        self.refused(got, "deadline_exceeded")
        self.assertEqual((len(up.hanging), up.servers[0].eject_until), (1, 0))

    def test_it_passes_in_the_middle_of_the_answer(self) -> None:
        up = self.upstreams()
        got = outcome(up.proxy(self.call(b"2S")))
        up.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        up.world.pass_time(2.1)
        self.assertEqual(got[0].body.error.reason.word, "deadline_exceeded")

    def test_what_ends_sooner_counts(self) -> None:
        for total, timeout, word in (
            (3.0, b"2S", "deadline_exceeded"),
            (2.0, b"3S", "upstream_total_timeout"),
            (2.0, b"99999999H", "upstream_total_timeout"),
            (0.0, b"2S", "deadline_exceeded"),
            (0.0, b"0n", "deadline_exceeded"),
        ):
            with self.subTest((total, timeout)):
                up = self.upstreams(total=total)
                got = outcome(up.proxy(self.call(timeout)))
                up.world.pass_time(2.1)
                self.refused(got, word)

    def test_one_that_is_not_well_formed(self) -> None:
        up = self.upstreams()
        self.refused(outcome(up.proxy(self.call(b"soon"))), "bad_grpc_timeout")
        self.assertEqual(up.dialed, [])

    def test_it_means_nothing_to_others(self) -> None:
        up = self.upstreams()
        got = outcome(up.proxy(self.call(b"soon", b"application/json")))
        up.world.pass_time(30)
        up.answer()
        self.assertEqual(got[0].status, 200)


class Sticky(Case):
    """Clients that stay with their server."""

    def test_a_cookie_binds(self) -> None:
        up = self.upstreams(2)
        proxy = up.make(Policy(), sticky=StickySeal([b"secret"], b"stick", 300.0, b"b"))
        got = outcome(proxy(request()))
        up.answer()
        cookie = got[0].headers.get(b"set-cookie").partition(b";")[0]
        for _ in range(2):
            up.backend.servers.reverse()
            up.backend.set_healthy(up.servers[0], False, "")
            up.backend.set_healthy(up.servers[0], True, "")
            asked = request(b"GET", None, (b"Cookie", cookie))
            got = outcome(proxy(asked))
            self.assertNotIn(b"Cookie", up.answer())
            self.assertNotIn(b"set-cookie", got[0].headers)
            self.assertIs(asked.server, up.dialed[0][0])
