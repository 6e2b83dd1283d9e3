"""Proves control of a name by an answer over HTTP (RFC 8555 section 8.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from toron.core.message import Request, Response, Service
from toron.wire.headers import Field, Headers

PLACE = b"/.well-known/acme-challenge/"

_TYPE: Field = (b"Content-Type", b"application/octet-stream")


class Answers:
    """What is answered just now, on every listener that asks; a `Proof`."""

    kind = "http-01"

    def __init__(self) -> None:
        self.texts: dict[bytes, bytes] = {}
        """By the path."""
        self.changed: list[Callable[[], object]] = []
        """Told when there is another."""

    async def show(self, name: str, token: str, authorization: str) -> None:
        """Answer for this token."""
        self.texts[PLACE + token.encode()] = authorization.encode()
        self._tell()

    async def hide(self, name: str, token: str, authorization: str) -> None:
        """Answer for it no more."""
        self.texts.pop(PLACE + token.encode(), None)
        self._tell()

    def take(self, texts: dict[bytes, bytes]) -> None:
        """Answer what another process shows."""
        self.texts.clear()
        self.texts.update(texts)

    def _tell(self) -> None:
        for told in self.changed:
            told()

    def before(self, service: Service) -> Service:
        """Answers for tokens that are asked for just now; all else is for `service`."""
        texts = self.texts

        def answer_or_pass(request: Request) -> Awaitable[Response]:
            text = texts.get(request.path)
            return service(request) if text is None else _answer(request, text)

        return answer_or_pass


async def _answer(request: Request, text: bytes) -> Response:
    request.route = "acme"
    return Response(200, Headers([_TYPE]), text)
