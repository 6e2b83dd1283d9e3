"""The answer to a refused request, in the form its client reads: JSON, HTML or text."""

from __future__ import annotations

import json
from html import escape

from toron.core.message import Response
from toron.core.refusal import Refusal
from toron.wire.headers import Headers

_JSON, _HTML, _TEXT = b"application/json", b"text/html", b"text/plain"
_FORMS = {
    b"application/json": _JSON,
    b"application/problem+json": _JSON,
    b"application/*": _JSON,
    b"text/html": _HTML,
    b"application/xhtml+xml": _HTML,
    b"text/*": _TEXT,
    b"text/plain": _TEXT,
    b"*/*": _TEXT,
}


def refused(refusal: Refusal, accept: bytes | None, request_id: str) -> Response:
    """A response with the refusal's status, headers and text; the reason word is for the log too."""
    reason = refusal.reason
    status = reason.status or 503
    form = preferred(accept)
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
    """The form with the highest quality in an Accept field (RFC 9110 section 12.5.1); text by default."""
    best, best_quality = _TEXT, 0.0
    for member in (accept or b"").lower().split(b","):
        kind, *parameters = (part.strip() for part in member.split(b";"))
        form = _FORMS.get(kind)
        if form is None:
            continue
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith(b"q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        if quality > best_quality:
            best, best_quality = form, quality
    return best
