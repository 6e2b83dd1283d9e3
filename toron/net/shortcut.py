"""A shorter way for bulk: from one transport's socket to another's inside the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.main import CONNECTION_LOST

from toron.net.splice import REFUSALS, Splicer
from toron.net.stream import Stream
from toron.net.sweep import NEVER

if TYPE_CHECKING:
    from toron.net.relay import RelayEnd

BULK = 4
"""So many reads in a row that were full show that this is bulk, and so many small ones that it is no more."""

SMALL = 16 * 1024
"""Bytes of a read below which it costs less to move them by hand."""


class Shortcut:
    """Reads in place of one transport, as its `detour`, and writes to another.

    While the destination does not take all, it is that one's `pending` and the source is paused. What is in
    the pipe then counts as received: it goes out before anything else, the end of the stream included.
    """

    __slots__ = ("_destination", "_source", "_splicer")

    def __init__(self, source: Stream, destination: Stream) -> None:
        self._source = source
        self._destination = destination
        self._splicer = Splicer(source.socket, destination.socket)
        source.detour = self

    def read(self) -> Exception | None:
        """What has come goes to the other side; returns as a transport's `doRead`."""
        source, destination, splicer = self._source, self._destination, self._splicer
        if not destination.has_said_all:
            # That goes first; so little is left of it that the source was not paused.
            return source.receive()
        try:
            taken = splicer.fill()
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in REFUSALS:
                self.leave(for_good=True)
                return source.receive()
            return CONNECTION_LOST
        if taken is None:
            return source.receive()
        if not taken:
            source.ended()
            return None
        self.took(taken)
        try:
            splicer.drain()
        except OSError as error:
            if not isinstance(error, BlockingIOError):
                destination.broken()
        if splicer.held:
            destination.pending = self
            self.hold_up()
            destination.startWriting()
        return None

    def write(self) -> Exception | None:
        """The destination takes more; returns as a transport's `doWrite`."""
        destination, splicer = self._destination, self._splicer
        try:
            splicer.drain()
        except BlockingIOError:
            return None
        except OSError:
            return destination.last_words()
        self.gave()
        if splicer.held:
            return None
        destination.pending = None
        self.let_go()
        # There may be more that waited for this, such as the end.
        result: Exception | None = destination.doWrite()
        return result

    def leave(self, *, for_good: bool = False) -> None:
        """Let the source read for itself again; `for_good` where there is no shortcut to be had."""
        self._source.detour = None

    def drop(self) -> None:
        """The destination is gone."""
        self._splicer.drop()

    # --- what it says to those whose bytes these are ------------------------------------------

    def took(self, size: int) -> None:
        """So many bytes have come."""
        raise NotImplementedError

    def gave(self) -> None:
        """Some of what was held up went out."""

    def hold_up(self) -> None:
        """The destination does not take all: the source is to be paused."""
        raise NotImplementedError

    def let_go(self) -> None:
        """The destination has taken what was held up."""


class RelayShortcut(Shortcut):
    """For what one end of a relay says: left while that is small, until more bulk comes."""

    __slots__ = ("_end", "_small")

    def __init__(self, end: RelayEnd, source: Stream, destination: Stream) -> None:
        super().__init__(source, destination)
        self._end = end
        self._small = 0

    def leave(self, *, for_good: bool = False) -> None:
        super().leave()
        self._end.full = NEVER if for_good else 0

    def took(self, size: int) -> None:
        self._end.moved(size)
        if size >= SMALL:
            self._small = 0
        else:
            self._small += 1
            if self._small == BULK:
                self.leave()

    def gave(self) -> None:
        self._end.moved(0)

    def hold_up(self) -> None:
        self._end.pauseProducing()

    def let_go(self) -> None:
        self._end.resumeProducing()
