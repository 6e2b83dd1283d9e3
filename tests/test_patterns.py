"""Regular expressions mean the same on every Python that toron runs on."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

import toron

ONE_CHARACTER = {constants.IN, constants.LITERAL, constants.NOT_LITERAL, constants.ANY}


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """All patterns that modules of toron have as globals, also by a method of theirs, with their names."""
    for found in pkgutil.walk_packages(toron.__path__, "toron."):
        if found.name.endswith("__main__"):
            continue
        try:
            module = importlib.import_module(found.name)
        except ImportError as error:
            assert error.name is not None and not error.name.startswith("toron"), error
            continue  # of an extra that is not installed
        for name, value in vars(module).items():
            value = getattr(value, "__self__", value)
            if isinstance(value, re.Pattern):
                yield f"{found.name}.{name}", value


def possessive_groups(tree: Any) -> Iterator[Any]:
    """What is repeated possessively and is more than one character, or is in an atomic group."""
    for operation, argument in tree:
        if operation is constants.POSSESSIVE_REPEAT:
            repeated = argument[2]
            if len(repeated) != 1 or repeated[0][0] not in ONE_CHARACTER:
                yield repeated
        elif operation is constants.ATOMIC_GROUP:
            yield argument
        for part in argument if isinstance(argument, (tuple, list)) else (argument,):
            for each in part if isinstance(part, list) else (part,):
                if isinstance(each, parser.SubPattern):
                    yield from possessive_groups(each)


class Patterns(SynchronousTestCase):
    """CPython before 3.11.5 matches what it must not where a group is repeated possessively (gh-106052).

    On the 3.11.2 of Debian 12 a chunk's size with half an extension was one, and `/a/..` a prefix.
    """

    def test_no_group_is_repeated_possessively(self) -> None:
        seen = 0
        for name, pattern in patterns():
            seen += 1
            found = [*possessive_groups(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))]
            self.assertEqual(found, [], name)
        self.assertGreater(seen, 40)

    def test_they_would_be_found(self) -> None:
        for text, bad in (
            (r"(?:ab)*+", 1), (r"a(?>b)", 1), (r"(x(?:/a++)?+|b)", 1),
            (r"(?:(?:a|b)++)*", 0), (r"[ab]++c*+(?:d++)*", 0),
        ):  # fmt: skip
            self.assertEqual(len([*possessive_groups(parser.parse(text))]), bad, text)
