"""The admin API: who may ask, what is asked, the endpoint that answers, and what is remembered of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure

from toron.admin.access import Access
from toron.admin.audit import Audit
from toron.admin.endpoint import CONFIGURATIONS, Call, Endpoint, Text
from toron.admin.pages import JSON, Page
from toron.admin.problem import Refused, stale
from toron.admin.router import Router, endpoints
from toron.admin.running import Running

BODY_LIMIT = 16 << 20
"""Bytes of a body, at most."""

log = Logger()


@dataclass(slots=True)
class Asked:
    """A whole request, as HTTP has it; names of header fields in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    ip: str
    """The client's address, and that with its port."""
    client: str
    body: bytes
    too_large: bool = False
    """Whether the body was longer than is taken."""
    let_go: bool = False
    """Whether there was a body that could not be held."""


class Api:
    """Everything below /api/v1; `loopback` says that the port is only for this machine."""

    def __init__(self, gateway: Running, *, loopback: bool) -> None:
        self.gateway = gateway
        self.audit = Audit(gateway.wall)
        self.router = Router(endpoints())
        self.access = Access(gateway.reactor, self._token, self.audit, loopback=loopback)
        self._turn = DeferredLock()
        """One change after the other."""

    def _token(self) -> str:
        admin = self.gateway.serving.config.admin
        return "" if admin is None or admin.token is None else admin.token.get_secret_value()

    async def answer(self, asked: Asked) -> Page:
        """The answer, also where something is wrong."""
        try:
            return await self._answer(asked)
        except Refused as refused:
            return refused.page
        except Exception:
            log.failure("the admin API failed at {what}", Failure(), what=f"{asked.method} {asked.path}")
            return Refused(
                500, "failed", "something went wrong inside the gateway", "look at its log, and report this"
            ).page

    async def _answer(self, asked: Asked) -> Page:
        what = f"{asked.method[:20]} {asked.path[:200]}"
        authorization = asked.headers.get("authorization", "")
        admin = self.gateway.serving.config.admin
        if admin is not None and not admin.api:
            raise Refused(
                404, "no_api", "the API is off here", "take api: false out of admin: in the configuration"
            )
        who = await self.access.enter(authorization, asked.ip, asked.client, what)
        endpoint, parameters = self.router.find(asked.method, asked.path)
        call = Call(
            self.gateway, self.audit, who, parameters, _query(endpoint, asked.query), None, "",
            asked.headers.get("accept", ""), asked.headers.get("if-match", ""),
        )  # fmt: skip
        if not endpoint.changes:
            return await self._read(endpoint, call, asked)
        return await self._change(endpoint, call, asked, what)

    async def _read(self, endpoint: Endpoint, call: Call, asked: Asked) -> Page:
        page = _page(await endpoint.serve(call), call)
        if call.etag and _matches(asked.headers.get("if-none-match", ""), call.etag):
            return Page(304, page.content_type, b"", page.headers)
        return page

    async def _change(self, endpoint: Endpoint, call: Call, asked: Asked, what: str) -> Page:
        """Do it when no other change is under way, and write down what became of it."""
        before = after = ""
        status = 500
        await self._turn.acquire()
        try:
            call.media, call.body = _body(endpoint, asked)
            before = after = await self._unchanged(endpoint, asked)
            page = _page(await endpoint.serve(call), call)
            if endpoint.conditional:
                after = await self.gateway.configuring.etag()
            status = page.status
            return page
        except Refused as refused:
            status, call.note = refused.details.status, call.note or refused.details.word
            raise
        finally:
            result = call.note or ("done" if status < 400 else "failed")
            self.audit.note(call.who, asked.client, what, status, result, before, after)
            self._turn.release()

    async def _unchanged(self, endpoint: Endpoint, asked: Asked) -> str:
        """The entity tag of the configuration that serves; raises Refused where the client knows another."""
        known = asked.headers.get("if-match", "")
        if not known and not endpoint.conditional:
            return ""
        now = await self.gateway.configuring.etag()
        if known and not (known.strip() == "*" or _matches(known, now)):
            raise stale(known, now)
        return now if endpoint.conditional else ""


def _matches(header: str, etag: str) -> bool:
    """Whether a list of entity tags has this one (RFC 9110 section 13.1)."""
    return etag in [each.strip().removeprefix("W/") for each in header.split(",")]


def _page(found: Any, call: Call) -> Page:
    etag = (("etag", call.etag),) if call.etag else ()
    if isinstance(found, Page):
        return Page(found.status, found.content_type, found.body, (*found.headers, *etag))
    return Page(200, JSON, msgspec.json.encode(found) + b"\n", etag)


def _query(endpoint: Endpoint, query: str) -> Any:
    said = parse_qsl(query, keep_blank_values=True, max_num_fields=None)
    known = endpoint.query.__struct_fields__
    for name, _ in said:
        if name not in known:
            raise Refused(
                400, "bad_query", f"there is no parameter {name[:100]!r}",
                "take one of those under known" if known else "leave out what stands behind the ?",
                known=known,
            )  # fmt: skip
    try:
        return msgspec.convert(dict(said), endpoint.query, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(400, "bad_query", str(error), "write the parameter as the API says") from None


def _body(endpoint: Endpoint, asked: Asked) -> tuple[str, Any]:
    """The body and its content type: one that no form of a web page can send (so nobody is led to)."""
    media = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    taken = list(CONFIGURATIONS) if endpoint.body is Text else [JSON]
    if media not in taken:
        raise Refused(
            415, "wrong_content_type", f"the content type is {media or 'missing'}",
            f"send Content-Type: {taken[0]}, also where there is no body", known=taken,
            headers=[("accept-post", ", ".join(taken))],
        )  # fmt: skip
    if asked.too_large:
        raise Refused(
            413, "too_large", f"the body is longer than {BODY_LIMIT} bytes", "send less, or use the file"
        )
    if asked.let_go:
        raise Refused(
            503, "busy", "others are sending as much as can be held at a time", "try again in a moment",
            headers=[("retry-after", "1")],
        )  # fmt: skip
    if endpoint.body is Text:
        return media, asked.body
    try:
        return media, msgspec.json.decode(asked.body or b"{}", type=endpoint.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(
            400,
            "bad_body",
            f"the body can not be read: {error}",
            "send JSON as GET /api/v1/openapi.json says",
        ) from None
