"""Field lists of HTTP/2 that a server of HTTP/1.1 behind could read as something else, as data.

Each entry is a name and the whole field list of a request, written out raw; all of them are refused on the
stream they came on, and nothing of them reaches a server. The forms come from RFC 9113 sections 8.2 and 8.3,
and from what was published about downgrading (Kettle 2021: H2.CL, H2.TE, line ends in names, values and
pseudo-fields).
"""

from __future__ import annotations

Field = tuple[bytes, bytes]

_GET: tuple[Field, ...] = (
    (b":method", b"GET"),
    (b":scheme", b"http"),
    (b":authority", b"a.example"),
    (b":path", b"/p"),
)
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"


def request(*more: Field, **pseudo: bytes | None) -> list[Field]:
    """A request whose pseudo-fields are others (None: left out), and with further fields."""
    named = dict(_GET) | {b":" + name.encode(): value for name, value in pseudo.items() if value is not None}
    gone = {b":" + name.encode() for name, value in pseudo.items() if value is None}
    return [field for field in named.items() if field[0] not in gone] + list(more)


def misplaced(*fields: Field) -> list[Field]:
    """Exactly these."""
    return list(fields)


CORPUS: dict[str, list[Field]] = {
    # --- what frames a body in HTTP/1.1 ---
    "H2.TE: transfer-encoding": request((b"transfer-encoding", b"chunked")),
    "H2.TE: with a tab": request((b"transfer-encoding", b"\tchunked")),
    "H2.TE: identity": request((b"transfer-encoding", b"identity")),
    "H2.CL: two lengths": request((b"content-length", b"0"), (b"content-length", b"44"), method=b"POST"),
    "H2.CL: the same twice": request((b"content-length", b"4"), (b"content-length", b"4"), method=b"POST"),
    "H2.CL: a list": request((b"content-length", b"4, 4"), method=b"POST"),
    "H2.CL: a sign": request((b"content-length", b"+4"), method=b"POST"),
    "H2.CL: a minus": request((b"content-length", b"-0"), method=b"POST"),
    "H2.CL: hexadecimal": request((b"content-length", b"0x4"), method=b"POST"),
    "H2.CL: a blank in it": request((b"content-length", b"4 4"), method=b"POST"),
    "H2.CL: empty": request((b"content-length", b""), method=b"POST"),
    "H2.CL: more than came": request((b"content-length", b"44"), method=b"POST"),
    "H2.CL: a lookalike": request((b"content_length", b"44"), method=b"POST"),
    "H2.TE: a lookalike": request((b"transfer_encoding", b"chunked"), method=b"POST"),
    # --- what concerns one connection ---
    "connection: close": request((b"connection", b"close")),
    "connection: names a field": request((b"connection", b"content-length")),
    "keep-alive": request((b"keep-alive", b"timeout=5")),
    "proxy-connection": request((b"proxy-connection", b"keep-alive")),
    "upgrade: h2c": request((b"upgrade", b"h2c"), (b"http2-settings", b"AAMAAABk")),
    "upgrade: websocket": request((b"upgrade", b"websocket")),
    "te: chunked": request((b"te", b"chunked")),
    "te: trailers and more": request((b"te", b"trailers, deflate")),
    # --- line ends, blanks and controls ---
    "value: CR LF": request((b"x", b"a\r\nTransfer-Encoding: chunked")),
    "value: LF": request((b"x", b"a\nTransfer-Encoding: chunked")),
    "value: CR": request((b"x", b"a\rb")),
    "value: NUL": request((b"x", b"a\0b")),
    "value: a request behind it": request((b"x", b"a\r\n\r\n" + SMUGGLED)),
    "value: DEL": request((b"x", b"a\x7f")),
    "value: a control": request((b"x", b"a\x01")),
    "value: a blank in front": request((b"x", b" a")),
    "value: a tab behind": request((b"x", b"a\t")),
    "name: CR LF": request((b"x: a\r\ntransfer-encoding", b"chunked")),
    "name: LF": request((b"x\ny", b"a")),
    "name: a colon": request((b"transfer-encoding:", b"chunked")),
    "name: a colon and a value": request((b"host: evil", b"a")),
    "name: a blank": request((b"transfer-encoding ", b"chunked")),
    "name: a blank in front": request((b" transfer-encoding", b"chunked")),
    "name: NUL": request((b"x\0", b"a")),
    "name: empty": request((b"", b"a")),
    "name: capitals": request((b"Transfer-Encoding", b"chunked")),
    "name: not ASCII": request((b"transfer\xc3\xa9", b"chunked")),
    "cookie: CR LF": request((b"cookie", b"a=b"), (b"cookie", b"c=d\r\nX: y")),
    # --- the request line ---
    "method: a line of its own": request(method=b"GET / HTTP/1.1\r\nX: y\r\n\r\nGET"),
    "method: a blank": request(method=b"GET /admin"),
    "method: empty": request(method=b""),
    "method: missing": request(method=None),
    "method: CONNECT": misplaced((b":method", b"CONNECT"), (b":authority", b"a.example:443")),
    "path: a line of its own": request(path=b"/ HTTP/1.1\r\nX: y\r\n\r\n"),
    "path: a blank": request(path=b"/a HTTP/1.1"),
    "path: a tab": request(path=b"/a\tb"),
    "path: LF": request(path=b"/a\n"),
    "path: NUL": request(path=b"/a\0"),
    "path: empty": request(path=b""),
    "path: missing": request(path=None),
    "path: relative": request(path=b"p"),
    "path: absolute": request(path=b"http://b.example/"),
    "path: a fragment": request(path=b"/a#b"),
    "path: * of a GET": request(path=b"*"),
    "path: twice": misplaced(*_GET, (b":path", b"/other")),
    "scheme: another": request(scheme=b"ftp"),
    "scheme: a line of its own": request(scheme=b"http://b.example/ HTTP/1.1\r\nX: y"),
    "scheme: missing": request(scheme=None),
    # --- the host ---
    "authority: CR LF": request(authority=b"a.example\r\nX: y"),
    "authority: a user": request(authority=b"u:p@a.example"),
    "authority: a path": request(authority=b"a.example/x"),
    "authority: a blank": request(authority=b"a.example b.example"),
    "authority: empty": request(authority=b""),
    "authority: missing, and no host": request(authority=None),
    "authority: twice": misplaced(*_GET, (b":authority", b"b.example")),
    "host: another one": request((b"host", b"b.example")),
    "host: twice": request((b"host", b"a.example"), (b"host", b"a.example"), authority=None),
    "host: CR LF": request((b"host", b"a.example\r\nX: y"), authority=None),
    # --- pseudo-fields ---
    "pseudo: after a field": misplaced(*_GET[:3], (b"x", b"y"), _GET[3]),
    "pseudo: unknown": misplaced(*_GET, (b":x", b"y")),
    "pseudo: of a response": misplaced(*_GET, (b":status", b"200")),
    "pseudo: protocol without CONNECT": misplaced(*_GET, (b":protocol", b"websocket")),
    "pseudo: protocol with a line end": misplaced(
        (b":method", b"CONNECT"), (b":protocol", b"websocket\r\nX: y"), *_GET[1:]
    ),
}
