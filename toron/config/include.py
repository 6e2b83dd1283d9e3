"""Takes in the files that a configuration names under `include:`, so that they are one document."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Mapping

from toron.config.join import KEY, join
from toron.config.place import Document, Invalid, Path, Report, Seen
from toron.config.source import read_document
from toron.config.substitute import replaced

FILES = 1000
"""Included files of one configuration, at most."""

TOTAL = 64 << 20
"""Bytes of all files of one configuration, at most."""

DEPTH = 10
"""Files that include each other in a row, at most."""


def take_in(report: Report, folder: str, environ: Mapping[str, str]) -> bool:
    """Join the report's document with all that it includes; False where not everything could be read.

    What a file names is relative to its own folder, which is `folder` for the first one. What was looked for
    and how it was then is in `looked` of the document, what was read in `included`.
    """
    if KEY not in report.document.data:
        return True
    reading = _Reading(report, environ)
    reading.size = len(report.document.text)
    reading.take(report.document, folder, (os.path.join(folder, os.path.basename(report.document.file)),))
    return reading.whole


def put_in(report: Report, folder: str, environ: Mapping[str, str], texts: Mapping[str, bytes]) -> bool:
    """Join the report's document with files that were read earlier, in the same order."""
    reading = _Reading(report, environ)
    for name, text in {report.document.file: None, **texts}.items():
        document = report.document if text is None else reading.read(name, text)
        if document is not None:
            where = folder if text is None else os.path.dirname(name) or "."
            for _, pattern in reading.patterns(document, where):
                _, full = _full(pattern)
                report.document.looked[full] = seen(full)
    report.document.data.pop(KEY, None)
    return reading.whole


def seen(pattern: str) -> Seen:
    """The files that fit a pattern, each with what changes when it does; folders are left out.

    Hidden files fit only where the pattern has the dot. Of links that lead nowhere nothing more is known.
    """
    found = []
    for name in sorted(glob.glob(pattern)):
        try:
            state = os.stat(name)
        except OSError:
            found.append((name, 0, 0, 0, 0))
            continue
        if not stat.S_ISDIR(state.st_mode):
            found.append((name, state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size))
    return tuple(found)


class _Reading:
    """Goes from file to file."""

    def __init__(self, report: Report, environ: Mapping[str, str]) -> None:
        self.report, self.environ = report, environ
        self.whole = True
        self.size = 0
        self.known: set[str] = set()
        """The real paths of the files that are in."""

    def take(self, document: Document, folder: str, chain: tuple[str, ...]) -> None:
        """Take in what a document names; `chain` are the files that led here, itself the last."""
        looked = self.report.document.looked
        named = list(self.patterns(document, folder))
        document.data.pop(KEY, None)
        for path, pattern in named:
            before, full = _full(pattern)
            looked[full] = seen(full)
            names = [os.path.normpath(each[0].removeprefix(before)) for each in looked[full]]
            if not names and not _is_glob(pattern, folder):
                self._absent(document, path, pattern)
            elif _is_glob(pattern, folder) and (why := _closed(os.path.dirname(pattern))):
                self._wrong(document, path, f"{why}: change its owner or mode")
            for name in names:
                if not self._file(name, document, path, chain):
                    return

    def _file(self, name: str, document: Document, path: Path, chain: tuple[str, ...]) -> bool:
        """Take in one file; False where that was one too many."""
        real = os.path.realpath(name)
        if real in map(os.path.realpath, chain):
            way = " -> ".join(os.path.basename(each) for each in (*chain, name))
            self._wrong(document, path, f"it includes itself: {way}: take one of them out")
            return True
        if real in self.known:
            return True
        if len(chain) > DEPTH:
            self._wrong(document, path, f"included more than {DEPTH} deep: name the files higher up")
            return True
        if len(self.known) >= FILES:
            self._wrong(document, path, f"more than {FILES} files in all: join some of them")
            return False
        self.known.add(real)
        part = self.read(name)
        if self.size > TOTAL:
            self._wrong(document, path, f"more than {TOTAL >> 20} MiB in all: take some files out")
            return False
        if part is not None:
            self.take(part, os.path.dirname(name) or ".", (*chain, name))
        return True

    def read(self, name: str, text: bytes | None = None) -> Document | None:
        """Read one file and join it to the rest; None where it can not be read."""
        included = self.report.document.included
        included[name] = b""  # the files in their order, also for what is wrong with this one
        try:
            part = read_document(name, text, may_be_empty=True)
        except Invalid as invalid:
            for problem in invalid.problems:
                self.report.at((problem.line, problem.column), problem.message, name)
            self.whole = False
            return None
        included[name] = part.text
        self.size += len(part.text)
        for place, message in part.repeated:
            self.report.at(place, message, name)
        join(self.report, part)
        return part

    def patterns(self, document: Document, folder: str) -> Iterator[tuple[Path, str]]:
        """What a document names, as patterns with its folder before them, each with its path."""
        written = document.data.get(KEY, [])
        for index, item in enumerate(written if isinstance(written, list) else [written]):
            path = document.item((KEY,), index)
            if not isinstance(item, str) or not item.strip():
                self._wrong(document, path, "not a file: write a path or a pattern such as conf.d/*.yaml")
                continue
            problems: list[str] = []
            text = replaced(item, self.environ, problems)
            for problem in problems:
                self._wrong(document, path, problem)
            if "\0" in text:
                self._wrong(document, path, "not a path: take the null character out")
            elif not problems:
                yield path, os.path.join("" if folder == "." else glob.escape(folder), text)

    def _absent(self, document: Document, path: Path, pattern: str) -> None:
        name = os.path.normpath(_unescaped(pattern))
        if os.path.isdir(name):
            self._wrong(document, path, f"{name} is a folder: write {os.path.join(name, '*.yaml')}")
        else:
            self._wrong(document, path, f"there is no file {name}: check the path, or write a pattern with *")

    def _wrong(self, document: Document, path: Path, message: str) -> None:
        self.report.at(document.value_place(path), message, document.file)
        self.whole = False


def _closed(folders: str) -> str:
    """Why folders can not be looked into that fit a pattern; empty where all can: none is no reason."""
    if glob.has_magic(folders) and (why := _closed(os.path.dirname(folders))):
        return why
    for folder in glob.glob(folders) if folders else (".",):
        try:
            with os.scandir(folder):
                continue
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return f"the folder {folder} cannot be listed: {error.strerror}"
    return ""


def _full(pattern: str) -> tuple[str, str]:
    """What stands before a pattern that is relative, and the absolute one: a daemon goes elsewhere."""
    before = "" if os.path.isabs(pattern) else os.path.join(os.getcwd(), "")
    return before, glob.escape(before) + pattern


def _is_glob(pattern: str, folder: str) -> bool:
    return glob.has_magic(pattern.removeprefix(glob.escape(folder)))


def _unescaped(pattern: str) -> str:
    for each in "*?[":
        pattern = pattern.replace(f"[{each}]", each)
    return pattern
