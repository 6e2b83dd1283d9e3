"""A body between its two sides: what comes out, who is held up, and what happens in the middle of things."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.body import HIGH, UNBOUNDED, Body, BodyFailed, BodyStopped
from toron.core.refusal import BODY_TIMEOUT, BODY_TOO_LARGE, CLIENT_GONE, Refusal
from toron.core.wait import Cancelled, Task
from toron.wire.headers import Headers

MUCH = bytes(HIGH + 1)


class Said(list[Any]):
    """A source and a sink that remember what they were told, in one list."""

    def __init__(self) -> None:
        super().__init__()
        self.on: dict[str, Callable[[], None]] = {}
        """What is done in the middle of a call."""

    def _say(self, word: str, *what: Any) -> None:
        self.append((word, *what) if what else word)
        self.on.get(word, lambda: None)()

    def pause(self) -> None:
        self._say("pause")

    def resume(self) -> None:
        self._say("resume")

    def stop(self) -> None:
        self._say("stop")

    def body_data(self, data: bytes) -> None:
        self._say("data", data)

    def body_end(self, trailers: Headers | None) -> None:
        self._say("end", trailers)

    def body_failed(self, error: BaseException) -> None:
        self._say("failed", error)

    def body_flush(self) -> None:
        self._say("flush")

    def new(self) -> list[Any]:
        """What was said since the last time."""
        said = list(self)
        self.clear()
        return said


class Reader:
    """Something under way that reads."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.got: list[Any] = []
        self.task = Task(coroutine, lambda result, error: self.got.append(result if error is None else error))
        self.task.start()


def body(length: int | None = None) -> tuple[Body, Said]:
    said = Said()
    return Body(said, length), said


