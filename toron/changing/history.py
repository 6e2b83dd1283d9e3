"""Remembers the configurations that were taken into service: their texts, when, by whom and why."""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from twisted.logger import Logger

from toron.admin.changes import HistoryEntry
from toron.changing.redaction import redacted, unified
from toron.changing.saving import replace_file

STARTED = "start"
"""The author of what a gateway began with."""

_FILE = re.compile(r"(\d{6,12})\.json")

WAITING, WENT_BACK, RETURN = "waiting", "went back", "return"
"""Results: not confirmed yet; not in service any more; what served before serves again because of that."""

_NO_CHANGE = (WENT_BACK, RETURN)

MESSAGE = 1000
"""Characters of a message or a reason that are kept."""

NOTHING: Mapping[str, bytes] = {}
"""No files besides the first."""


class Past:
    """One entry, with its text."""

    __slots__ = (
        "_included", "_packed", "author", "digest", "id", "lines", "message", "name", "reason", "result",
        "time",
    )  # fmt: skip

    def __init__(
        self,
        id: int,
        time: float,
        author: str,
        message: str,
        name: str,
        text: bytes,
        included: Mapping[str, bytes] = NOTHING,
    ) -> None:
        self.id = id
        self.time = time
        """Unix seconds."""
        self.author = author[:MESSAGE]
        self.message = message[:MESSAGE]
        self.name = name
        """The file, which ends with the format of the text."""
        self.result = "applied"
        self.reason = ""
        self.lines: tuple[int, int] | None = None
        """How many are new, and how many are gone; None until somebody has counted."""
        self.digest = sha256(text).digest()
        """A hash of the text."""
        self._packed = zlib.compress(text, 1)
        self._included = {each: zlib.compress(what, 1) for each, what in included.items()}

    @property
    def text(self) -> bytes:
        """What was taken into service."""
        return zlib.decompress(self._packed)

    @property
    def included(self) -> dict[str, bytes]:
        """The texts of the files that it included, in order, by their paths from the folder of its own."""
        return {name: zlib.decompress(packed) for name, packed in self._included.items()}

    def says(self, text: bytes, included: Mapping[str, bytes]) -> bool:
        """Whether these are its texts."""
        return self.text == text and list(self.included.items()) == list(included.items())


