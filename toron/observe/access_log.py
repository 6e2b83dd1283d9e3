"""The access log: JSON lines that cost the event loop an append each and are encoded in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import gmtime, strftime
from time import time as wall_clock
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from toron.observe.access_lines import Line, encode, mend, redaction
from toron.observe.line_writer import LineWriter

BATCH = 128
"""Lines that are encoded at once at most: so few that even the longest fit what a writer holds."""

DELAY = 0.25
"""Seconds a line waits at most before it is encoded."""

STOP = 2.0
"""Seconds a stop waits at most until everything is written."""

QUIET = 60.0
"""Seconds between two complaints."""


class NullAccessLog(Service):
    """The access log that is off: `enabled` is False, so that no line is even built."""

    enabled = False
    dropped = 0

    def write(self, line: Line) -> None:
        """Forget the line."""

    def pass_on(self, data: bytes) -> None:
        """Forget what a worker has encoded."""

    def flush(self) -> None:
        """Nothing waits."""

    def reopen(self) -> None:
        """There is nothing to open."""


class AccessLog(Service):
    """Takes lines while it runs; never blocks, and counts what it had to drop.

    `path` is a file, a FIFO, a device, or `-` for standard output; `redact` are the query
    parameters whose values are not written; `time` gives Unix seconds.
    """

    enabled = True
    log = Logger()

    def __init__(
        self,
        path: str,
        reactor: Any,
        redact: Sequence[str] = (),
        time: Callable[[], float] = wall_clock,
        make_writer: Callable[..., Any] = LineWriter,
    ) -> None:
        self.path = path
        self._reactor = reactor
        self._time = time
        self._redact = redaction(redact)
        self._stamp = Stamp()
        self._waiting: list[Line] = []
        self._timer: Any = None
        self._refused = 0
        self._quiet_until = float("-inf")
        self._stopped: Deferred[None] | None = None
        call = reactor.callFromThread
        self._writer = make_writer(
            path,
            failed=lambda error: call(self._complain, str(error)),
            ended=lambda: call(self._ended),
        )

    @property
    def dropped(self) -> int:
        """Lines that were not written: the writer was behind, failed, or had stopped."""
        refused: int = self._refused + self._writer.lost
        return refused

    # --- the request path ---------------------------------------------------------------------

    def write(self, line: Line) -> None:
        """Have a line written; it is the log's from here on."""
        if not self.running:
            self._refused += 1
            return
        line.time = self._time()
        waiting = self._waiting
        waiting.append(line)
        if self._timer is None:
            self._timer = self._reactor.callLater(DELAY, self._tick)
        elif len(waiting) >= BATCH:
            self.flush()

    def _tick(self) -> None:
        self._timer = None
        self.flush()

    def flush(self) -> None:
        """Encode what waits, and pass it on to the writer."""
        lines, self._waiting = self._waiting, []
        if not lines:
            return
        redact, stamp = self._redact, self._stamp
        for line in lines:
            line.time = stamp(line.time)  # type: ignore[arg-type]  # a float until here
            line.settle(redact)
        try:
            data = encode(lines)
        except (ValueError, TypeError):
            lines, data = self._encode_one_by_one(lines)
        if data and not self._writer.put(data):
            self._refused += len(lines)
            self._complain("the writer is behind")

    def pass_on(self, data: bytes) -> None:
        """Have whole lines written that a worker has encoded."""
        if not self.running or not self._writer.put(data):
            self._refused += data.count(b"\n")
            self._complain("the writer is behind")

    def _encode_one_by_one(self, lines: list[Line]) -> tuple[list[Line], bytes]:
        fine: list[Line] = []
        parts: list[bytes] = []
        for line in lines:
            try:
                mend(line)
                parts.append(encode([line]))
                fine.append(line)
            except (ValueError, TypeError) as error:
                self._refused += 1
                self._complain(f"a line that cannot be written: {error}")
        return fine, b"".join(parts)

    # --- the life of it -----------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Open the path while there are privileges to; raises OSError, which names it."""
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        self._writer.open()

    def startService(self) -> None:
        """Open the path where that was not done yet, and start to write; raises OSError."""
        if not self._writer.is_open:
            self._writer.open()
        super().startService()  # type: ignore[no-untyped-call]
        self._writer.start()

    def reopen(self) -> None:
        """Open the path anew, as after a rotation; where that fails, go on with what is open."""
        if self.running:
            self.flush()
            self._writer.reopen()

    def stopService(self) -> Deferred[None]:
        """Fires when everything is written, or the time for that (2 s) is over."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.flush()
        done: Deferred[None] = Deferred()
        self._stopped = done
        self._timer = self._reactor.callLater(STOP, self._give_up)
        self._writer.stop()
        return done

    def _give_up(self) -> None:
        self._timer = None
        self._writer.give_up()
        self._ended()

    def _ended(self) -> None:
        done, self._stopped = self._stopped, None
        if done is None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        done.callback(None)

    def _complain(self, why: str) -> None:
        now = self._reactor.seconds()
        if now < self._quiet_until:
            return
        self._quiet_until = now + QUIET
        self.log.error(
            "access log {path}: {why}; {dropped} lines dropped so far",
            path=self.path,
            why=why,
            dropped=self.dropped,
        )


class Stamp:
    """Unix seconds as RFC 3339 in UTC with milliseconds; the second is formatted once."""

    __slots__ = ("_last", "_millis", "_second", "_stamp", "_text")

    def __init__(self) -> None:
        self._millis = [f".{n:03d}Z" for n in range(1000)]
        self._second = self._last = -1
        self._text = self._stamp = ""

    def __call__(self, when: float) -> str:
        moment = int(when * 1000)
        if moment == self._last:
            return self._stamp
        self._last = moment
        second, millis = divmod(moment, 1000)
        if second != self._second:
            self._second = second
            self._text = strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
        self._stamp = self._text + self._millis[millis]
        return self._stamp
