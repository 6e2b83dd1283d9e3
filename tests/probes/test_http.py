"""An HTTP server is well when it answers with the right status, and the right words."""

from __future__ import annotations

from typing import Any

from tests.loopback.conversation import Conversation
from tests.loopback.sockets import free_port
from tests.loopback.web import answer
from tests.probes.case import ProbeCase
from toron.interfaces import Probe
from toron.probes.http import http_probe, statuses

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ngre\r\n2\r\nen\r\n0\r\n\r\n"


class HttpProbe(ProbeCase):
    """Against scripts."""

    def probe(self, **more: Any) -> Probe:
        options = {"method": "GET", "path": "/health", "host": None, "status": "200-399", "body": None}
        return http_probe(self.environment, self.dialer, self.sweep, **(options | more))

    async def said(self, response: bytes, **more: Any) -> str:
        return await self.why(self.probe(**more), self.backend(response).port)

    async def test_what_it_asks(self) -> None:
        backend = self.backend(answer("fine"))
        self.assertEqual(await self.why(self.probe(), backend.port), "")
        head = bytes(backend.conversations[0].received)
        self.assertRegex(head, rb"^GET /health HTTP/1\.1\r\n")
        self.assertIn(b"\r\nHost: 127.0.0.1:%d\r\n" % backend.port, head)
        self.assertIn(b"\r\nUser-Agent: toron-health-check\r\n", head)

    async def test_what_it_can_be_told_to_ask(self) -> None:
        backend = self.backend(answer(""))
        probe = http_probe(
            self.environment, self.dialer, self.sweep, method="HEAD", path="/x?y", host="a.example",
            status="200", body=None, preface=b"PROXY UNKNOWN\r\n",
        )  # fmt: skip
        self.assertEqual(await self.why(probe, backend.port), "")
        head = bytes(backend.conversations[0].received)
        self.assertRegex(head, rb"^PROXY UNKNOWN\r\nHEAD /x\?y HTTP/1\.1\r\nHost: a\.example\r\n")

    async def test_statuses(self) -> None:
        self.assertEqual(await self.said(answer("", 302)), "")
        self.assertEqual(await self.said(answer("", 404)), "ProbeFailed: status 404, not 200-399")
        self.assertEqual(await self.said(answer("", 404), status="200,404"), "")

    async def test_interim_answers_are_not_the_answer(self) -> None:
        self.assertEqual(await self.said(b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer("")), "")

    async def test_a_body(self) -> None:
        for response in (answer("all green"), CHUNKED, answer(b"\xff\xfe green \x00")):
            self.assertEqual(await self.said(response, body="gr[e]{2}n"), "")
        why = await self.said(answer("red"), body="green")
        self.assertEqual(why, "ProbeFailed: the body does not match green")

    async def test_the_first_64_kib_of_a_body(self) -> None:
        self.assertEqual(await self.said(answer("x" * 65531 + "green" + "x" * 100_000), body="green"), "")
        why = await self.said(answer("x" * 65536 + "green"), body="green")
        self.assertEqual(why, "ProbeFailed: the body does not match green")

    async def test_half_a_body(self) -> None:
        def half(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(answer("green")[:-1])

        why = await self.why(self.probe(body="green"), self.backend(half).port)
        self.assertRegex(why, "^UpstreamFailed: upstream_closed")

    async def test_no_http(self) -> None:
        self.assertRegex(await self.said(b"220 mail\r\n"), "^UpstreamFailed: upstream_bad_response")

    async def test_nobody_there(self) -> None:
        why = await self.why(self.probe(), free_port())
        self.assertRegex(why, "^UpstreamFailed: upstream_connect_refused")

    async def test_the_connection_is_not_kept(self) -> None:
        backend = self.backend(answer("fine"))
        for _ in range(3):
            await self.why(self.probe(), backend.port)
        self.assertEqual(backend.connections, 3)

    def test_ranges(self) -> None:
        self.assertEqual(statuses("200-299,304"), [(200, 299), (304, 304)])

    def test_an_expression_that_is_none(self) -> None:
        self.assertRaises(ValueError, self.probe, body="(")