class History:
    """The last entries, the oldest first; with a folder they outlive the process."""

    def __init__(self, wall: Callable[[], float]) -> None:
        """`wall` gives Unix seconds."""
        self._wall = wall
        self.keep = 50
        self.folder: str | None = None
        self.entries: list[Past] = []
        self._next = 1
        self._log = Logger(namespace="toron")

    @property
    def serving(self) -> Past | None:
        """The latest entry."""
        return self.entries[-1] if self.entries else None

    def configure(self, keep: int, folder: str | None) -> None:
        """Keep so many, in this folder; what is there already is taken up."""
        self.keep = keep
        if folder != self.folder:
            self.folder = folder
            mine, self.entries = self.entries, [] if folder is None else self._read(folder)
            if folder is None:
                self.entries = mine
                return
            self._next = max([self._next, *(each.id + 1 for each in self.entries)])
            for each in mine:
                each.id, self._next = self._next, self._next + 1
                self.entries.append(each)
                self.write(each)
        self._forget()

    def add(
        self, author: str, message: str, name: str, text: bytes, included: Mapping[str, bytes] = NOTHING
    ) -> Past:
        """A text, and what it includes, serves from now on."""
        entry = Past(self._next, self._wall(), author, message, name, text, included)
        self._next += 1
        self.entries.append(entry)
        self.write(entry)
        self._forget()
        return entry

    def begin(self, name: str, text: bytes, included: Mapping[str, bytes] = NOTHING) -> None:
        """The gateway has begun with this text."""
        kept = [each for each in self.entries if each.result not in _NO_CHANGE]
        same = bool(kept) and kept[-1].says(text, included)
        if same and self.entries[-1] is kept[-1]:
            return
        entry = self.add(STARTED, "", name, text, included)
        if same:
            entry.result = RETURN
            self.write(entry)

    def write(self, entry: Past) -> None:
        """Bring the file of an entry up to date; where that can not be, the log says so."""
        if self.folder is None:
            return
        data = {
            "id": entry.id, "time": entry.time, "author": entry.author, "message": entry.message,
            "name": entry.name, "result": entry.result, "reason": entry.reason,
            "text": entry.text.decode(),
            "included": {name: text.decode() for name, text in entry.included.items()},
        }  # fmt: skip
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            path = os.path.join(self.folder, f"{entry.id:06}.json")
            replace_file(path, json.dumps(data).encode(), 0o600, durable=False)
        except OSError as error:
            self._log.error(
                "the history can not be written: {path}: {why}", path=self.folder, why=error.strerror or error
            )

    def knows(self, text: bytes) -> bool:
        """Whether an entry has this text."""
        digest = sha256(text).digest()
        return any(each.digest == digest for each in self.entries.copy())

    def steps_back(self, steps: int) -> Past | None:
        """What served so many changes ago; those that went back, and going back, are no changes."""
        found = [each for each in self.entries if each.result not in _NO_CHANGE]
        return found[-1 - steps] if 0 < steps < len(found) else None

    def find(self, id: int) -> Past | None:
        """The entry of this number."""
        return next((each for each in self.entries if each.id == id), None)

    def told(self, limit: int) -> list[HistoryEntry]:
        """The latest entries, the newest first."""
        entries = self.entries.copy()
        return [self._told(entry, entries) for entry in entries[: -limit - 1 : -1]] if limit > 0 else []

    def one(self, entry: Past) -> HistoryEntry:
        """An entry with its diff."""
        told = self._told(entry, self.entries.copy())
        told.diff = "".join(f"{line}\n" for line in self.diff(entry))
        return told

    def diff(self, entry: Past) -> list[str]:
        """What its text changed of the one before, as a unified diff without secrets."""
        place = self.entries.index(entry)
        if place == 0:
            return []
        before = self.entries[place - 1]
        texts = redacted(before.name, before.text), redacted(entry.name, entry.text)
        lines = unified(*texts, (f"{before.name} ({before.id})", f"{entry.name} ({entry.id})"))
        for name, old, new in _included(before, entry):
            shown = redacted(name, old), redacted(name, new)
            lines += unified(*shown, (f"{name} ({before.id})", f"{name} ({entry.id})"))
        return lines

    def _told(self, entry: Past, entries: list[Past]) -> HistoryEntry:
        if entry.lines is None:
            place = entries.index(entry)
            before = entries[place - 1 if place else 0]
            pairs = [(before.text, entry.text), *((old, new) for _, old, new in _included(before, entry))]
            lines = [line for old, new in pairs for line in unified(old.decode(), new.decode(), ("", ""))[2:]]
            entry.lines = sum(line[:1] == "+" for line in lines), sum(line[:1] == "-" for line in lines)
        return HistoryEntry(
            id=entry.id, time=round(entry.time, 3), author=entry.author, message=entry.message,
            result="applied" if entry.result == RETURN else entry.result, reason=entry.reason,
            serving=entry is entries[-1], added=entry.lines[0], removed=entry.lines[1],
        )  # fmt: skip

    def _forget(self) -> None:
        gone, self.entries = self.entries[: -self.keep], self.entries[-self.keep :]
        for each in gone:
            if self.folder is not None:
                try:
                    os.unlink(os.path.join(self.folder, f"{each.id:06}.json"))
                except FileNotFoundError:
                    continue
                except OSError as error:
                    self._log.error("the history can not be written: {why}", why=error)

    def _read(self, folder: str) -> list[Past]:
        """The entries of a folder; a file that can not be read is left alone."""
        found = []
        try:
            names = sorted(os.listdir(folder))
        except FileNotFoundError:
            return []
        except OSError as error:
            self._log.error("the history can not be read: {path}: {why}", path=folder, why=error.strerror)
            return []
        for name in filter(_FILE.fullmatch, names):
            try:
                with open(os.path.join(folder, name), "rb") as file:
                    found.append(_entry(json.load(file)))
            except (OSError, ValueError, KeyError, TypeError) as error:
                self._log.error("{name} of the history is left alone: {why}", name=name, why=error)
        return sorted(found, key=lambda each: each.id)[-self.keep :]


def _included(before: Past, entry: Past) -> Iterator[tuple[str, bytes, bytes]]:
    """The included files that are not the same, with both texts; empty where there was none."""
    was, now = before.included, entry.included
    for name in dict.fromkeys((*now, *was)):
        if was.get(name) != now.get(name):
            yield name, was.get(name, b""), now.get(name, b"")


def _entry(data: dict[str, Any]) -> Past:
    entry = Past(
        int(data["id"]), float(data["time"]), str(data["author"]), str(data["message"]), str(data["name"]),
        str(data["text"]).encode(), {name: text.encode() for name, text in data.get("included", {}).items()},
    )  # fmt: skip
    entry.result, entry.reason = str(data["result"]), str(data["reason"])
    if entry.result == WAITING:
        # Nobody confirmed it while the process lived that waited for it.
        entry.result, entry.reason = WENT_BACK, "the gateway ended before it was confirmed"
    return entry
