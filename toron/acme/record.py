"""What is kept of one certificate: the pair, and how the last tries to renew it went."""

from __future__ import annotations

import json
from typing import Any

from twisted.logger import Logger

from toron.acme.failure import AcmeFailed
from toron.acme.pair_file import joined, parted
from toron.acme.state import State
from toron.acme.wanted import Wanted
from toron.net.key_pair import KeyPair

_PATIENCE = 300.0
"""Seconds that a start waits at most for what only our own back-off asks for: somebody may have mended it."""


class Record:
    """Two files in the state folder, PEM and JSON."""

    def __init__(self, wanted: Wanted, state: State) -> None:
        self.log = Logger(namespace="toron")
        self._wanted = wanted
        self._state = state
        self._seen: bytes | None = None
        self.failures = 0
        """In a row."""
        self.why = ""
        """The last one's reason; empty where that was none."""
        self.not_before = 0.0
        """When the next try may be made, in Unix seconds."""
        self.issued = 0
        """Certificates got by this process."""
        self.words: dict[str, int] = {}
        """Failures of this process, by the word of each."""

    def read(self, now: float) -> None:
        """Know how it went before; raises AcmeFailed."""
        data = self._state.read(self._notes)
        if data is None:
            return
        try:
            found: dict[str, Any] = json.loads(data)
            failures, why, next_try = int(found["failures"]), str(found["why"]), float(found["next"])
            asked = bool(found["asked"])
        except (ValueError, TypeError, KeyError) as error:
            self._state.set_aside(self._notes, f"{type(error).__name__}: {error}")
            return
        self.failures, self.why = failures, why
        self.not_before = next_try if asked else min(next_try, now + _PATIENCE)

    def begin(self) -> None:
        """A try begins; raises AcmeFailed where nothing could be kept of it, before anybody is asked."""
        self._note(asked=False)

    def failed(self, error: AcmeFailed, next_try: float, asked: bool) -> None:
        """A try failed; `asked` says that the directory has set the time of the next one."""
        self.failures += 1
        self.why, self.not_before = str(error), next_try
        self.count(error)
        try:
            self._note(asked)
        except AcmeFailed as other:
            self.log.warn("ACME: {why}", why=str(other))

    def count(self, error: AcmeFailed) -> None:
        """Something went wrong."""
        self.words[error.word] = self.words.get(error.word, 0) + 1

    def _note(self, asked: bool) -> None:
        notes = {"failures": self.failures, "why": self.why, "next": self.not_before, "asked": asked}
        if self._state.locked:
            self._state.write(self._notes, json.dumps(notes, indent=1).encode())

    def succeeded(self) -> None:
        """There is a new certificate."""
        self.failures, self.why, self.not_before = 0, "", 0.0
        self.issued += 1
        self._state.remove(self._notes)

    def write(self, pair: KeyPair) -> None:
        """Keep the pair; raises AcmeFailed."""
        data = joined(pair)
        self._state.write(self._pair, data)
        self._seen = data

    def changed(self) -> KeyPair | None:
        """The pair that is kept, if it is another than when this was asked last.

        One that can not be used is put aside; raises AcmeFailed where nothing can be read.
        """
        data = self._state.read(self._pair)
        if data is None or data == self._seen:
            return None
        try:
            pair = parted(data, self._wanted.names)
        except ValueError as error:
            self.set_aside(str(error))
            return None
        self._seen = data
        return pair

    def set_aside(self, why: str) -> None:
        """Keep a pair that can not be served under another name."""
        self._seen = None
        self._state.set_aside(self._pair, why)

    @property
    def kept(self) -> bool:
        """Whether there is a pair."""
        return self._state.has(self._pair)

    @property
    def _pair(self) -> str:
        return f"{self._wanted.file}.pem"

    @property
    def _notes(self) -> str:
        return f"{self._wanted.file}.json"
