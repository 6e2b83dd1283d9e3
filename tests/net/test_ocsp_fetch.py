"""Asking over HTTP: what comes, what is too much, too late or not there."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from toron.core.wait import as_deferred
from toron.net import ocsp_fetch
from toron.net.ocsp_fetch import MOST, fetch
from toron.net.ocsp_stapling import FetchFailed

REACTOR: Any = reactor


class Responder(Resource):
    """Answers as it is told."""

    isLeaf = True  # noqa: N815  # overrides

    def __init__(self, *, status: int = 200, body: bytes | None = b"said", cut: bool = False) -> None:
        super().__init__()
        self.status, self.body, self.cut = status, body, cut
        self.seen: list[tuple[bytes, bytes | None, bytes]] = []

    def render_POST(self, request: Any) -> Any:
        self.seen.append((request.path, request.getHeader(b"content-type"), request.content.read()))
        request.setResponseCode(self.status)
        if self.body is None:
            return NOT_DONE_YET
        if self.cut:
            request.setHeader(b"content-length", b"%d" % (len(self.body) + 1))
            request.write(self.body)
            REACTOR.callLater(0.05, request.transport.abortConnection)
            return NOT_DONE_YET
        return self.body


class Fetching(TestCase):
    def serve(self, responder: Responder) -> str:
        """Where it can be asked."""
        port = REACTOR.listenTCP(0, Site(responder), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return f"http://127.0.0.1:{port.getHost().port}/o"

    def fetch(self, url: str) -> Deferred[bytes]:
        return as_deferred(fetch(REACTOR, url, b"question"))

    async def why(self, url: str) -> str:
        try:
            await self.fetch(url)
        except FetchFailed as error:
            return str(error)
        raise AssertionError("it answered")

    async def test_an_answer(self) -> None:
        responder = Responder()
        self.assertEqual(await self.fetch(self.serve(responder)), b"said")
        self.assertEqual(responder.seen, [(b"/o", b"application/ocsp-request", b"question")])

    async def test_another_status(self) -> None:
        why = await self.why(self.serve(Responder(status=503)))
        self.assertEqual(why, "the responder answers with status 503")

    async def test_too_much(self) -> None:
        self.assertEqual(len(await self.fetch(self.serve(Responder(body=bytes(MOST))))), MOST)
        why = await self.why(self.serve(Responder(body=bytes(MOST + 1))))
        self.assertEqual(why, "the response is larger than 64 KiB")

    async def test_cut(self) -> None:
        why = await self.why(self.serve(Responder(cut=True)))
        self.assertIn("the response ended before it was whole", why)

    async def test_nobody_there(self) -> None:
        port = REACTOR.listenTCP(0, Site(Responder()), interface="127.0.0.1")
        gone = port.getHost().port
        await port.stopListening()
        self.assertIn("refused", await self.why(f"http://127.0.0.1:{gone}/"))

    async def test_too_late(self) -> None:
        self.patch(ocsp_fetch, "SECONDS", 0.2)
        self.assertEqual(await self.why(self.serve(Responder(body=None))), "no response within 0.2 s")

    async def test_no_such_place(self) -> None:
        for url in ("ftp://a.test/", "nonsense", "http://ü.test/"):
            self.assertNotEqual(await self.why(url), "")
