"""Makes the request that is asked about, as a connection would have brought it."""

from __future__ import annotations

from toron.core.body import Body
from toron.core.message import Request
from toron.core.refusal import REASONS, Refusal
from toron.explain.entrance import Caller
from toron.explain.question import Question
from toron.net.http_site import HttpSite
from toron.wire.events import Malformed, RequestHead
from toron.wire.http1 import ServerCodec


def request_of(asked: Question, site: HttpSite, connection: Caller) -> Request:
    """The request, read by the codec and checked by the listener. Refusal where either takes none of it."""
    codec = ServerCodec(site.head_most, site.fields_most)
    events = codec.receive(_written(asked))
    head = events[0] if events else Malformed("head_too_large")
    if not isinstance(head, RequestHead):
        assert isinstance(head, Malformed)
        raise Refusal(REASONS[head.word], head.detail)
    site.port = connection.local_port
    request = site.request(site.origin(connection), head)  # type: ignore[arg-type]
    if head.length != 0:
        request.body = Body(None, head.length)
        request.body.limit = site.body_limit
    site.check(request, head.length)
    return request


def _written(asked: Question) -> bytes:
    """The head of the request as it is sent."""
    fields = list(asked.headers)
    if not any(name.lower() == "host" for name, _ in fields):
        fields.insert(0, ("Host", asked.authority))
    lines = [f"{asked.method} {asked.target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
