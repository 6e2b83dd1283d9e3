"""The lines of the access log, field by field in the order they are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.json import Encoder

MOST = 4096
"""Bytes of one value that are read and characters that are written; `...` stands for the rest."""

Text = str | bytes
"""A value as it came: bytes are taken for UTF-8, with `\\xNN` for those that are not."""

Redact = Callable[[str], str]


class TlsLine(Struct, frozen=True, omit_defaults=True, gc=False):
    """How the client's connection is encrypted: made once a connection, named in all its lines."""

    version: str = ""
    cipher: str = ""
    sni: str = ""
    alpn: str = ""
    group: str = ""
    client: str = ""
    """The subject of the client's certificate."""


class Line(Struct, kw_only=True, omit_defaults=True, gc=False):
    """What every line begins with."""

    time: float | str = 0.0
    """Set by the log: Unix seconds when it was written, RFC 3339 in UTC once it is settled."""

    def settle(self, redact: Redact) -> None:
        """Make every value fit to be written; called once, when a batch is encoded."""


class HttpLine(Line, kw_only=True, omit_defaults=True, gc=False):
    """One request. Sizes are body bytes, times milliseconds."""

    kind: str = ""
    """Always `http`."""
    id: str
    listener: str
    client: str
    """The client's address, after PROXY headers and trusted proxies."""
    peer: str
    """`ip:port` of the connection."""
    tls: TlsLine | None = None
    scheme: str
    host: str
    method: str
    path: str
    """The request target, with its query."""
    version: str
    """Of HTTP: `1.1`."""
    status: int
    reason: str = ""
    """The word of `core.refusal` for a request that was refused or cut short."""
    detail: str = ""
    route: str
    middleware: str = ""
    """The middleware that answered instead of passing the request on."""
    backend: str = ""
    server: str = ""
    retries: int = 0
    bytes_in: int
    bytes_out: int
    duration_ms: float
    upstream_ms: float | None = None
    """Until the response head of the server."""
    user_agent: str = ""
    referer: str = ""

    def settle(self, redact: Redact) -> None:
        """Redact; the values are text already, and cut."""
        if "?" in self.path:
            self.path = redact(self.path)
        if self.referer:
            self.referer = redact(self.referer)
        if self.detail:
            self.detail = redact(self.detail)


class ConnectionLine(Line, kw_only=True, omit_defaults=True, gc=False):
    """One layer-4 connection, UDP session or tunnel, or a connection that was refused.

    What is not known (the sizes of a refused connection, or of one that only starts) stays None
    and is not written; a zero is.
    """

    kind: Literal["connection", "tcp", "tls", "sni", "udp", "tunnel"]
    """`connection` is one of an HTTP listener that ended before its first request."""
    event: Literal["", "start"] = ""
    """Not written at the end of a connection."""
    id: str = ""
    listener: str
    client: str
    peer: str
    sni: Text = ""
    alpn: Text = ""
    tls: TlsLine | None = None
    """Where TLS was ended here."""
    route: str = ""
    backend: str = ""
    server: str = ""
    reason: str = ""
    detail: Text = ""
    bytes_in: int | None = None
    bytes_out: int | None = None
    duration_ms: float | None = None
    packets_in: int | None = None
    packets_out: int | None = None

    def settle(self, redact: Redact) -> None:
        """Decode, cut and redact; see `Line.settle`."""
        self.sni = text(self.sni)
        self.alpn = text(self.alpn)
        if self.detail:
            self.detail = redact(text(self.detail))
        if self.duration_ms is not None:
            self.duration_ms = int(self.duration_ms * 1000) / 1000


def milliseconds(seconds: float) -> float:
    """Seconds as they are written: whole microseconds, in milliseconds."""
    return int(seconds * 1e6) / 1000


def text(value: Text) -> str:
    """The value as a string of `MOST` characters at most."""
    if len(value) <= MOST:
        if isinstance(value, str):
            return value
        try:
            return value.decode()
        except UnicodeDecodeError:
            shown = value.decode("utf-8", "backslashreplace")
            return shown if len(shown) <= MOST else shown[:MOST] + "..."
    return text(value[:MOST]).removesuffix("...") + "..."


def redaction(names: Sequence[str]) -> Redact:
    """What writes `<redacted>` for the values of these query parameters, in any case of letters.

    Names are also seen when they are percent-encoded, indexed (`token[0]`), or inside a URL that
    is itself the value of a parameter; a value ends at the next `&` and nowhere else.
    """
    if not names:
        return lambda value: value
    folded = [name.lower() for name in names]
    plain = re.compile(rf"[?&;](?:{'|'.join(map(re.escape, folded))})[=\[]")
    spelled = "|".join(map(_spellings, folded))
    # The index is bounded, so that no query takes long to look through.
    spelled = rf"(?:[?&;]|%3f|%26|%3b)(?:{spelled})(?:(?:\[|%5b)[^=&]{{0,64}})?(?:=|%3d)"
    encoded = re.compile(spelled)
    written = re.compile(f"({spelled})[^&]*", re.IGNORECASE)

    def redact(value: str) -> str:
        # To ignore case is slow, and most queries have none of the names: ask the folded value first.
        low = value.lower()
        if (encoded if "%" in low else plain).search(low) is None:
            return value
        return written.sub(r"\1<redacted>", value)

    return redact


def _spellings(name: str) -> str:
    """A pattern for a name of which any character may be percent-encoded."""
    return "".join(
        "(?:" + "|".join([re.escape(c), *sorted({_percent(c.lower()), _percent(c.upper())})]) + ")"
        for c in name
    )


def _percent(character: str) -> str:
    return "".join(f"%{byte:02x}" for byte in character.encode())


_encoder = Encoder()
_wide = re.compile(r"[^\x00-\x7e]")


def encode(lines: Sequence[Line]) -> bytes:
    """JSON, one line each, ASCII only: no terminal or reader finds a line's end within a line.

    UnicodeEncodeError for a string with half a surrogate pair, TypeError for what is not JSON.
    """
    data = _encoder.encode_lines(lines)
    if data.isascii() and b"\x7f" not in data:
        return data
    return _wide.sub(_escape, data.decode()).encode("ascii")


def _escape(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def mend(line: Line) -> None:
    """Replace what of a line's strings cannot be encoded by its escape."""
    for name in line.__struct_fields__:
        value = getattr(line, name)
        if isinstance(value, str):
            setattr(line, name, value.encode("utf-8", "backslashreplace").decode())
        elif isinstance(value, TlsLine):
            spelled = [v.encode("utf-8", "backslashreplace").decode() for v in _values(value)]
            setattr(line, name, TlsLine(*spelled))


def _values(tls: TlsLine) -> list[str]:
    return [tls.version, tls.cipher, tls.sni, tls.alpn, tls.group, tls.client]
