"""The answer to a refused request, in the form its client reads: JSON, HTML, text or gRPC."""

from __future__ import annotations

import json
import re
from html import escape

from toron.core import grpc
from toron.core.message import Response
from toron.core.refusal import Refusal
from toron.wire.headers import Headers

_JSON, _HTML, _TEXT = b"application/json", b"text/html", b"text/plain"
_NAMES = {
    _TEXT: (b"text/plain", b"text/*", b"*/*"),
    _JSON: (b"application/json", b"application/problem+json", b"application/*", b"*/*"),
    _HTML: (b"text/html", b"application/xhtml+xml", b"text/*", b"*/*"),
}
"""The forms there are, with the media ranges that cover each."""
_QUALITY = re.compile(rb"0(\.[0-9]{0,3})?|1(\.0{0,3})?").fullmatch


def refused(refusal: Refusal, asked: Headers, request_id: str) -> Response:
    """A response with the refusal's status, headers and text; the reason word is for the log too.

    `asked` are the headers of the request, which say what its client reads.
    """
    called = grpc.answer_type(asked)
    if called:
        return grpc.refused(refusal, called, request_id)
    reason = refusal.reason
    status = reason.status or 503
    form = preferred(b",".join(asked.get_all(b"accept")))
    if form is _JSON:
        said = {"status": status, "error": reason.word, "message": reason.text, "id": request_id}
        body = json.dumps(said).encode() + b"\n"
    elif form is _HTML:
        title = escape(f"{status} {reason.text.rstrip('.')}")
        body = (
            f"<!doctype html><meta charset=utf-8><title>{title}</title>"
            f"<h1>{title}</h1><p>{escape(reason.word)} <small>{escape(request_id)}</small></p>\n"
        ).encode()
    else:
        body = f"{status} {reason.text} ({reason.word} {request_id})\n".encode()
    headers = Headers([(b"Content-Type", form + b"; charset=utf-8"), (b"Cache-Control", b"no-store")])
    for name, value in refusal.headers:
        headers.add(name, value)
    response = Response(status, headers, body)
    response.word = reason.word
    return response


def preferred(accept: bytes | None) -> bytes:
    """The form that an Accept field likes best (RFC 9110 section 12.5.1); text by default.

    Each form counts with the most specific range that covers it. Among equals the one named more
    specifically wins, then the one named first, then text. Members that are not well formed do not count.
    """
    best: tuple[float, int, int] = (0.0, 0, 0)
    form = _TEXT
    ranges = _ranges(accept or b"")
    for candidate, names in _NAMES.items():
        said = [ranges[name] for name in names if name in ranges]
        wanted = max(said, default=None, key=lambda found: (found[1], found[0]))
        if wanted is not None and wanted[0] > 0 and wanted > best:
            best, form = wanted, candidate
    return form


def _ranges(accept: bytes) -> dict[bytes, tuple[float, int, int]]:
    """For each media range its quality, how specific it is, and how early it came (a negative number)."""
    ranges: dict[bytes, tuple[float, int, int]] = {}
    for number, member in enumerate(accept.lower().split(b",")):
        kind, *parameters = (part.strip() for part in member.split(b";"))
        weights = [parameter[2:] for parameter in parameters if parameter.startswith(b"q=")]
        if kind in ranges or not all(_QUALITY(weight) for weight in weights):
            continue
        specific = 0 if kind == b"*/*" else 1 if kind.endswith(b"/*") else 2
        ranges[kind] = (float(weights[0]) if weights else 1.0, specific, -number)
    return ranges
