"""Where things were written: problems with their file, line and column, and the document they point into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]
"""Keys and list indices from the top of a configuration: `("routes", 0, "match")`."""

Place = tuple[int, int]
"""Line and column, both counted from 1, the column in characters."""

MAX_DEPTH = 100
"""Mappings and lists inside each other, at most."""

COMPARISONS = 100_000
"""Names that are compared for one document, at most: thousands of misspelt ones get no suggestion."""

HIDDEN = "<secret>"
"""What is shown instead of a secret."""

Writing = dict[Path, Place]

Seen = tuple[tuple[str, int, int, int, int], ...]
"""Files as they were found: path, device, inode, time of the last change in nanoseconds, bytes."""


def starts(path: Path) -> Iterator[Path]:
    """Everything that a path is in, from the top of the configuration to the path itself."""
    return (path[:length] for length in range(len(path) + 1))


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to put right; prints as `file:line:column: what, and what to do`."""

    number: int = field(default=0, kw_only=True, repr=False)
    """Which file of the configuration it is in: 0 is the first, the included ones follow in their order."""
    path: str
    line: int
    column: int
    message: str
    warning: bool = False

    def __str__(self) -> str:
        kind = "warning: " if self.warning else ""
        return f"{self.path}:{self.line}:{self.column}: {kind}{self.message}"


class Invalid(Exception):
    """A configuration that cannot be used; `problems` says why, in the order of the files.

    `looked` is what was looked for to take in (see Document), where that is known.
    """

    def __init__(self, problems: Iterable[Problem], looked: Mapping[str, Seen] | None = None) -> None:
        self.problems = sorted(problems)
        self.looked = looked
        super().__init__("\n".join(map(str, self.problems)))


class Unreadable(Exception):
    """The text does not follow the rules of its format, at this place."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place, self.message = place, message


@dataclass(slots=True, repr=False)
class Document:
    """What a file says as plain data, with the place of every key and every value.

    With what it includes it is one document: places are those of the file that `file_of` tells.
    """

    file: str
    data: Any = None
    keys: Writing = field(default_factory=dict)
    values: Writing = field(default_factory=dict)
    repeated: list[tuple[Place, str]] = field(default_factory=list)
    """Keys written twice: where the second is, and a sentence about both."""
    text: bytes = b""
    """The file as it was read."""
    included: dict[str, bytes] = field(default_factory=dict)
    """The files that were taken in, in their order, as they were read."""
    written_in: dict[Path, str] = field(default_factory=dict)
    """The included file in which a key was written, or one of its items or entries."""
    looked: dict[str, Seen] = field(default_factory=dict)
    """Patterns of files to take in, with what fitted when they were read."""

    def value_place(self, path: Path) -> Place:
        """Where the value at `path` begins, or the nearest thing around it that was written."""
        for length in range(len(path), -1, -1):
            found = self.values.get(path[:length])
            if found is not None:
                return found
        return (1, 1)

    def key_place(self, path: Path) -> Place:
        """Where the key of `path` begins; for a list item, where the item begins."""
        return self.keys.get(path) or self.value_place(path)

    def file_of(self, path: Path) -> str:
        """The file in which `path`, or the nearest thing around it, was written."""
        return self.written_in.get(path[:2]) or self.written_in.get(path[:1]) or self.file

    def problem(self, path: Path, message: str, *, key: bool = False, warning: bool = False) -> Problem:
        """Something to put right at the value of `path`, or at its key."""
        line, column = self.key_place(path) if key else self.value_place(path)
        file = self.file_of(path)
        return Problem(file, line, column, message, warning, number=self.number(file))

    def number(self, file: str) -> int:
        """Which of the files this is: 0 is the first."""
        return list(self.included).index(file) + 1 if file in self.included else 0

    def get(self, path: Path) -> Any:
        """The value at `path`; KeyError, IndexError or TypeError when there is none."""
        value = self.data
        for step in path:
            value = value[step]
        return value

    def item(self, path: Path, index: int) -> Path:
        """The path of one item where either one or a list of them may be written."""
        if (*path, index) in self.values:
            return (*path, index)
        try:
            return (*path, index) if isinstance(self.get(path), list) else path
        except (KeyError, IndexError, TypeError):
            return path

    def put(self, path: Path, value: Any) -> None:
        """Replace the value at `path`, which is not the whole document."""
        self.get(path[:-1])[path[-1]] = value

    def repeat(self, key: str, first: Place, second: Place) -> None:
        """Note that a key was written twice in one mapping."""
        text = f"the key {quote(key)} is already written at {first[0]}:{first[1]}: take one of the two out"
        self.repeated.append((second, text))


class Report:
    """Collects every problem of one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: set[Problem] = set()
        self.muted: set[Path] = set()
        """Values that already have a problem of their own: nothing more is said about them."""
        self.hidden: dict[Path, set[str]] = {}
        """Texts that no message about these paths may show."""
        self.comparisons = COMPARISONS
        """How many names may still be compared to find one that was meant."""

    def error(self, path: Path, message: str, *, key: bool = False) -> None:
        """Add an error at the value of `path`, or at its key."""
        self._add(path, message, key, False)

    def warn(self, path: Path, message: str, *, key: bool = False) -> None:
        """Add a warning: said, but it stops nothing."""
        self._add(path, message, key, True)

    def at(self, place: Place, message: str, file: str = "") -> None:
        """Add an error at a place that has no path, in the first file or in `file`."""
        name = file or self.document.file
        self.problems.add(Problem(name, *place, message, number=self.document.number(name)))

    def line(self, path: Path, near: Path, *, key: bool = True) -> str:
        """Where something else was written, for a message about `near`: `line 7`, and of which file."""
        line, _ = self.document.key_place(path) if key else self.document.value_place(path)
        file = self.document.file_of(path)
        return f"line {line}" if file == self.document.file_of(near) else f"line {line} of {file}"

    def errors(self) -> list[Problem]:
        """Every error, in the order of the file."""
        return sorted(problem for problem in self.problems if not problem.warning)

    def warnings(self) -> list[Problem]:
        """Every warning, in the order of the file."""
        return sorted(problem for problem in self.problems if problem.warning)

    def hide(self, path: Path, text: str) -> None:
        """Show no `text` in messages about `path`; a text of a few letters hides nothing worth it."""
        if len(text) > 3:
            self.hidden.setdefault(path, set()).add(text)

    def _add(self, path: Path, message: str, key: bool, warning: bool) -> None:
        if any(above in self.muted for above in starts(path)):
            return
        message = self._scrub(path, message)
        self.problems.add(self.document.problem(path, message, key=key, warning=warning))

    def _scrub(self, path: Path, message: str) -> str:
        hidden = [self.hidden.get(above, ()) for above in starts(path)]
        for text in sorted({text for texts in hidden for text in texts}, key=len, reverse=True):
            message = message.replace(text, HIDDEN)
        return message


def quote(value: Any) -> str:
    """A value as a message shows it: in quotes, and cut when it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:70]}...{text[-1]}"


def printable(text: str) -> str:
    """A text as a terminal can show it: what would move the cursor, or turn what follows, is escaped."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
