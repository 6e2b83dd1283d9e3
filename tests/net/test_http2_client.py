"""A connection that carries many exchanges with one server, from its first frame to its last."""

from __future__ import annotations

from tests.net.h2_partner import of
from tests.net.test_http2_exchange import Case


class Carrying(Case):
    """Many at a time."""

    def test_answers_in_any_order(self) -> None:
        got = [self.begin()[1] for _ in range(5)]
        numbers = [request.stream_id for request in of(self.server.talk(), "RequestReceived")]
        self.assertEqual(self.connection.busy, 5)
        for index in (3, 0, 4, 1, 2):
            self.say(numbers[index], b"%d" % index)
            self.assertEqual(got[index][0].body, b"%d" % index)
        self.assertEqual((self.connection.busy, self.over), (0, [None] * 5))

    def test_as_many_as_the_server_allows(self) -> None:
        before = self.connection.free
        self.assertGreater(before, 10)
        self.server.h2.update_settings({3: 2})
        self.server.talk()
        self.assertEqual(self.connection.free, 2)
        self.begin()
        self.assertEqual(self.connection.free, 1)

    def test_a_request_that_begins_another_when_it_is_answered(self) -> None:
        first, got = self.begin()
        number, _ = self.asked()
        self.say(number)
        self.assertTrue(got)
        _, second = self.begin()
        number, _ = self.asked()
        self.say(number, b"again")
        self.assertEqual(second[0].body, b"again")
        self.assertEqual(first.used, False)


class Ending(Case):
    """How it ends."""

    def test_idle_for_too_long(self) -> None:
        _, _ = self.begin()
        number, _ = self.asked()
        self.world.pass_time(15.0)
        self.say(number)
        self.world.pass_time(29.0)
        self.assertEqual(self.transport.ending, "")
        self.world.pass_time(1.1)
        self.assertEqual((self.transport.ending, self.gone), ("close", [self.connection]))
        self.assertEqual(self.connection.free, 0)

    def test_closed_with_an_exchange_under_way(self) -> None:
        _, got = self.begin()
        number, _ = self.asked()
        self.connection.close()
        self.assertEqual((self.transport.ending, self.connection.free), ("", 0))
        self.say(number, b"last")
        self.assertEqual((got[0].body, self.transport.ending), (b"last", "close"))

    def test_the_server_goes_away(self) -> None:
        _, done = self.begin()
        number, _ = self.asked()
        _, undone = self.begin()
        self.server.talk()
        self.server.h2.close_connection(0, last_stream_id=number)
        self.server.talk()
        self.assertTrue(undone[0].unprocessed)
        self.assertEqual((done, self.gone, self.connection.free), ([], [self.connection], 0))

    def test_the_server_goes_away_with_nothing_under_way(self) -> None:
        self.server.h2.close_connection(0)
        self.server.talk()
        self.assertEqual((self.transport.ending, self.gone), ("close", [self.connection]))

    def test_lost(self) -> None:
        for orderly, word in ((True, "upstream_closed"), (False, "upstream_reset")):
            self.open()
            _, got = self.begin()
            self.transport.lose(orderly)
            self.assertEqual(self.word(got), word)
            self.assertEqual((self.gone.pop(), self.connection.busy), (self.connection, 0))

    def test_nonsense(self) -> None:
        _, got = self.begin()
        self.asked()
        self.connection.dataReceived(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.assertEqual((self.word(got), self.transport.ending), ("upstream_bad_response", "abort"))
        self.assertEqual(self.gone, [self.connection])

    def test_a_server_that_takes_nothing(self) -> None:
        _, got = self.begin()
        self.connection.pauseProducing()
        self.transport.handle.taken = 1
        self.world.pass_time(10.1)
        self.assertEqual(got, [], "slow is not stalled")
        self.world.pass_time(10.1)
        self.assertEqual((self.word(got), self.transport.ending), ("upstream_idle_timeout", "abort"))

    def test_what_comes_afterwards(self) -> None:
        self.connection.close()
        self.connection.dataReceived(b"\0\0\0\0\0\0\0\0\0")
        self.transport.lose()
        self.assertEqual(self.gone, [self.connection])
