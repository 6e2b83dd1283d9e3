"""A message body on its way: one side feeds it, the other drinks, and it holds the back-pressure."""

from __future__ import annotations

from typing import Protocol

from toron.core.refusal import BODY_TOO_LARGE, Refusal
from toron.core.wait import Wait
from toron.wire.headers import Headers

HIGH = 64 << 10
"""Bytes nobody has taken yet at which the feeding side is asked to pause."""


UNBOUNDED = 1 << 62


class Source(Protocol):
    """Where a body comes from: a connection that can be held up, or told to give up."""

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Read on."""

    def stop(self) -> None:
        """The rest of the body is not wanted."""


class Sink(Protocol):
    """Where a body goes, piece by piece; `body_flush` ends each burst."""

    def body_data(self, data: bytes) -> None:
        """Some of the body."""

    def body_end(self, trailers: Headers | None) -> None:
        """The body is whole."""

    def body_failed(self, error: BaseException) -> None:
        """The body will never be whole."""

    def body_flush(self) -> None:
        """What was said so far may go out now."""


class BodyFailed(Exception):
    """Raised from `read` when the feeding side broke off; `cause` is its error."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Body:
    """One body: `feed`, `end` or `fail` on one side; `read` or `pour` on the other.

    `length` is in bytes, None where it is not known before the end.
    """

    __slots__ = (
        "_chunks", "_held", "_sink", "_source", "_waiter",
        "ended", "error", "length", "limit", "received", "stopped", "trailers",
    )  # fmt: skip

    def __init__(self, source: Source | None = None, length: int | None = None) -> None:
        self.length = length
        self.limit = UNBOUNDED
        """Bytes after which the body fails with the refusal `body_too_large`."""
        self.received = 0
        self.ended = False
        self.error: BaseException | None = None
        self.trailers: Headers | None = None
        self.stopped = False
        self._chunks: list[bytes] = []
        self._held = 0
        self._sink: Sink | None = None
        self._source = source
        self._waiter: Wait[None] | None = None

    @classmethod
    def of(cls, data: bytes) -> Body:
        """A whole body that is here already."""
        body = cls(None, len(data))
        if data:
            body._chunks.append(data)
            body._held = body.received = len(data)
        body.ended = True
        return body

    # --- the feeding side ---------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Some more of the body."""
        self.received += len(data)
        if self.stopped:
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
        if self._held > HIGH and self._source is not None:
            self._source.pause()
        if self._waiter is not None:
            self._wake()

    def end(self, trailers: Headers | None = None) -> None:
        """That was all."""
        if self.ended or self.error is not None:
            return
        self.ended = True
        self.trailers = trailers
        if self._sink is not None:
            self._sink.body_end(trailers)
        elif self._waiter is not None:
            self._wake()

    def fail(self, error: BaseException) -> None:
        """The rest will not come."""
        if self.ended or self.error is not None:
            return
        self.error = error
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
        """The next bytes, b"" at the end; raises BodyFailed when the rest will not come."""
        while not self._chunks:
            if self.error is not None:
                raise BodyFailed(self.error)
            if self.ended:
                return b""
            self._waiter = Wait()
            await self._waiter
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._taken()
        return data

    async def read_all(self, most: int) -> bytes | None:
        """The whole body, or None as soon as it is larger than `most` bytes."""
        parts: list[bytes] = []
        size = 0
        while data := await self.read():
            size += len(data)
            if size > most:
                return None
            parts.append(data)
        return b"".join(parts)

    def pour(self, sink: Sink) -> None:
        """Give everything, from here on and without further asking, to a sink."""
        self._sink = sink
        for data in self._chunks:
            sink.body_data(data)
        self._chunks.clear()
        if self.error is not None:
            sink.body_failed(self.error)
        elif self.ended:
            sink.body_end(self.trailers)
        self._taken()

    def _taken(self) -> None:
        if self._held > HIGH and self._source is not None and not self.stopped:
            self._source.resume()
        self._held = 0

    def pause(self) -> None:
        """The drinking side is full."""
        if self._source is not None and not self.ended and self.error is None:
            self._source.pause()

    def resume(self) -> None:
        """The drinking side has room again."""
        if self._source is not None and not self.ended and self.error is None:
            self._source.resume()

    def stop(self) -> None:
        """Nothing more of it is wanted; what still comes is thrown away."""
        if self.stopped:
            return
        self.stopped = True
        self._sink = None
        self._chunks.clear()
        if self._source is not None and not self.ended:
            self._source.stop()

    @property
    def pouring(self) -> bool:
        """Whether a sink has it."""
        return self._sink is not None

    @property
    def complete(self) -> bytes | None:
        """All of it, if it is whole and nothing was taken yet; else None."""
        if not self.ended or self._sink is not None or self._held != self.received:
            return None
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
