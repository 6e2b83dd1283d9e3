"""A message body on its way: one side feeds it, the other drinks, and it holds the back-pressure."""

from __future__ import annotations

from typing import Protocol

from toron.core.refusal import BODY_TOO_LARGE, Refusal
from toron.core.wait import Wait
from toron.wire.headers import Headers

HIGH = 64 << 10
"""Bytes nobody has taken yet above which the feeding side is asked to pause."""

UNBOUNDED = 1 << 62
"""The limit of a body without one."""


class Source(Protocol):
    """Where a body comes from: a connection that can be held up, or told to give up.

    `pause` and `resume` come in turns, `pause` first. A body that is over holds nobody up: it
    resumes its source when it ends or fails; after `stop` neither of the two is called again.
    """

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Read on."""

    def stop(self) -> None:
        """The rest of the body is not wanted; whoever was paused is not any more."""


class Sink(Protocol):
    """Where a body goes, piece by piece; `body_flush` ends each burst."""

    def body_data(self, data: bytes) -> None:
        """Some of the body, never empty."""

    def body_end(self, trailers: Headers | None) -> None:
        """The body is whole."""

    def body_failed(self, error: BaseException) -> None:
        """The body will never be whole."""

    def body_flush(self) -> None:
        """What was said so far may go out now; may come after the end."""


class BodyFailed(Exception):
    """Raised from `read` when the feeding side broke off; `cause` is its error."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class BodyStopped(Exception):
    """The error of a body that was thrown away before all of it was taken."""


