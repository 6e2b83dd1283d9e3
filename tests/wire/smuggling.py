"""Messages that two servers on one path may read differently: request smuggling, as data.

Each entry is a name, the bytes as they would come over one connection, and what must become of
them: `refused` before any of it reaches a server, or `framed`, one exact way of reading them, which
FRAMED gives as method, target and body of each request in turn.

The forms come from RFC 9112 section 11.2 and from what was published about desynchronisation:
CL.TE, TE.CL and TE.TE (Linhart 2005, Kettle 2019), CL.0 and 0.CL (2022 and after), hop-by-hop
abuse (Davison 2019), h2c upgrades (Bishop Fox 2020), chunk extensions and line ends (2025).
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["refused", "framed"]

HOST = b"Host: a.example\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"


def post(fields: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A POST with further field lines, each with its line end, and what comes behind the head."""
    return b"POST /p HTTP/" + version + b"\r\n" + HOST + fields + b"\r\n" + body


def get(fields: bytes, line: bytes = b"GET / HTTP/1.1\r\n") -> bytes:
    """A GET with these field lines and no others, and a request behind it."""
    return line + fields + b"\r\n" + SMUGGLED


def te(value: bytes) -> bytes:
    """A chunked body for those who see the coding, and a smuggled request for those who do not."""
    return post(b"Transfer-Encoding:" + value + b"\r\n", b"0\r\n\r\n" + SMUGGLED)


def cl(value: bytes) -> bytes:
    """A body of five bytes, as long as the Content-Length is read as 5."""
    return post(b"Content-Length:" + value + b"\r\n", b"hello" + SMUGGLED)


def chunked(body: bytes) -> bytes:
    """A chunked body as it stands."""
    return post(b"Transfer-Encoding: chunked\r\n", body + SMUGGLED)


def _named(group: str, vectors: dict[str, bytes], kind: Kind = "refused") -> list[tuple[str, bytes, Kind]]:
    return [(f"{group}: {name}", raw, kind) for name, raw in vectors.items()]


_CHUNK = b"5\r\nhello\r\n"
_LAST = b"0\r\n\r\n"
_KELVIN = b"chun\xe2\x84\xaaed"
"""In lower case, to those who think in Unicode, this is `chunked`."""

