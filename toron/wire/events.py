"""The one vocabulary of HTTP, whichever version carried it."""

from __future__ import annotations

from dataclasses import dataclass

from toron.wire.headers import Headers


@dataclass(slots=True)
class RequestHead:
    """A request begins (RFC 9110 section 6.2).

    `headers` are end-to-end fields only: what concerns one connection (RFC 9110 section 7.6.1) and
    what frames the body stay in the codec, which says below what they meant.
    """

    method: bytes
    target: bytes
    """The path and query as sent, or `*` (RFC 9112 section 3.2)."""
    headers: Headers
    authority: bytes = b""
    """Host and port as the client named them; empty only where HTTP/1.0 sent none."""
    version: tuple[int, int] = (1, 1)
    length: int | None = 0
    """The body's length in bytes; 0 without a body, None where only its end will tell."""
    upgrade: bytes = b""
    """The protocols the client offers to switch to, comma-separated, in lower case."""
    expects_continue: bool = False
    accepts_trailers: bool = False


@dataclass(slots=True)
class ResponseHead:
    """A response begins; a status below 200 is an interim one, and another head follows.

    `headers` are end-to-end fields only, as in RequestHead. `length` is what the message says of
    its body in bytes, also where none is sent (HEAD, 304); None where only the end will tell.
    """

    status: int
    headers: Headers
    reason: bytes = b""
    version: tuple[int, int] = (1, 1)
    length: int | None = None
    upgrade: bytes = b""
    """With status 101: the protocol switched to; with 426: those to switch to. In lower case."""


@dataclass(slots=True)
class Data:
    """Some of the body."""

    data: bytes


@dataclass(slots=True)
class End:
    """The message is whole; trailers may come with it (RFC 9110 section 6.5)."""

    trailers: Headers | None = None


@dataclass(slots=True)
class Upgraded:
    """From here on the bytes are another protocol's (RFC 9110 section 7.8); these came already."""

    data: bytes = b""


@dataclass(slots=True)
class Malformed(Exception):
    """What came breaks the protocol; nothing after it can be trusted.

    `word` is the reason's name in `core.refusal`, `detail` what was seen, for the log.
    """

    word: str
    detail: str = ""

    # Equal by value as every event, but an exception has to be hashable for those who report it.
    __hash__ = Exception.__hash__


@dataclass(slots=True)
class Reset:
    """The other side gave one stream up (RFC 9113 section 6.4); nothing more comes on it."""

    code: int
    """As it was sent (HTTP/2: RFC 9113 section 7; HTTP/3: RFC 9114 section 8.1)."""
    unprocessed: bool = False
    """Whether the other side says that it has done nothing with it, so that it may be sent again."""


@dataclass(slots=True)
class Room:
    """Of a stream's bytes, which waited for the other side to take them, few are left: more may be said."""


@dataclass(slots=True)
class GoingAway:
    """The other side takes no further streams (RFC 9113 section 6.8); those under way go on."""

    code: int
    detail: bytes = b""


Event = RequestHead | ResponseHead | Data | End | Upgraded | Malformed | Reset | Room | GoingAway
