"""One request and its answer as a client sees them, whichever version of HTTP carries them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

Field = tuple[str, str]

PATIENCE = 10.0
"""Seconds that anything is waited for, where nothing else is said."""

WINDOW = 1 << 16
"""Bytes that are taken in, of an exchange that nobody reads, before the gateway is held up."""


class Broken(Exception):
    """The answer will never be whole; `code` is the version's error code, None where it has none."""

    def __init__(self, why: str, code: int | None = None) -> None:
        super().__init__(why if code is None else f"{why} (code {code:#x})")
        self.code = code


class Unwanted(Exception):
    """The gateway has said that it takes no more of the request's body."""


class Head(NamedTuple):
    """The head of an answer: names in lower case, what frames the body among them."""

    status: int
    fields: list[Field]

    def get(self, name: str) -> str | None:
        """The value of the only field of that name; AssertionError where there are several."""
        found = self.all(name)
        if len(found) > 1:
            raise AssertionError(f"{len(found)} times {name}: {found}")
        return found[0] if found else None

    def all(self, name: str) -> list[str]:
        """The values of all fields of that name."""
        return [value for each, value in self.fields if each == name]


class Exchange:
    """What the three codecs have in common: what came is kept here until the test wants it.

    A codec calls `_got_...`; and it says in `_pump` how to hear more, in `_push` how to say what is in
    `_unsent` and then `_ending`, and in `_credit` that the test has taken bytes of the body.
    """

    def __init__(self) -> None:
        self.interim: list[Head] = []
        self.trailers: list[Field] | None = None
        self.broken: Broken | None = None
        self.unwanted = False
        """Whether the gateway has said that it takes no more of the request's body."""
        self.answered_whole = False
        self.sent = 0
        """Bytes of the body that were handed on."""
        self._final: Head | None = None
        self._received = bytearray()
        self._unsent = bytearray()
        self._ending: list[Field] | None = None
        self._said_all = False

    # --- what a test says ---------------------------------------------------------------------

    def send(self, data: bytes, within: float = PATIENCE) -> None:
        """Say some of the body, and return when it has left.

        TimeoutError when it has not left `within` seconds: what is left stays to be sent, before
        all that is sent later. Unwanted or Broken when the gateway does not want it.
        """
        self._unsent += data
        self.flush(within)

    def flush(self, within: float = PATIENCE) -> None:
        """The same for what is left of earlier sends."""
        deadline = time.monotonic() + within
        self._may_send()
        while not self._push():
            self._listen(deadline, "room for the body")
            self._may_send()

    def begin(self, body: bytes, *, end: bool) -> None:
        """Say what is here of the request; whether it was wanted shows in the answer."""
        self._unsent += body
        self._ending = [] if end else None
        with contextlib.suppress(Unwanted, Broken):
            self.flush()

    def end(self, trailers: Iterable[Field] = (), within: float = PATIENCE) -> None:
        """The request is whole; waits as `send` does."""
        self._ending = list(trailers)
        self.flush(within)

    def reset(self) -> None:
        """Give the exchange up."""
        raise NotImplementedError

    # --- what a test hears --------------------------------------------------------------------

    def next_head(self, within: float = PATIENCE) -> Head:
        """The head of an interim or the final response, whichever comes next."""
        seen = len(self.interim)
        self._until(lambda: self._final is not None or len(self.interim) > seen, within, "a head")
        return self.interim[seen] if len(self.interim) > seen else self.head()

    def head(self, within: float = PATIENCE) -> Head:
        """The final head; interim ones before it are in `interim`."""
        self._until(lambda: self._final is not None, within, "the head")
        assert self._final is not None
        return self._final

    def has_answer(self) -> bool:
        """Whether the final head has come, as far as can be told without waiting."""
        while self._final is None and self.broken is None and self._pump(0.0):
            continue
        return self._final is not None

    def read(self, most: int = WINDOW, within: float = PATIENCE) -> bytes:
        """Some of the body as soon as there is some, b"" at its end; Broken where it was cut short."""
        self._until(lambda: bool(self._received) or self.answered_whole, within, "some of the body")
        data = bytes(self._received[:most])
        del self._received[:most]
        self._credit(len(data))
        return data

    def read_exactly(self, size: int, within: float = PATIENCE) -> bytes:
        """So many bytes of the body; AssertionError where it ends before."""
        data = bytearray()
        while len(data) < size:
            piece = self.read(size - len(data), within)
            if not piece:
                raise AssertionError(f"the body ended after {bytes(data)!r}")
            data += piece
        return bytes(data)

    def body(self, within: float = PATIENCE) -> bytes:
        """The rest of the body; afterwards `trailers` are there too."""
        data = bytearray()
        while piece := self.read(within=within):
            data += piece
        return bytes(data)

    def until_unwanted(self, within: float = PATIENCE) -> None:
        """Wait until the gateway says that it takes no more of the request's body."""
        self._until(lambda: self.unwanted, within, "a word that the rest is not wanted")

    # --- waiting ------------------------------------------------------------------------------

    def _until(self, check: Callable[[], bool], within: float, what: str) -> None:
        deadline = time.monotonic() + within
        while not check():
            if self.broken is not None:
                raise self.broken
            self._listen(deadline, what)

    def _listen(self, deadline: float, what: str) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"{what} did not come in time")
        self._pump(left)

    def _may_send(self) -> None:
        if self.broken is not None:
            raise self.broken
        if self.unwanted and not self._said_all:
            raise Unwanted

    # --- what a codec does --------------------------------------------------------------------

    def _pump(self, seconds: float) -> bool:
        """Take in what comes next, or wait so long for it; False when nothing came."""
        raise NotImplementedError

    def _push(self) -> bool:
        """Say as much of what waits as there is room for; True when nothing waits any more."""
        raise NotImplementedError

    def _credit(self, size: int) -> None:
        """The test has taken so many bytes."""
        raise NotImplementedError

    # --- what a codec hears -------------------------------------------------------------------

    def _got_head(self, status: int, fields: list[Field]) -> None:
        head = Head(status, fields)
        if 100 <= status < 200 and status != 101:
            self.interim.append(head)
        else:
            self._final = head

    def _got_end(self, trailers: list[Field] | None = None) -> None:
        self.trailers = trailers
        self.answered_whole = True

    def _got_broken(self, why: str, code: int | None = None) -> None:
        if self.broken is None and not self.answered_whole:
            self.broken = Broken(why, code)
