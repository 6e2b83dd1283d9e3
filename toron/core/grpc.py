"""What gRPC asks of a gateway: whose requests they are, how long they may take, how they are refused."""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterable

from toron.core.message import Response
from toron.core.refusal import BAD_GRPC_TIMEOUT, CONNECT_TIMEOUT, Reason, Refusal
from toron.wire.headers import Field, Headers, Remembered, fold

GRPC, WEB, WEB_TEXT = b"application/grpc", b"application/grpc-web", b"application/grpc-web-text"
"""What a content type may say: gRPC itself, gRPC-Web, and gRPC-Web in base64."""

STATUS_FIELDS = (b"grpc-status", b"grpc-message", b"grpc-status-details-bin")
"""How a call ended."""

_TYPE = re.compile(
    rb"[ \t]*(application/grpc(?:-web(?:-text)?)?)(\+[!#$%&'*+\-.^_`|~0-9a-z]+)?[ \t]*(?:;.*)?",
    re.DOTALL | re.IGNORECASE,
).fullmatch
_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])").fullmatch
_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}

_UNKNOWN = 2
_STATUSES = {
    400: 13, 401: 16, 403: 7, 404: 12, 408: 4, 413: 8, 414: 8, 421: 12, 429: 8, 431: 8, 499: 1, 500: 13,
    501: 12, 502: 14, 503: 14, 504: 4,
}  # fmt: skip
"""For a reason's HTTP status the status that gRPC has for it.

As gRPC's clients take the HTTP statuses that they know, except where ours say more: a 429 is the client's
own limit (RESOURCE_EXHAUSTED), and a 504 means that there was a server, and time passed.
"""
_PLAIN = bytes(sign for sign in range(0x20, 0x7F) if sign != ord("%"))


def _read(content_type: bytes) -> tuple[bytes, bytes]:
    found = _TYPE(content_type)
    return (found[1].lower(), (found[2] or b"").lower()) if found else (b"", b"")


_known = Remembered(_read).__getitem__


def read_type(content_type: bytes | None) -> tuple[bytes, bytes]:
    """One of GRPC, WEB and WEB_TEXT, and how messages are written (such as `+proto`; may be empty).

    Two empty values for any other content type, and for none.
    """
    return _known(content_type or b"")


def answer_type(headers: Headers) -> bytes:
    """The content type that the answer to a request with these headers has; empty if that is not gRPC.

    A client of gRPC-Web says in Accept if it wants the other of its two forms.
    """
    kind, messages = read_type(headers.get(b"content-type"))
    if kind and kind != GRPC:
        for member in headers.listed(b"accept"):
            accepted = read_type(member)[0]
            if accepted in (WEB, WEB_TEXT):
                return accepted + messages
    return kind + messages


def timeout(headers: Headers) -> float | None:
    """The seconds that a request may take (its field `grpc-timeout`); None where it does not say.

    Raises Refusal for a field that is not well formed. What is no gRPC request may say what it likes.
    """
    fields = headers.get_all(b"grpc-timeout")
    if not fields or read_type(headers.get(b"content-type"))[0] != GRPC:
        return None
    found = _TIMEOUT(b",".join(fields))
    if found is None:
        raise Refusal(BAD_GRPC_TIMEOUT)
    return int(found[1]) * _UNITS[found[2]]


def status_of(reason: Reason) -> int:
    """The status that gRPC has for a reason."""
    if reason is CONNECT_TIMEOUT:
        # Nobody was asked in vain: this is a server that is not there.
        return _STATUSES[503]
    return _STATUSES.get(reason.status or 503, _UNKNOWN)


def refused(refusal: Refusal, content_type: bytes, request_id: str) -> Response:
    """An answer that ends as soon as it begins, with the status of the call and nothing else.

    `content_type` is that of the answer: for gRPC-Web the status is in the body.
    """
    reason = refusal.reason
    message = f"{reason.text} ({reason.word} {request_id})"
    ending = [(b"grpc-status", b"%d" % status_of(reason)), (b"grpc-message", percent_encoded(message))]
    headers = Headers([(b"Content-Type", content_type), *refusal.headers])
    kind = read_type(content_type)[0]
    body = b""
    if kind == GRPC:
        headers = Headers([*headers, *ending])
    else:
        body = trailer_frame(ending)
        if kind == WEB_TEXT:
            body = b2a_base64(body, newline=False)
    response = Response(200, headers, body)
    response.word = reason.word
    return response


def percent_encoded(text: str) -> bytes:
    """A text as `grpc-message` has it: UTF-8, with %XX for all but printable ASCII."""
    return b"".join([b"%c" % sign if sign in _PLAIN else b"%%%02X" % sign for sign in text.encode()])


def trailer_frame(trailers: Iterable[Field]) -> bytes:
    """Trailers as the last frame in the body of gRPC-Web: a flag, four bytes of length, lines."""
    lines = b"".join([b"%b: %b\r\n" % (fold(name), value) for name, value in trailers])
    return b"\x80" + len(lines).to_bytes(4, "big") + lines
