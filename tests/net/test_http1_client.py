"""What a server is asked and answers on one connection, and when."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import Source, Transport, World, nobody, outcome
from toron.core.body import Body
from toron.core.refusal import BODY_TOO_LARGE, TOTAL_TIMEOUT, Refusal, UpstreamFailed
from toron.net.http1_client import UpstreamConnection
from toron.net.tunnel import UpstreamTunnel
from toron.wire.events import RequestHead, ResponseHead
from toron.wire.headers import Headers

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ASKED = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"


class Case(SynchronousTestCase):
    """A new connection; `kept` are those that came back idle."""

    def setUp(self) -> None:
        self.world = World(nobody)
        self.open()

    def open(self) -> None:
        self.transport = Transport()
        self.addCleanup(self.transport.handle.close)
        self.kept: list[UpstreamConnection] = []
        self.gone: list[UpstreamConnection] = []
        self.overs: list[str] = []
        self.informed: list[int] = []
        connection = self.connection = UpstreamConnection(self.world.server, self.world.sweep, 30.0)
        connection.idle = self.keep
        connection.gone = self.gone.append
        self.transport.protocol = connection
        connection.makeConnection(self.transport)

    def keep(self, connection: UpstreamConnection) -> bool:
        self.kept.append(connection)
        return True

    def inform(self, head: ResponseHead) -> None:
        self.informed.append(head.status)

    def over(self, error: Refusal | None) -> None:
        self.overs.append("" if error is None else error.reason.word)

    def ask(self, body: Body | None = None, **more: Any) -> list[Any]:
        length = 0 if body is None else body.length
        head = RequestHead(b"GET", b"/a", Headers([(b"Host", b"a")]), length=length, **more)
        return outcome(self.connection.begin(head, body, self.inform, 60.0, self.over))

    def failed(self, got: list[Any], word: str) -> UpstreamFailed:
        (error,) = got
        assert isinstance(error, UpstreamFailed)
        self.assertEqual(error.reason.word, word)
        self.assertEqual(self.overs, [word])
        self.assertTrue(self.connection.lost)
        return error


class Exchanges(Case):
    """One request, one response, and the next."""

    def test_one_after_the_other(self) -> None:
        for number in range(2):
            got = self.ask()
            self.assertEqual(self.transport.said(), ASKED)
            self.connection.dataReceived(OK)
            self.assertEqual((got[0].status, got[0].body), (200, b"ok"), "all of it, so no stream")
            self.assertEqual(self.overs, [""] * (number + 1))
            self.assertEqual(self.kept, [self.connection] * (number + 1))
        self.assertTrue(self.connection.used)

    def test_byte_by_byte(self) -> None:
        got = self.ask()
        for byte in b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK:
            self.connection.dataReceived(bytes((byte,)))
        self.assertEqual(self.informed, [103])
        self.assertEqual(got[0].body.complete, b"ok")
        self.assertEqual(self.kept, [self.connection])

    def test_a_server_that_closes_afterwards(self) -> None:
        self.ask()
        self.connection.dataReceived(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        self.assertEqual((self.kept, self.transport.ending), ([], "close"))

    def test_a_body_that_closing_ends(self) -> None:
        got = self.ask()
        self.connection.dataReceived(b"HTTP/1.1 200 OK\r\n\r\nall")
        self.assertEqual(self.overs, [])
        self.transport.lose()
        self.assertEqual(got[0].body.complete, b"all")
        self.assertEqual(self.overs, [""])

    def test_a_body_that_a_reset_ends(self) -> None:
        got = self.ask()
        self.connection.dataReceived(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        self.transport.lose(orderly=False)
        self.assertEqual(got[0].body.error.reason.word, "upstream_reset")
        self.assertEqual(self.overs, ["upstream_reset"])
        self.assertEqual(self.gone, [self.connection])

    def test_lost_before_the_answer(self) -> None:
        for orderly, word in ((True, "upstream_closed"), (False, "upstream_reset")):
            for said in (b"", b"HTTP/1.1 2"):
                self.open()
                got = self.ask()
                self.connection.dataReceived(said) if said else None
                self.transport.lose(orderly)
                self.failed(got, word)
                self.assertEqual(self.connection.answered, bool(said))

    def test_nonsense(self) -> None:
        got = self.ask()
        self.connection.dataReceived(b"what?\r\n\r\n")
        error = self.failed(got, "upstream_bad_response")
        self.assertIn("bad_status_line", error.detail)
        self.assertEqual(self.transport.ending, "abort")

    def test_words_nobody_asked_for(self) -> None:
        self.connection.dataReceived(OK)
        self.assertEqual((self.connection.lost, self.transport.ending), (True, "close"))
        self.open()
        self.ask()
        self.connection.dataReceived(OK)
        self.connection.dataReceived(OK)
        self.assertEqual((self.connection.lost, self.transport.ending), (True, "close"))
        self.open()
        self.ask()
        self.connection.dataReceived(OK + OK)
        self.assertEqual((self.kept, self.transport.ending), ([], "close"))

    def test_given_up(self) -> None:
        got = self.ask()
        self.connection.give_up(UpstreamFailed(TOTAL_TIMEOUT))
        self.failed(got, "upstream_total_timeout")
        self.connection.give_up(UpstreamFailed(TOTAL_TIMEOUT))
        self.assertEqual(len(self.overs), 1)

    def test_cancelled_before_it_stood(self) -> None:
        connection = UpstreamConnection(self.world.server, self.world.sweep, 30.0)
        connection.cancel()
        self.assertTrue(connection.lost)


class Bodies(Case):
    """Bodies in both directions, and what holds them up."""

    def test_a_request_body_flows_and_is_held_up(self) -> None:
        source = Source()
        body = Body(source, 6)
        self.ask(body)
        self.assertTrue(self.transport.said().endswith(b"Content-Length: 6\r\n\r\n"))
        body.feed(b"abc")
        body.flush()
        self.assertEqual(self.transport.said(), b"abc")
        self.connection.pauseProducing()
        self.connection.resumeProducing()
        self.assertEqual(source.told, ["pause", "resume"])
        body.feed(b"def")
        body.end()
        self.assertEqual(self.transport.said(), b"def")
        self.connection.dataReceived(OK)
        self.assertEqual(self.kept, [self.connection])

    def test_a_response_body_is_held_up(self) -> None:
        got = self.ask()
        self.connection.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + bytes(100_000))
        self.assertFalse(self.transport.reading)
        self.assertEqual(outcome(got[0].body.read()), [bytes(100_000)])
        self.assertTrue(self.transport.reading)

    def test_a_client_that_fails_is_not_the_servers_fault(self) -> None:
        body = Body(None, 10)
        got = self.ask(body)
        body.fail(Refusal(BODY_TOO_LARGE))
        self.assertEqual(got[0].reason.word, "body_too_large")
        self.assertEqual((self.overs, self.transport.ending), (["body_too_large"], "abort"))
        self.open()
        body = Body(None, 10)
        got = self.ask(body)
        body.fail(ValueError("what"))
        self.assertTrue(self.failed(got, "client_gone").ours)

    def test_a_body_that_had_failed_already(self) -> None:
        body = Body(None, 10)
        body.fail(Refusal(BODY_TOO_LARGE))
        got = self.ask(body)
        self.assertEqual(got[0].reason.word, "body_too_large")
        self.assertEqual(self.transport.said(), b"")

    def test_an_answer_before_the_request_is_whole(self) -> None:
        source = Source()
        body = Body(source, 10)
        got = self.ask(body)
        self.connection.dataReceived(OK)
        self.assertEqual(got[0].status, 200)
        self.assertEqual((source.told, self.transport.ending, self.kept), (["stop"], "abort", []))
        self.assertEqual(self.overs, [""])

    def test_a_response_that_is_not_wanted(self) -> None:
        got = self.ask()
        self.connection.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsome")
        got[0].body.stop()
        self.assertEqual((self.overs, self.transport.ending), ([""], "abort"))
        self.connection.dataReceived(b"more")


class Deadlines(Case):
    """Each wait has its time."""

    def test_the_answer(self) -> None:
        got = self.ask()
        self.world.pass_time(59)
        self.connection.dataReceived(b"HTTP/1.1 102 Processing\r\n\r\n")
        self.world.pass_time(1.1)
        self.failed(got, "upstream_response_timeout")

    def test_the_answer_is_due_when_the_request_is_whole(self) -> None:
        body = Body(None, 4)
        got = self.ask(body)
        for _ in range(3):
            self.world.pass_time(100)
            body.feed(b"x")
            body.flush()
        self.assertEqual(got, [])
        body.feed(b"x")
        body.end()
        self.world.pass_time(59)
        self.assertEqual(got, [])
        self.world.pass_time(1.1)
        self.failed(got, "upstream_response_timeout")

    def test_a_word_is_due_before_the_body_where_one_is_expected(self) -> None:
        got = self.ask(Body(None, 4), expects_continue=True)
        self.world.pass_time(60.1)
        self.failed(got, "upstream_response_timeout")
        for go_on in ("server", "client"):
            self.open()
            body = Body(None, 4)
            got = self.ask(body, expects_continue=True)
            if go_on == "server":
                self.connection.dataReceived(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.assertEqual(self.informed, [100])
            else:
                body.feed(b"x")
            self.world.pass_time(600)
            self.assertEqual(got, [], go_on)

    def test_between_two_bytes(self) -> None:
        got = self.ask()
        self.connection.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        self.world.pass_time(29)
        self.connection.dataReceived(b"x")
        self.world.pass_time(29)
        self.assertIsNone(got[0].body.error)
        self.connection.pause()
        self.world.pass_time(600)
        self.connection.resume()
        self.world.pass_time(29)
        self.assertIsNone(got[0].body.error)
        self.world.pass_time(1.1)
        self.assertEqual(got[0].body.error.reason.word, "upstream_idle_timeout")

    def test_between_two_bytes_of_either_direction(self) -> None:
        body = Body(None, 10)
        got = self.ask(body)
        self.connection.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for _ in range(3):
            self.world.pass_time(20)
            body.feed(b"x")
            body.flush()
        self.assertIsNone(got[0].body.error)
        self.world.pass_time(30.1)
        self.assertEqual(got[0].body.error.reason.word, "upstream_idle_timeout")

    def test_a_server_that_takes_nothing(self) -> None:
        got = self.ask(Body(None, 10))
        self.connection.pauseProducing()
        for _ in range(3):
            self.transport.handle.taken += 1
            self.world.pass_time(30.1)
            self.assertEqual(got, [], "slow is not stalled")
        self.world.pass_time(30.1)
        self.failed(got, "upstream_response_timeout")

    def test_an_idle_connection(self) -> None:
        self.ask()
        self.connection.dataReceived(OK)
        self.connection.deadline = self.world.sweep.now + 5
        self.world.pass_time(5.1)
        self.assertEqual((self.connection.lost, self.transport.ending), (True, "close"))
        self.transport.lose()
        self.assertEqual(self.overs, [""])
        self.assertEqual(self.gone, [self.connection])


class Switching(Case):
    """Another protocol takes over."""

    SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"

    def test_a_tunnel_is_left_to_whoever_asked(self) -> None:
        got = self.ask(upgrade=b"websocket")
        self.connection.dataReceived(self.SWITCHED % b"websocket" + b"early")
        (response,) = got
        tunnel = response.tunnel
        assert isinstance(tunnel, UpstreamTunnel)
        self.assertEqual((response.status, response.upgrade, tunnel.data), (101, b"websocket", b"early"))
        self.assertFalse(self.transport.reading)
        self.assertIsNone(self.transport.producer)
        self.world.pass_time(10_000)
        self.assertEqual((self.overs, self.transport.ending), ([], ""))
        tunnel.abort()
        self.assertEqual((self.overs, self.transport.ending), ([""], "abort"))

    def test_another_protocol_than_asked_for(self) -> None:
        got = self.ask(upgrade=b"websocket")
        self.connection.dataReceived(self.SWITCHED % b"chess")
        self.failed(got, "upstream_bad_upgrade")
