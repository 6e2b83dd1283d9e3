"""A body that is made of another one on its way, piece by piece, with the back-pressure of both."""

from __future__ import annotations

from typing import Protocol

from toron.core.body import Body
from toron.core.refusal import Refusal
from toron.wire.headers import Headers


class Transform(Protocol):
    """What is done to one body; a Refusal from it ends that body."""

    def data(self, data: bytes) -> bytes:
        """What becomes of some more of it; may be empty."""

    def end(self, trailers: Headers | None) -> tuple[bytes, Headers | None]:
        """It is whole: what is said last, and the trailers after that."""


def transformed(body: Body, transform: Transform) -> Body:
    """Another body, of no known length, with the same limit; the one given is poured into it."""
    join = _Join(body, transform)
    body.pour(join)
    return join.made


class _Join:
    """The sink of one body, and the source of the other."""

    __slots__ = ("_given", "_transform", "made")

    def __init__(self, given: Body, transform: Transform) -> None:
        self.made = Body(self)
        self.made.limit = given.limit
        self._given = given
        self._transform = transform

    def body_data(self, data: bytes) -> None:
        try:
            self.made.feed(self._transform.data(data))
        except Refusal as refusal:
            self._break_off(refusal)

    def body_end(self, trailers: Headers | None) -> None:
        try:
            last, trailers = self._transform.end(trailers)
        except Refusal as refusal:
            self._break_off(refusal)
        else:
            self.made.feed(last)
            self.made.end(trailers)

    def body_failed(self, error: BaseException) -> None:
        self.made.fail(error)

    def body_flush(self) -> None:
        self.made.flush()

    def _break_off(self, refusal: Refusal) -> None:
        """What is given can not be understood: no more of it is wanted."""
        self.made.fail(refusal)
        self._given.stop()
        self.made.flush()

    def pause(self) -> None:
        self._given.pause()

    def resume(self) -> None:
        self._given.resume()

    def stop(self) -> None:
        self._given.stop()