class Body:
    """One body: `feed`, `end` or `fail` on one side; `read` or `pour` on the other.

    `length` is in bytes, None where it is not known before the end.
    """

    __slots__ = (
        "_chunks", "_full", "_given", "_held", "_holding", "_over", "_sink", "_source", "_waiter",
        "ended", "error", "length", "limit", "received", "stopped", "trailers",
    )  # fmt: skip

    def __init__(self, source: Source | None = None, length: int | None = None) -> None:
        self.length = length
        self.limit = UNBOUNDED
        """Bytes after which the body fails with the refusal `body_too_large`."""
        self.received = 0
        """Bytes that came, also those that nobody wanted any more."""
        self.ended = False
        """Whether it came to its end."""
        self.error: BaseException | None = None
        """Why the rest of it will not come."""
        self.trailers: Headers | None = None
        self.stopped = False
        self._source = source
        self._chunks: list[bytes] = []
        self._held = 0
        """The bytes in `_chunks`."""
        self._over = False
        """Nothing more is taken in: it ended, failed, or was stopped."""
        self._given = False
        """It was poured into a sink."""
        self._sink: Sink | None = None
        """Where the next bytes go, once those that waited are there."""
        self._full = False
        """The sink asked to pause."""
        self._holding = False
        """The source was asked to pause."""
        self._waiter: Wait[None] | None = None

    @classmethod
    def of(cls, data: bytes) -> Body:
        """A whole body that is here already."""
        body = cls(None, len(data))
        if data:
            body._chunks.append(data)
            body._held = body.received = len(data)
        body.ended = body._over = True
        return body

    # --- the feeding side ---------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Some more of the body."""
        self.received += len(data)
        if self._over or not data:
            return
        if self.received > self.limit:
            self.fail(Refusal(BODY_TOO_LARGE, f"more than {self.limit} bytes"))
            self.stop()
            return
        if self._sink is not None:
            self._sink.body_data(data)
            return
        self._chunks.append(data)
        self._held += len(data)
        if self._waiter is not None:
            self._wake()
        if self._held > HIGH:
            self._weigh()

    def end(self, trailers: Headers | None = None) -> None:
        """That was all."""
        if self._over:
            return
        self.ended = True
        self.trailers = trailers
        self._let_go()
        if self._sink is not None:
            self._sink.body_end(trailers)
        elif self._waiter is not None:
            self._wake()

    def fail(self, error: BaseException) -> None:
        """The rest will not come."""
        if self._over:
            return
        self.error = error
        self._let_go()
        if self._sink is not None:
            self._sink.body_failed(error)
        elif self._waiter is not None:
            self._wake()

    def flush(self) -> None:
        """The end of a burst: what was fed may be written now."""
        if self._sink is not None:
            self._sink.body_flush()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.fire(None)

    # --- the drinking side --------------------------------------------------------------------

    async def read(self) -> bytes:
        """The next bytes, b"" at the end.

        When the rest will not come, raises the refusal that says why, or else BodyFailed;
        RuntimeError where the body was poured into a sink, or somebody else reads it now.
        """
        while True:
            if self._given:
                raise RuntimeError("the body was given to a sink: there is nothing left to read")
            if self._chunks:
                break
            if isinstance(self.error, Refusal):
                raise self.error
            if self.error is not None:
                raise BodyFailed(self.error)
            if self.ended:
                return b""
            if self._waiter is None:
                self._waiter = Wait()
            await self._waiter
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._held = 0
        self._weigh()
        return data

    async def read_all(self, most: int) -> bytes | None:
        """The whole body, or None as soon as it is larger than `most` bytes; raises what `read` raises."""
        parts: list[bytes] = []
        size = 0
        while data := await self.read():
            size += len(data)
            if size > most:
                return None
            parts.append(data)
        return b"".join(parts)

    def pour(self, sink: Sink) -> None:
        """Give everything, from here on and without further asking, to a sink, which then flushes.

        RuntimeError when another sink has it.
        """
        if self._given:
            raise RuntimeError("the body was given to another sink already")
        self._given = True
        # A sink may make room for more in the middle of this; that still comes after what waited.
        while self._chunks:
            chunks, self._chunks = self._chunks, []
            self._held = 0
            for data in chunks:
                sink.body_data(data)
                if self.stopped:
                    return
        self._sink = sink
        if self.error is not None:
            sink.body_failed(self.error)
        elif self.ended:
            sink.body_end(self.trailers)
        self._weigh()
        self._wake()

    def pause(self) -> None:
        """The drinking side is full."""
        self._full = True
        self._weigh()

    def resume(self) -> None:
        """The drinking side has room again."""
        self._full = False
        self._weigh()

    def stop(self) -> None:
        """Nothing more of it is wanted; what still comes is thrown away."""
        if self.stopped:
            return
        self.stopped = True
        if self.error is None and (not self.ended or self._chunks):
            self.error = BodyStopped("the rest of the body was not wanted")
        self._over = True
        self._sink = None
        self._chunks.clear()
        self._held = 0
        if self._source is not None and not self.ended:
            self._source.stop()
        self._wake()

    @property
    def pouring(self) -> bool:
        """Whether a sink has it."""
        return self._given and not self.stopped

    @property
    def source(self) -> Source | None:
        """Where the rest of it comes from, if every byte of that goes straight to the sink; else None.

        Such a source and such a sink may agree on a shorter way for bytes, and count them as if they had
        come through here.
        """
        return None if self._sink is None or self._over or self.limit != UNBOUNDED else self._source

    @property
    def complete(self) -> bytes | None:
        """All of it, if it is whole and nothing was taken yet; else None."""
        if not self.ended or self._given or self._held != self.received:
            return None
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    # --- back-pressure ------------------------------------------------------------------------

    def _weigh(self) -> None:
        """Hold the source up when there is too much, let it go on when there is not."""
        holding = self._full or self._held > HIGH
        if holding is self._holding or self._over or self._source is None:
            return
        self._holding = holding
        if holding:
            self._source.pause()
        else:
            self._source.resume()

    def _let_go(self) -> None:
        """The source has nothing more to do with this body: it may be busy with the next one soon."""
        self._over = True
        if self._holding and self._source is not None:
            self._holding = False
            self._source.resume()