class Case(SynchronousTestCase):
    def now(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What a coroutine that need not wait returns."""
        reader = Reader(coroutine)
        self.assertTrue(reader.task.done, "it waits")
        (got,) = reader.got
        if isinstance(got, BaseException):
            raise got
        return got


class Reading(Case):
    def test_what_is_there(self) -> None:
        source, _ = body()
        source.feed(b"ab")
        source.feed(b"cd")
        self.assertEqual(self.now(source.read()), b"abcd")
        source.feed(b"ef")
        source.end()
        self.assertEqual(self.now(source.read()), b"ef")
        self.assertEqual(self.now(source.read()), b"")
        self.assertEqual(self.now(source.read()), b"")

    def test_what_comes(self) -> None:
        source, _ = body()
        reader = Reader(source.read())
        self.assertEqual(reader.got, [])
        source.feed(b"ab")
        self.assertEqual(reader.got, [b"ab"])
        reader = Reader(source.read())
        source.end()
        self.assertEqual(reader.got, [b""])

    def test_nothing_is_not_the_end(self) -> None:
        source, _ = body()
        reader = Reader(source.read())
        source.feed(b"")
        self.assertEqual(reader.got, [])
        source.feed(b"x")
        self.assertEqual(reader.got, [b"x"])

    def test_a_body_that_is_here(self) -> None:
        self.assertEqual(self.now(Body.of(b"abc").read_all(3)), b"abc")
        here = Body.of(b"abc")
        self.assertEqual((here.received, here.length, here.ended), (3, 3, True))
        empty = Body.of(b"")
        self.assertEqual((self.now(empty.read()), empty.length, empty.ended), (b"", 0, True))

    def test_all_of_it(self) -> None:
        source, _ = body()
        reader = Reader(source.read_all(4))
        for data in (b"a", b"bc", b"d"):
            source.feed(data)
        self.assertEqual(reader.got, [])
        source.end()
        self.assertEqual(reader.got, [b"abcd"])

    def test_all_of_it_is_too_much(self) -> None:
        source, _ = body()
        reader = Reader(source.read_all(3))
        source.feed(b"abc")
        self.assertEqual(reader.got, [])
        source.feed(b"d")
        self.assertEqual(reader.got, [None])

    def test_what_came_before_a_failure_is_read_first(self) -> None:
        source, _ = body()
        source.feed(b"ab")
        source.fail(KeyError("broken"))
        self.assertEqual(self.now(source.read()), b"ab")
        for _ in range(2):
            error = self.assertRaises(BodyFailed, self.now, source.read())
            self.assertIsInstance(error.cause, KeyError)
            self.assertIn("broken", str(error))

    def test_a_refusal_is_the_answer_for_whoever_reads(self) -> None:
        refusal = Refusal(BODY_TIMEOUT)
        source, _ = body()
        reader = Reader(source.read_all(10))
        source.fail(refusal)
        self.assertEqual(reader.got, [refusal])
        self.assertIs(self.assertRaises(Refusal, self.now, source.read()), refusal)

    def test_a_reader_that_was_cancelled_makes_room_for_another(self) -> None:
        source, _ = body()
        first = Reader(source.read())
        first.task.cancel()
        self.assertIsInstance(first.got[0], Cancelled)
        second = Reader(source.read())
        source.feed(b"x")
        self.assertEqual(second.got, [b"x"])

    def test_two_readers_at_once_are_an_error(self) -> None:
        source, _ = body()
        first, second = Reader(source.read()), Reader(source.read())
        self.assertIsInstance(second.got[0], RuntimeError)
        source.feed(b"x")
        self.assertEqual(first.got, [b"x"])

    def test_what_was_given_away_can_not_be_read(self) -> None:
        for ended in (False, True):
            source, said = body()
            if ended:
                source.end()
            source.pour(said)
            self.assertRaises(RuntimeError, self.now, source.read())

    def test_nor_by_somebody_who_waits(self) -> None:
        source, said = body()
        reader = Reader(source.read())
        source.pour(said)
        self.assertIsInstance(reader.got[0], RuntimeError)
        source.feed(b"x")
        self.assertEqual(said, [("data", b"x")])


class Pouring(Case):
    def test_as_it_comes(self) -> None:
        source, said = body()
        source.pour(said)
        source.feed(b"ab")
        source.feed(b"")
        source.flush()
        source.feed(b"cd")
        trailers = Headers([(b"X-Sum", b"1")])
        source.end(trailers)
        source.flush()
        self.assertEqual(
            said, [("data", b"ab"), "flush", ("data", b"cd"), ("end", trailers), "flush"]
        )  # fmt: skip

    def test_what_was_there_comes_first(self) -> None:
        source, said = body()
        source.feed(b"ab")
        source.feed(b"cd")
        source.flush()
        source.pour(said)
        source.feed(b"ef")
        self.assertEqual(said, [("data", b"ab"), ("data", b"cd"), ("data", b"ef")])

    def test_what_was_read_does_not_come(self) -> None:
        source, said = body()
        source.feed(b"ab")
        self.now(source.read())
        source.feed(b"cd")
        source.pour(said)
        self.assertEqual(said, [("data", b"cd")])

    def test_a_body_that_is_over(self) -> None:
        source, said = body()
        source.feed(b"ab")
        source.end()
        source.pour(said)
        self.assertEqual(said, [("data", b"ab"), ("end", None)])
        source, said = body()
        error = KeyError()
        source.feed(b"ab")
        source.fail(error)
        source.pour(said)
        self.assertEqual(said, [("data", b"ab"), ("failed", error)])
        said = Said()
        Body.of(b"").pour(said)
        self.assertEqual(said, [("end", None)])

    def test_trailers_wait_too(self) -> None:
        source, said = body()
        trailers = Headers([(b"X-Sum", b"1")])
        source.end(trailers)
        self.assertIs(source.trailers, trailers)
        source.pour(said)
        self.assertEqual(said, [("end", trailers)])

    def test_a_failure(self) -> None:
        source, said = body()
        source.pour(said)
        error = KeyError()
        source.fail(error)
        self.assertEqual((said, source.error), ([("failed", error)], error))

    def test_only_once(self) -> None:
        source, said = body()
        source.pour(said)
        self.assertRaises(RuntimeError, source.pour, Said())
        source.feed(b"x")
        self.assertEqual(said, [("data", b"x")])

    def test_who_has_it(self) -> None:
        source, said = body()
        self.assertFalse(source.pouring)
        source.pour(said)
        self.assertTrue(source.pouring)
        source.stop()
        self.assertFalse(source.pouring)


class Over(Case):
    """The first of end, failure and stop is the last there is."""

    def test_whatever_follows(self) -> None:
        ways: dict[str, Callable[[Body], None]] = {
            "end": lambda it: it.end(),
            "fail": lambda it: it.fail(KeyError()),
            "stop": lambda it: it.stop(),
        }
        for first, begin in ways.items():
            for second, follow in ways.items():
                if second == "stop":
                    continue
                with self.subTest(f"{first}, then {second}"):
                    source, said = body()
                    source.pour(said)
                    begin(source)
                    said.new()
                    follow(source)
                    source.feed(b"late")
                    source.pause()
                    source.resume()
                    self.assertEqual(said, [])
                    self.assertEqual(source.received, 4)
                    self.assertIs(source.ended, first == "end")


class Stopping(Case):
    def test_the_source_is_told_once(self) -> None:
        source, said = body()
        source.stop()
        source.stop()
        self.assertEqual(said, ["stop"])
        self.assertTrue(source.stopped)

    def test_a_source_that_gave_all_is_not_told(self) -> None:
        source, said = body()
        source.end()
        source.stop()
        self.assertEqual(said, [])

    def test_nothing_more_reaches_the_sink(self) -> None:
        source, said = body()
        source.pour(said)
        source.stop()
        source.feed(b"x")
        source.flush()
        source.end()
        self.assertEqual(said, ["stop"])

    def test_a_paused_source_is_only_told_to_stop(self) -> None:
        source, said = body()
        source.pour(said)
        source.pause()
        source.stop()
        source.resume()
        source.pause()
        self.assertEqual(said, ["pause", "stop"])

    def test_who_waits_is_told(self) -> None:
        source, _ = body()
        reader = Reader(source.read())
        source.stop()
        self.assertIsInstance(reader.got[0], BodyFailed)
        self.assertIsInstance(reader.got[0].cause, BodyStopped)

    def test_a_part_never_looks_like_the_whole(self) -> None:
        source, said = body()
        source.feed(b"ab")
        source.stop()
        source.end()
        self.assertRaises(BodyFailed, self.now, source.read())
        self.assertIsNone(source.complete)
        source.pour(said)
        self.assertEqual(said[:1], ["stop"])
        self.assertIsInstance(said[1][1], BodyStopped)
        thrown_away = Body.of(b"abc")
        thrown_away.stop()
        self.assertRaises(BodyFailed, self.now, thrown_away.read())
        self.assertIsNone(thrown_away.complete)

    def test_what_was_wholly_read_stays_whole(self) -> None:
        source = Body.of(b"abc")
        self.now(source.read())
        source.stop()
        self.assertIsNone(source.error)
        self.assertEqual(self.now(source.read()), b"")

    def test_an_error_that_was_there_stays(self) -> None:
        source, _ = body()
        error = KeyError()
        source.fail(error)
        source.stop()
        self.assertIs(source.error, error)


class Limits(Case):
    def test_no_limit_by_default(self) -> None:
        self.assertEqual(Body().limit, UNBOUNDED)

    def test_exactly_the_limit(self) -> None:
        source, said = body()
        source.limit = 4
        source.pour(said)
        source.feed(b"ab")
        source.feed(b"cd")
        source.end()
        self.assertEqual(said, [("data", b"ab"), ("data", b"cd"), ("end", None)])

    def test_one_more(self) -> None:
        source, said = body()
        source.limit = 4
        source.pour(said)
        source.feed(b"abcd")
        source.feed(b"e")
        source.feed(b"f")
        source.end()
        self.assertEqual([word for word, *_ in said[:2]], ["data", "failed"])
        self.assertIs(said[1][1].reason, BODY_TOO_LARGE)
        self.assertEqual(said[2:], ["stop"])
        self.assertEqual(source.received, 6)

    def test_for_a_reader(self) -> None:
        source, said = body()
        source.limit = 4
        reader = Reader(source.read_all(100))
        source.feed(b"abcd")
        source.feed(b"e")
        self.assertIs(reader.got[0].reason, BODY_TOO_LARGE)
        self.assertEqual(said, ["stop"])

    def test_none_of_what_is_too_much_is_kept(self) -> None:
        source, _ = body()
        source.limit = 4
        source.feed(b"abc")
        source.feed(b"de")
        self.assertIs(self.assertRaises(Refusal, self.now, source.read()).reason, BODY_TOO_LARGE)

    def test_set_when_more_is_here_already(self) -> None:
        source, _ = body()
        source.feed(b"abc")
        source.limit = 2
        source.feed(b"d")
        assert isinstance(source.error, Refusal)
        self.assertIs(source.error.reason, BODY_TOO_LARGE)


class Complete(Case):
    def test_when(self) -> None:
        source, said = body()
        self.assertIsNone(source.complete)
        source.feed(b"ab")
        source.feed(b"cd")
        self.assertIsNone(source.complete)
        source.end()
        self.assertEqual(source.complete, b"abcd")
        self.assertEqual(source.complete, b"abcd")
        source.pour(said)
        self.assertIsNone(source.complete)
        self.assertEqual(said[:2], [("data", b"ab"), ("data", b"cd")])

    def test_not_when_some_was_taken(self) -> None:
        source, _ = body()
        source.feed(b"ab")
        self.now(source.read())
        source.feed(b"cd")
        source.end()
        self.assertIsNone(source.complete)

    def test_not_when_it_failed(self) -> None:
        source, _ = body()
        source.feed(b"ab")
        source.fail(KeyError())
        self.assertIsNone(source.complete)

    def test_empty(self) -> None:
        source, _ = body()
        self.assertIsNone(source.complete)
        source.end()
        self.assertEqual(source.complete, b"")
        self.assertEqual(Body.of(b"").complete, b"")
        self.assertEqual(Body.of(b"x").complete, b"x")
        source.pour(Said())
        self.assertIsNone(source.complete)


class Straight(Case):
    """Whether a sink is told of its source."""

    def test_only_while_it_has_all_that_comes(self) -> None:
        for over in ("end", "fail", "stop"):
            poured, said = body()
            poured.feed(b"ab")
            self.assertIsNone(poured.source, "somebody may still read it")
            poured.pour(said)
            self.assertIs(poured.source, said)
            getattr(poured, over)(*([KeyError()] if over == "fail" else []))
            self.assertIsNone(poured.source, over)

    def test_not_where_each_byte_may_be_one_too_many(self) -> None:
        poured, said = body()
        poured.limit = 10
        poured.pour(said)
        self.assertIsNone(poured.source)

    def test_none_where_all_is_here(self) -> None:
        here = Body.of(b"abc")
        here.pour(Said())
        self.assertIsNone(here.source)


class BackPressure(Case):
    def test_what_nobody_takes_holds_the_source_up(self) -> None:
        source, said = body()
        source.feed(bytes(HIGH))
        self.assertEqual(said, [])
        source.feed(b"x")
        source.feed(b"y")
        self.assertEqual(said.new(), ["pause"])
        self.now(source.read())
        self.assertEqual(said.new(), ["resume"])
        source.feed(b"x")
        self.now(source.read())
        self.assertEqual(said.new(), [])

    def test_taking_it_all_at_once(self) -> None:
        source, said = body()
        source.feed(MUCH)
        source.pour(said)
        self.assertEqual(said, ["pause", ("data", MUCH), "resume"])

    def test_a_sink_that_is_full(self) -> None:
        source, said = body()
        source.pour(said)
        source.pause()
        source.pause()
        source.feed(MUCH)
        source.resume()
        source.resume()
        self.assertEqual(said, ["pause", ("data", MUCH), "resume"])

    def test_a_sink_that_gets_full_by_what_waited(self) -> None:
        """Room is made when the sink has room, not because the queue is empty."""
        source, said = body()
        source.feed(MUCH)
        said.on["data"] = source.pause
        source.pour(said)
        self.assertEqual(said.new(), ["pause", ("data", MUCH)])
        source.resume()
        self.assertEqual(said, ["resume"])

    def test_a_sink_that_was_full_before(self) -> None:
        source, said = body()
        source.pause()
        source.feed(MUCH)
        source.pour(said)
        self.assertEqual(said.new(), ["pause", ("data", MUCH)])
        source.resume()
        self.assertEqual(said, ["resume"])

    def test_a_body_that_is_over_holds_nobody_up(self) -> None:
        for over in (lambda it: it.end(), lambda it: it.fail(KeyError())):
            source, said = body()
            source.feed(MUCH)
            over(source)
            self.assertEqual(said.new(), ["pause", "resume"])
            self.assertEqual(self.now(source.read()), MUCH)
            source.pause()
            source.resume()
            self.assertEqual(said, [])

    def test_the_source_is_free_before_anybody_learns_of_the_end(self) -> None:
        """Who learns of it may use the source for something else at once."""
        source, said = body()
        source.pour(said)
        source.pause()
        source.end()
        self.assertEqual(said, ["pause", "resume", ("end", None)])

    def test_without_a_source(self) -> None:
        said = Said()
        source = Body()
        source.feed(MUCH)
        source.pause()
        source.pour(said)
        source.resume()
        source.end()
        source.stop()
        Body().stop()
        self.assertEqual(said, [("data", MUCH), ("end", None)])


class InTheMiddle(Case):
    """What a sink or a source does while it is being told something."""

    def test_a_sink_that_has_enough(self) -> None:
        source, said = body()
        said.on["data"] = source.stop
        source.feed(b"a")
        source.feed(b"b")
        source.end()
        source.pour(said)
        self.assertEqual(said, [("data", b"a")])

    def test_a_sink_that_has_enough_before_the_end(self) -> None:
        source, said = body()
        said.on["data"] = source.stop
        source.feed(b"a")
        source.feed(b"b")
        source.pour(said)
        source.feed(b"c")
        source.end()
        self.assertEqual(said, [("data", b"a"), "stop"])

    def test_a_sink_that_has_enough_of_what_comes(self) -> None:
        source, said = body()
        source.pour(said)
        said.on["data"] = source.stop
        source.feed(b"a")
        source.feed(b"b")
        source.flush()
        self.assertEqual(said, [("data", b"a"), "stop"])

    def test_a_sink_that_stops_at_the_end(self) -> None:
        for word, over in (("end", lambda it: it.end()), ("failed", lambda it: it.fail(KeyError()))):
            for early in (True, False):
                source, said = body()
                said.on[word] = source.stop
                if early:
                    over(source)
                source.pour(said)
                if not early:
                    over(source)
                self.assertEqual(said[0][0], word)
                self.assertEqual(said[1:], [] if word == "end" else ["stop"])

    def test_a_source_that_goes_on_at_once_when_resumed(self) -> None:
        source, said = body()
        source.feed(MUCH)

        def go_on() -> None:
            source.feed(b"more")
            source.end()

        said.on["resume"] = go_on
        source.pour(said)
        self.assertEqual(said, ["pause", ("data", MUCH), "resume", ("data", b"more"), ("end", None)])

    def test_a_source_that_goes_on_at_once_when_read(self) -> None:
        source, said = body()
        source.feed(MUCH)
        said.on["resume"] = lambda: source.feed(b"more")
        self.assertEqual(self.now(source.read()), MUCH)
        self.assertEqual(self.now(source.read()), b"more")

    def test_order_stays_when_the_source_goes_on_in_the_middle_of_a_pour(self) -> None:
        source, said = body()
        source.feed(b"1")
        source.feed(b"2")
        once = [b"3"]

        def more() -> None:
            if once:
                source.feed(once.pop())
                source.end()

        said.on["data"] = more
        source.pour(said)
        self.assertEqual(said, [("data", b"1"), ("data", b"2"), ("data", b"3"), ("end", None)])

    def test_a_failure_in_the_middle_of_a_pour_comes_after_what_waited(self) -> None:
        source, said = body()
        source.feed(b"1")
        source.feed(b"2")
        error = Refusal(CLIENT_GONE)
        said.on["data"] = lambda: source.fail(error)
        source.pour(said)
        self.assertEqual(said, [("data", b"1"), ("data", b"2"), ("failed", error)])

    def test_a_source_that_feeds_when_told_to_stop(self) -> None:
        source, said = body()
        source.pour(said)
        said.on["stop"] = lambda: (source.feed(b"x"), source.end(), source.fail(KeyError()))[0]
        source.stop()
        self.assertEqual(said, ["stop"])

    def test_a_reader_that_reads_on_where_it_is_woken(self) -> None:
        source, said = body()

        async def all_of_it() -> list[bytes]:
            pieces = []
            while data := await source.read():
                pieces.append(data)
            return pieces

        reader = Reader(all_of_it())
        for data in (b"a", b"b", MUCH):
            source.feed(data)
        source.end()
        self.assertEqual(reader.got, [[b"a", b"b", MUCH]])
        self.assertEqual(said, [])


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("feed"), st.integers(0, HIGH + 10)),
        st.tuples(
            st.sampled_from(["end", "fail", "pour", "read", "stop", "pause", "resume", "flush"]), st.just(0)
        ),
    ),
    max_size=25,
)


class AnyOrder(Case):
    """Whatever the two sides do: nothing is lost, doubled or reordered, and nobody is held up for nothing."""

    @given(STEPS, st.integers(0, 2 * HIGH))
    def test_holds(self, steps: list[tuple[str, int]], limit: int) -> None:
        source, said = body()
        source.limit = limit
        fed, read = bytearray(), bytearray()
        poured = over = stopped = False
        readers: list[Reader] = []
        for number, (step, size) in enumerate(steps):
            before = len(said)
            if step == "feed":
                data = bytes([number]) * size
                source.feed(data)
                if not over:
                    fed += data
                    over = stopped = len(fed) > limit
            elif step == "read":
                if poured or any(not reader.task.done for reader in readers):
                    continue
                readers.append(Reader(source.read()))
            elif step == "pour":
                if poured or any(not reader.task.done for reader in readers):
                    continue
                source.pour(said)
                poured = True
            elif step == "fail":
                source.fail(KeyError())
                over = True
            else:
                getattr(source, step)()
                over = over or step in ("end", "stop")
                stopped = stopped or step == "stop"
            if stopped:
                self.assertNotIn("pause", said[before + 1 :])
        for reader in readers:
            for got in reader.got:
                if isinstance(got, bytes):
                    read += got
        words = [word for word in said if isinstance(word, str)]
        given = b"".join(what[1] for what in said if what[0] == "data")
        self.assertTrue(bytes(fed).startswith(bytes(read) + given))
        # Pauses and resumes come in turns; a body that is over holds nobody up.
        turns = [word for word in words if word in ("pause", "resume")]
        self.assertEqual(turns, ["pause", "resume"] * (len(turns) // 2) + ["pause"] * (len(turns) % 2))
        if over and not stopped:
            self.assertEqual(len(turns) % 2, 0)
        self.assertLessEqual(words.count("stop"), 1)
        self.assertLessEqual(len([what for what in said if what[0] in ("end", "failed")]), 1)
        if over:
            self.assertTrue(all(reader.task.done for reader in readers))
        if source.complete is not None:
            self.assertEqual(source.complete, bytes(fed))
        if poured and source.ended and not stopped:
            self.assertEqual(bytes(read) + given, bytes(fed))
