"""Takes heads of HTTP/1 messages that are in good order apart, and puts heads together.

The compiled twin of this file is `scan.pyx`. Both take only what is well formed and usual: where
they give None, `http1_head` and `http1_fields` look closer, and decide.
"""

from __future__ import annotations

import re

from toron.wire.headers import Field, fold

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
VALUE = rb"[^\x00-\x08\x0a-\x1f\x7f]"

_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb"++) (/[!\"\x24-\x7e\x80-\xff]*+) HTTP/1\.1\r\n").match
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) (" + VALUE + rb"*+)\r\n").match

# Run over all the fields at once. Every match is one whole line, so where there are fewer matches
# than lines, something is wrong with one.
_FIELDS = re.compile(rb"^(" + TOKEN + rb"++):(" + VALUE + rb"*+)\r\n", re.MULTILINE).findall


def request_line(head: bytes, start: int) -> tuple[bytes, bytes, int] | None:
    """Method, target and where the line ends, of a request in HTTP/1.1 for a path."""
    line = _REQUEST_LINE(head, start)
    return None if line is None else (line[1], line[2], line.end())


def status_line(head: bytes) -> tuple[int, bytes, int] | None:
    """Status, reason and where the line ends, of a final response in HTTP/1.1."""
    line = _STATUS_LINE(head)
    return None if line is None else (int(line[1]), line[2], line.end())


def fields(
    head: bytes, start: int, most: int, kept_back: frozenset[bytes], once: frozenset[bytes]
) -> tuple[list[Field], dict[bytes, bytes], dict[bytes, bytes]] | None:
    """The field lines from `start` to the end of `head`, in order, by lower-case name, and those kept back.

    `head` ends with an empty line. None where a line is not well formed, where there are more than
    `most`, where a name of `kept_back` or `once` comes twice.
    """
    lines = _FIELDS(head, start)
    if len(lines) != head.count(b"\n", start) - 1 or len(lines) > most:
        return None
    passed: list[Field] = []
    index: dict[bytes, bytes] = {}
    hop: dict[bytes, bytes] = {}
    for name, value in lines:
        lower = fold(name)
        value = value.strip(b" \t")
        if lower in kept_back:
            if lower in hop:
                return None
            hop[lower] = value
        else:
            passed.append((name, value))
            if lower not in index:
                index[lower] = value
            elif lower in once:
                return None
    return passed, index, hop


def head_bytes(line: bytes, fields: list[Field], framing: bytes) -> bytes:
    """A first line, the fields, and lines of our own that frame the message.

    ValueError when a field would become two: whatever made it, it goes no further.
    """
    head = b"\r\n".join([line, *map(b": ".join, fields)])
    breaks = len(fields)
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
        raise ValueError("a line break or a NUL in a head")
    return b"%b\r\n%b\r\n" % (head, framing)