CORPUS: list[tuple[str, bytes, Kind]] = [
    *_named("both lengths", {
        "CL.TE": post(b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\nG"),
        "TE.CL": post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"5c\r\n" + SMUGGLED + _LAST),
        "CL 0 and TE": post(b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", _LAST + SMUGGLED),
        "TE identity and CL": post(b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", b"hello"),
        "empty TE and CL": post(b"Transfer-Encoding:\r\nContent-Length: 5\r\n", b"hello"),
        "far apart": post(
            b"Content-Length: 5\r\nA: b\r\nCookie: c=d\r\nTransfer-Encoding: chunked\r\n", b"hello"
        ),
        "TE in HTTP/1.0": post(b"Transfer-Encoding: chunked\r\n", _LAST + SMUGGLED, b"1.0"),
        "both in HTTP/1.0": post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"hello", b"1.0"),
    }),
    *_named("coding", {
        "xchunked": te(b" xchunked"),
        "chunkedx": te(b" chunkedx"),
        "chunk": te(b" chunk"),
        "two blanks": te(b"  chunked"),
        "tab": te(b"\tchunked"),
        "blank behind": te(b" chunked "),
        "tab behind": te(b" chunked\t"),
        "first letter": te(b" Chunked"),
        "all capitals": te(b" CHUNKED"),
        "mixed case": te(b" cHuNkEd"),
        "Kelvin sign": te(b" " + _KELVIN),
        "identity": te(b" identity"),
        "chunked, identity": te(b" chunked, identity"),
        "identity, chunked": te(b" identity, chunked"),
        "chunked, chunked": te(b" chunked, chunked"),
        "gzip, chunked": te(b" gzip, chunked"),
        "chunked, gzip": te(b" chunked, gzip"),
        "gzip": te(b" gzip"),
        "comma ahead": te(b" ,chunked"),
        "comma behind": te(b" chunked,"),
        "parameter": te(b" chunked;q=1"),
        "semicolon": te(b" chunked;"),
        "quoted": te(b' "chunked"'),
        "single quotes": te(b" 'chunked'"),
        "comment": te(b" chunked (x)"),
        "empty": te(b""),
        "blank": te(b" "),
        "NUL ahead": te(b" \0chunked"),
        "NUL behind": te(b" chunked\0"),
        "vertical tab": te(b" \x0bchunked"),
        "form feed": te(b" \x0cchunked"),
        "backspace": te(b" x\x08chunked"),
        "DEL": te(b" chunked\x7f"),
        "no-break space": te(b" \xa0chunked"),
        "no-break space in UTF-8": te(b" \xc2\xa0chunked"),
        "next line in Latin-1": te(b" \x85chunked"),
        "bare CR": te(b" chunked\rX: y"),
        "bare CR ahead": te(b"\rchunked"),
        "bare LF ahead": te(b"\nchunked"),
        "on the next line": te(b"\r\n chunked"),
        "continued": te(b" chunked\r\n x"),
        "twice": te(b" chunked\r\nTransfer-Encoding: chunked"),
        "and identity": te(b" chunked\r\nTransfer-Encoding: identity"),
        "behind identity": te(b" identity\r\nTransfer-Encoding: chunked"),
        "and cow": te(b" chunked\r\nTransfer-encoding: cow"),
    }),
    *_named("name of the coding", {
        "blank behind": post(b"Transfer-Encoding : chunked\r\n", _LAST + SMUGGLED),
        "tab behind": post(b"Transfer-Encoding\t: chunked\r\n", _LAST + SMUGGLED),
        "NUL behind": post(b"Transfer-Encoding\0: chunked\r\n", _LAST + SMUGGLED),
        "CR behind": post(b"Transfer-Encoding\r: chunked\r\n", _LAST + SMUGGLED),
        "line end behind": post(b"Transfer-Encoding\r\n: chunked\r\n", _LAST + SMUGGLED),
        "blank ahead": post(b" Transfer-Encoding: chunked\r\n", _LAST + SMUGGLED),
        "tab ahead": post(b"X: y\r\n\tTransfer-Encoding: chunked\r\n", _LAST + SMUGGLED),
        "bare LF ahead": post(b"X: y\nTransfer-Encoding: chunked\r\n", _LAST + SMUGGLED),
        "bare CR ahead": post(b"X: y\rTransfer-Encoding: chunked\r\n", _LAST + SMUGGLED),
        "line end and CR ahead": post(b"X: y\r\n\rTransfer-Encoding: chunked\r\n", _LAST + SMUGGLED),
        "blank inside": post(b"Transfer Encoding: chunked\r\n", _LAST + SMUGGLED),
        "underscore": post(b"Transfer_Encoding: chunked\r\n", _LAST + SMUGGLED),
        "underscore and CL": post(b"Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", b"hello"),
        "semicolon for colon": post(b"Transfer-Encoding; chunked\r\n", _LAST + SMUGGLED),
        "equals for colon": post(b"Transfer-Encoding = chunked\r\n", _LAST + SMUGGLED),
        "quoted": post(b'"Transfer-Encoding": chunked\r\n', _LAST + SMUGGLED),
        "byte order mark": post(b"\xef\xbb\xbfTransfer-Encoding: chunked\r\n", _LAST + SMUGGLED),
        "soft hyphen": post(b"Transfer\xadEncoding: chunked\r\n", _LAST + SMUGGLED),
    }),
    *_named("length", {
        "twice, same": cl(b" 5\r\nContent-Length: 5"),
        "twice, different": cl(b" 5\r\nContent-Length: 6"),
        "twice, other case": cl(b" 5\r\ncontent-length: 0"),
        "list, same": cl(b" 5,5"),
        "list, same, blank": cl(b" 5, 5"),
        "list, different": cl(b" 5,6"),
        "list, empty member": cl(b" 5,"),
        "plus": cl(b" +5"),
        "minus": cl(b" -5"),
        "minus nought": cl(b" -0"),
        "hexadecimal": cl(b" 0x5"),
        "octal": cl(b" 0o5"),
        "two numbers": cl(b" 5 5"),
        "number and word": cl(b" 5 bytes"),
        "underscore": cl(b" 0_5"),
        "point": cl(b" 5."),
        "fraction": cl(b" 5.0"),
        "exponent": cl(b" 5e0"),
        "quoted": cl(b' "5"'),
        "semicolon": cl(b" 5;"),
        "empty": cl(b""),
        "blank": cl(b" "),
        "word": cl(b" NaN"),
        "Arabic digit": cl(b" \xd9\xa5"),
        "superscript": cl(b" \xb2"),
        "no-break space": cl(b" 5\xa0"),
        "NUL ahead": cl(b" \x005"),
        "NUL behind": cl(b" 5\0"),
        "vertical tab": cl(b" \x0b5"),
        "bare CR": cl(b" 5\r6"),
        "bare LF": cl(b" 5\n6"),
        "on the next line": cl(b"\r\n 5"),
        "continued": cl(b" 5\r\n 0"),
        "wraps at 2^64": cl(b" 18446744073709551621"),
        "endless": cl(b" " + b"9" * 400),
        "blank behind the name": post(b"Content-Length : 5\r\n", b"hello" + SMUGGLED),
        "tab behind the name": post(b"Content-Length\t: 5\r\n", b"hello" + SMUGGLED),
        "blank ahead of the name": post(b"X: y\r\n Content-Length: 5\r\n", b"hello" + SMUGGLED),
        "underscore in the name": post(b"Content_Length: 5\r\n", b"hello" + SMUGGLED),
    }),
    *_named("chunk", {
        "0x10": chunked(b"0x5\r\nhello\r\n" + _LAST),
        "plus": chunked(b"+5\r\nhello\r\n" + _LAST),
        "minus": chunked(b"-5\r\nhello\r\n" + _LAST),
        "minus nought": chunked(b"-0\r\n\r\n"),
        "underscore": chunked(b"0_5\r\nhello\r\n" + _LAST),
        "no size": chunked(b"\r\nhello\r\n" + _LAST),
        "no size but an extension": chunked(b";a=b\r\nhello\r\n" + _LAST),
        "not hexadecimal": chunked(b"g\r\nhello\r\n" + _LAST),
        "blank ahead": chunked(b" 5\r\nhello\r\n" + _LAST),
        "blank behind": chunked(b"5 \r\nhello\r\n" + _LAST),
        "tab behind": chunked(b"5\t\r\nhello\r\n" + _LAST),
        "CR behind": chunked(b"5\r\r\nhello\r\n" + _LAST),
        "NUL behind": chunked(b"5\0\r\nhello\r\n" + _LAST),
        "wraps at 2^64": chunked(b"10000000000000005\r\nhello\r\n" + _LAST),
        "endless": chunked(b"0" * 2000 + b"5\r\nhello\r\n" + _LAST),
        "size ends with LF": chunked(b"5\nhello\r\n" + _LAST),
        "size ends with CR": chunked(b"5\rXhello\r\n" + _LAST),
        "data ends with LF": chunked(b"5\r\nhello\n" + _LAST),
        "data ends with CR": chunked(b"5\r\nhello\r0\r\n\r\n"),
        "data ends with two other bytes": chunked(b"5\r\nhelloXX" + _LAST),
        "data ends with nothing": chunked(b"5\r\nhello" + _LAST),
        "longer than its size": chunked(b"5\r\nhello, world\r\n" + _LAST),
        "shorter than its size": chunked(b"8\r\nhello\r\n" + _LAST),
        "last ends with LF": chunked(b"0\n\r\n"),
        "last and its empty line end with LF": chunked(b"0\n\n"),
        "empty line ends with LF": chunked(b"0\r\n\n"),
        "empty line ends with CR": chunked(b"0\r\n\rX"),
        "extension with LF": chunked(b"5;a\nhello\r\n" + _LAST),
        "extension with LF, then the line end": chunked(b"5;a\nb\r\nhello\r\n" + _LAST),
        "extension with CR": chunked(b"5;a\rb\r\nhello\r\n" + _LAST),
        "extension with NUL": chunked(b"5;a\0\r\nhello\r\n" + _LAST),
        "extension without a name": chunked(b"5;=b\r\nhello\r\n" + _LAST),
        "extension without anything": chunked(b"5;\r\nhello\r\n" + _LAST),
        "extension without anything but LF": chunked(b"2;\nxx\r\n5\r\nhello\r\n" + _LAST),
        "extension without a value": chunked(b"5;a=\r\nhello\r\n" + _LAST),
        "extension with a blank": chunked(b"5; a\r\nhello\r\n" + _LAST),
        "extension of two words": chunked(b"5;a b\r\nhello\r\n" + _LAST),
        "extension with an open quote": chunked(b'5;a="b\r\nhello\r\n' + _LAST),
        "extension with LF in quotes": chunked(b'5;a="\n"\r\nhello\r\n' + _LAST),
        "extension with CR LF in quotes": chunked(b'5;a="\r\n"\r\nhello\r\n' + _LAST),
        "extension too long": chunked(b"5;" + b"a" * 1100 + b"\r\nhello\r\n" + _LAST),
        "more extensions than data": chunked((b"1;" + b"a" * 900 + b"\r\nx\r\n") * 30 + _LAST),
        "second one wrong": chunked(_CHUNK + b"5;\nhello\r\n" + _LAST),
    }),
    *_named("trailer", {
        "Content-Length": chunked(b"0\r\nContent-Length: 5\r\n\r\n"),
        "Transfer-Encoding": chunked(b"0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        "Host": chunked(b"0\r\nHost: b.example\r\n\r\n"),
        "Connection": chunked(b"0\r\nConnection: close\r\n\r\n"),
        "Authorization": chunked(b"0\r\nAuthorization: Basic eDp5\r\n\r\n"),
        "Cookie": chunked(b"0\r\ncookie: a=b\r\n\r\n"),
        "X-Forwarded-For": chunked(b"0\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n"),
        "X_Forwarded_For": chunked(b"0\r\nX_Forwarded_For: 127.0.0.1\r\n\r\n"),
        "Content_Length": chunked(b"0\r\nContent_Length: 5\r\n\r\n"),
        "folded": chunked(b"0\r\nA: b\r\n c\r\n\r\n"),
        "bare LF": chunked(b"0\r\nA: b\n\r\n"),
        "bare CR": chunked(b"0\r\nA: b\rC: d\r\n\r\n"),
        "blank behind the name": chunked(b"0\r\nA : b\r\n\r\n"),
        "no colon": chunked(b"0\r\nA\r\n\r\n"),
        "a request": chunked(b"0\r\n" + SMUGGLED),
        "NUL": chunked(b"0\r\nA: \0\r\n\r\n"),
        "too many": chunked(b"0\r\n" + b"A: b\r\n" * 60 + b"\r\n"),
    }),
    *_named("line end", {
        "LF": b"GET / HTTP/1.1\nHost: a.example\n\n" + SMUGGLED,
        "LF behind the request line": b"GET / HTTP/1.1\nHost: a.example\r\n\r\n" + SMUGGLED,
        "LF behind a field": b"GET / HTTP/1.1\r\nHost: a.example\n\r\n" + SMUGGLED,
        "LF for the empty line": b"GET / HTTP/1.1\r\nHost: a.example\r\n\n" + SMUGGLED,
        "CR": b"GET / HTTP/1.1\rHost: a.example\r\r" + SMUGGLED,
        "CR CR LF": b"GET / HTTP/1.1\r\r\nHost: a.example\r\n\r\n" + SMUGGLED,
        "CR CR LF behind a field": b"GET / HTTP/1.1\r\nHost: a.example\r\r\n\r\n" + SMUGGLED,
        "LF CR": b"GET / HTTP/1.1\n\rHost: a.example\n\r\n\r" + SMUGGLED,
        "LF ahead": b"\n" + SMUGGLED,
        "CR ahead": b"\r" + SMUGGLED,
        "two empty lines ahead": b"\r\n\r\n" + SMUGGLED,
        "vertical tab": b"GET / HTTP/1.1\x0bHost: a.example\r\n\r\n" + SMUGGLED,
    }),
    *_named("field", {
        "NUL in the value": get(HOST + b"A: b\0c\r\n"),
        "SOH in the value": get(HOST + b"A: \x01\r\n"),
        "ESC in the value": get(HOST + b"A: \x1b[2J\r\n"),
        "DEL in the value": get(HOST + b"A: \x7f\r\n"),
        "CR in the value": get(HOST + b"A: b\rC: d\r\n"),
        "no name": get(HOST + b": b\r\n"),
        "nothing but a colon": get(HOST + b":\r\n"),
        "blank for a name": get(b"Host: a.example\r\nA: b\r\n : c\r\n"),
        "no colon": get(HOST + b"A\r\n"),
        "blank in the name": get(HOST + b"A b: c\r\n"),
        "blank behind the name": get(HOST + b"A : b\r\n"),
        "NUL in the name": get(HOST + b"A\0: b\r\n"),
        "not ASCII in the name": get(HOST + b"\xc4: b\r\n"),
        "parenthesis in the name": get(HOST + b"A(: b\r\n"),
        "slash in the name": get(HOST + b"A/B: c\r\n"),
        "at sign in the name": get(HOST + b"A@B: c\r\n"),
        "folded": get(HOST + b"A: b\r\n c\r\n"),
        "folded with a tab": get(HOST + b"A: b\r\n\tc\r\n"),
        "folded to nothing": get(HOST + b"A: b\r\n \r\n"),
        "first one folded": get(b" A: b\r\n" + HOST),
        "another request line": get(HOST + b"GET /smuggled HTTP/1.1\r\n" + HOST),
        "too many": get(HOST + b"A: b\r\n" * 200),
        "too many of one that stays here": get(HOST + b"TE: b\r\n" * 200),
        "too large": get(HOST + b"A: " + b"b" * 40000 + b"\r\n"),
    }),
    *_named("request line", {
        "two blanks ahead of the target": get(HOST, b"GET  / HTTP/1.1\r\n"),
        "two blanks behind the target": get(HOST, b"GET /  HTTP/1.1\r\n"),
        "tab": get(HOST, b"GET\t/ HTTP/1.1\r\n"),
        "tab behind the target": get(HOST, b"GET /\tHTTP/1.1\r\n"),
        "form feed": get(HOST, b"GET\x0c/ HTTP/1.1\r\n"),
        "blank ahead": get(HOST, b" GET / HTTP/1.1\r\n"),
        "blank behind": get(HOST, b"GET / HTTP/1.1 \r\n"),
        "blank in the target": get(HOST, b"GET /a b HTTP/1.1\r\n"),
        "two versions": get(HOST, b"GET / HTTP/1.1 HTTP/1.1\r\n"),
        "no target": get(HOST, b"GET HTTP/1.1\r\n"),
        "no method": get(HOST, b"/ HTTP/1.1\r\n"),
        "no version": get(HOST, b"GET /\r\n"),
        "nothing but HTTP/0.9": b"GET /\r\n",
        "HTTP/0.9": get(HOST, b"GET / HTTP/0.9\r\n"),
        "HTTP/1.2": get(HOST, b"GET / HTTP/1.2\r\n"),
        "HTTP/1.10": get(HOST, b"GET / HTTP/1.10\r\n"),
        "HTTP/01.1": get(HOST, b"GET / HTTP/01.1\r\n"),
        "HTTP/1.": get(HOST, b"GET / HTTP/1.\r\n"),
        "HTTP/1": get(HOST, b"GET / HTTP/1\r\n"),
        "HTTP/2.0": get(HOST, b"GET / HTTP/2.0\r\n"),
        "endless version": get(HOST, b"GET / HTTP/" + b"9" * 5000 + b".1\r\n"),
        "http/1.1": get(HOST, b"GET / http/1.1\r\n"),
        "HTTPS/1.1": get(HOST, b"GET / HTTPS/1.1\r\n"),
        "ICY/1.1": get(HOST, b"GET / ICY/1.1\r\n"),
        "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
        "NUL in the target": get(HOST, b"GET /\0 HTTP/1.1\r\n"),
        "CR in the target": get(HOST, b"GET /\rX HTTP/1.1\r\n"),
        "DEL in the target": get(HOST, b"GET /\x7f HTTP/1.1\r\n"),
        "fragment": get(HOST, b"GET /a#b HTTP/1.1\r\n"),
        "no slash": get(HOST, b"GET a HTTP/1.1\r\n"),
        "backslash": get(HOST, b"GET \\a HTTP/1.1\r\n"),
        "at sign": get(HOST, b"GET @b.example/ HTTP/1.1\r\n"),
        "only a query": get(HOST, b"GET ?a HTTP/1.1\r\n"),
        "GET *": get(HOST, b"GET * HTTP/1.1\r\n"),
        "OPTIONS **": get(HOST, b"OPTIONS ** HTTP/1.1\r\n"),
        "CONNECT": get(HOST, b"CONNECT a.example:443 HTTP/1.1\r\n"),
        "CONNECT with a path": get(HOST, b"CONNECT / HTTP/1.1\r\n"),
        "GET with CONNECT's target": get(HOST, b"GET a.example:443 HTTP/1.1\r\n"),
        "user": get(HOST, b"GET http://u@a.example/ HTTP/1.1\r\n"),
        "user and password": get(HOST, b"GET http://u:p@a.example/ HTTP/1.1\r\n"),
        "other scheme": get(HOST, b"GET ftp://a.example/ HTTP/1.1\r\n"),
        "file": get(HOST, b"GET file:///etc/passwd HTTP/1.1\r\n"),
        "one slash": get(HOST, b"GET http:/a.example/ HTTP/1.1\r\n"),
        "no authority": get(HOST, b"GET http:///a HTTP/1.1\r\n"),
        "backslash in the authority": get(HOST, b"GET http://a.example\\b.example/ HTTP/1.1\r\n"),
        "other host": get(HOST, b"GET http://b.example/ HTTP/1.1\r\n"),
        "other port": get(HOST, b"GET http://a.example:8080/ HTTP/1.1\r\n"),
        "port of the other scheme": get(HOST, b"GET http://a.example:443/ HTTP/1.1\r\n"),
        "absolute without Host": get(b"", b"GET http://a.example/ HTTP/1.1\r\n"),
        "method not a token": get(HOST, b"GE(T / HTTP/1.1\r\n"),
        "method not ASCII": get(HOST, b"G\xc9T / HTTP/1.1\r\n"),
        "too long": get(HOST, b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\n"),
        "a response": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
        "a TLS ClientHello": bytes.fromhex("1603010200010001fc0303") + bytes(32),
        "a PROXY header": b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + SMUGGLED,
    }),
    *_named("host", {
        "missing": get(b""),
        "twice, same": get(HOST + HOST),
        "twice, different": get(HOST + b"Host: b.example\r\n"),
        "twice, other case": get(HOST + b"hOST: b.example\r\n"),
        "empty": get(b"Host:\r\n"),
        "blank": get(b"Host: \r\n"),
        "two": get(b"Host: a.example, b.example\r\n"),
        "two, a blank": get(b"Host: a.example b.example\r\n"),
        "path": get(b"Host: a.example/b\r\n"),
        "query": get(b"Host: a.example?b\r\n"),
        "fragment": get(b"Host: a.example#b\r\n"),
        "user": get(b"Host: u@a.example\r\n"),
        "scheme": get(b"Host: http://a.example\r\n"),
        "backslash": get(b"Host: a.example\\b\r\n"),
        "quoted": get(b'Host: "a.example"\r\n'),
        "port not a number": get(b"Host: a.example:http\r\n"),
        "two ports": get(b"Host: a.example:80:81\r\n"),
        "minus port": get(b"Host: a.example:-1\r\n"),
        "open bracket": get(b"Host: [::1\r\n"),
        "no brackets": get(b"Host: ::1\r\n"),
        "percent": get(b"Host: a%00.example\r\n"),
        "not ASCII": get(b"Host: \xc3\xa4.example\r\n"),
        "blank behind the name": get(b"Host : a.example\r\n"),
        "folded": get(b"Host:\r\n a.example\r\n"),
        "first one folded away": get(b" Host: b.example\r\nHost: a.example\r\n"),
        "empty in HTTP/1.0": get(b"Host:\r\n", b"GET / HTTP/1.0\r\n"),
        "twice in HTTP/1.0": get(HOST + HOST, b"GET / HTTP/1.0\r\n"),
    }),
    *_named("connection option", {
        "Content-Length": post(b"Connection: close, content-length\r\nContent-Length: 5\r\n", b"hello"),
        "Transfer-Encoding": chunked(_LAST).replace(b"\r\n", b"\r\nConnection: Transfer-Encoding\r\n", 1),
        "Host": get(HOST + b"Connection: host\r\n"),
        "Cookie": get(HOST + b"Cookie: a=b\r\nConnection: keep-alive, Cookie\r\n"),
        "Authorization": get(HOST + b"Connection: authorization\r\n"),
        "X-Forwarded-For": get(HOST + b"Connection: X-Forwarded-For\r\n"),
        "X-Real-IP, in a second line": get(HOST + b"Connection: close\r\nConnection: X-Real-IP\r\n"),
    }),
    *_named("upgrade", {
        "body of a length": post(
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n", b"hello" + SMUGGLED
        ),
        "chunked body": post(
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n", _LAST + SMUGGLED
        ),
        "two words": get(HOST + b"Connection: Upgrade\r\nUpgrade: websocket h2c\r\n"),
        "no protocol": get(HOST + b"Connection: Upgrade\r\nUpgrade: /1.1\r\n"),
    }),
    *_named("expectation", {
        "unknown": post(b"Expect: 200-ok\r\nContent-Length: 5\r\n", b"hello"),
        "list": post(b"Expect: 100-continue, x\r\nContent-Length: 5\r\n", b"hello"),
        "obfuscated": post(b"Expect: y 100-continue\r\nContent-Length: 5\r\n", b"hello"),
    }),
]  # fmt: skip

_BODY = b"hello"
_POST = (b"POST", b"/p", _BODY)
_NEXT = (b"GET", b"/smuggled", b"")

_FRAMED: dict[str, tuple[bytes, list[tuple[bytes, bytes, bytes]]]] = {
    "GET with a body": (
        b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED + SMUGGLED,
        [(b"GET", b"/", SMUGGLED), _NEXT],
    ),
    "GET with a chunked body": (
        b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + _CHUNK + _LAST + SMUGGLED,
        [(b"GET", b"/", _BODY), _NEXT],
    ),
    "HEAD with a body": (
        b"HEAD / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello" + SMUGGLED,
        [(b"HEAD", b"/", _BODY), _NEXT],
    ),
    "POST without a body": (post(b"", SMUGGLED), [(b"POST", b"/p", b""), _NEXT]),
    "POST with no length": (cl(b" 0\r\nA: b").replace(b"hello", b""), [(b"POST", b"/p", b""), _NEXT]),
    "leading noughts": (cl(b" 0000005"), [_POST, _NEXT]),
    "no blank behind the colon": (cl(b"5"), [_POST, _NEXT]),
    "tab behind the colon": (cl(b"\t5"), [_POST, _NEXT]),
    "blanks around the length": (cl(b"  5 \t"), [_POST, _NEXT]),
    "body looks chunked": (
        post(b"Content-Length: 5\r\n", _LAST + SMUGGLED),
        [(b"POST", b"/p", _LAST), _NEXT],
    ),
    "name in capitals": (te(b"chunked").replace(b"Transfer-E", b"TRANSFER-e"), [(b"POST", b"/p", b""),
    _NEXT]),
    "not that header": (
        post(b"X-Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"hello" + SMUGGLED),
        [_POST, _NEXT],
    ),
    "not that coding": (
        post(b"Content-Encoding: chunked\r\nContent-Length: 5\r\n", b"hello" + SMUGGLED),
        [_POST, _NEXT],
    ),
    "TE is not Transfer-Encoding": (
        post(b"TE: chunked\r\nContent-Length: 5\r\n", b"hello" + SMUGGLED),
        [_POST, _NEXT],
    ),
    "chunk extensions": (
        chunked(b'5;a;b=c;d="e;\\"\t\xff"\r\nhello\r\n0;last\r\n\r\n'),
        [_POST, _NEXT],
    ),
    "chunk sizes of any case": (
        chunked(b"00A\r\n0123456789\r\n0b\r\n0123456789a\r\n000\r\n\r\n"),
        [(b"POST", b"/p", b"01234567890123456789a"), _NEXT],
    ),
    "trailers": (chunked(_CHUNK + b"0\r\nA: b\r\nX-Sum: 1\r\n\r\n"), [_POST, _NEXT]),
    "empty line ahead": (b"\r\n" + cl(b" 5"), [_POST, _NEXT]),
    "empty line between": (
        post(b"Content-Length: 5\r\n", b"hello\r\n") + SMUGGLED,
        [_POST, _NEXT],
    ),
    "two slashes": (get(HOST, b"GET //b.example/ HTTP/1.1\r\n"), [(b"GET", b"//b.example/", b""), _NEXT]),
    "the same host": (get(HOST, b"GET HTTP://A.example:80?a HTTP/1.1\r\n"), [(b"GET", b"/?a", b""), _NEXT]),
    "h2c is not offered on": (
        post(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
             b"Content-Length: 5\r\n", b"hello" + SMUGGLED),
        [_POST, _NEXT],
    ),
    "upgrade without a say": (
        post(b"Upgrade: websocket\r\nContent-Length: 5\r\n", b"hello" + SMUGGLED),
        [_POST, _NEXT],
    ),
    "closed behind the first": (post(b"Connection: close\r\nContent-Length: 5\r\n", b"hello" + SMUGGLED),
    [_POST]),
    "HTTP/1.0 behind which nothing is read": (
        post(b"Content-Length: 5\r\n", b"hello" + SMUGGLED, b"1.0"),
        [_POST],
    ),
}  # fmt: skip

FRAMED = {f"framed: {name}": requests for name, (_, requests) in _FRAMED.items()}
"""Method, target and body of the requests that the messages of kind `framed` are."""

CORPUS += [(f"framed: {name}", raw, "framed") for name, (raw, _) in _FRAMED.items()]
