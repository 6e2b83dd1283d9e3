"""A gRPC server is well when its health service says so, and everything else is bad with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from tests.loopback.conversation import Conversation
from tests.loopback.grpc_backend import SECONDS, Client, GrpcBackend
from tests.loopback.sockets import free_port
from tests.probes.case import ProbeCase
from toron.interfaces import Probe
from toron.probes.grpc import grpc_probe

Fields = list[tuple[str, str]]
Respond = Callable[[H2Connection, int], None]
GRPC: Fields = [(":status", "200"), ("content-type", "application/grpc")]
SERVING = b"\x00\x00\x00\x00\x02\x08\x01"


class Scripted:
    """A server of one call, which `respond` answers; what it was asked is kept."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.fields: dict[bytes, bytes] = {}
        self.body = b""

    def __call__(self, conversation: Conversation) -> None:
        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        conversation.send(connection.data_to_send())
        while data := conversation.read():
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    self.fields = dict(event.headers)
                elif isinstance(event, DataReceived):
                    self.body += event.data
                elif isinstance(event, StreamEnded):
                    self.respond(connection, event.stream_id)
            conversation.send(connection.data_to_send())
            if connection.state_machine.state is ConnectionState.CLOSED:
                conversation.read_all()


def says(body: bytes, trailers: Fields | None = None, head: Fields = GRPC) -> Respond:
    """Answers with a head, a body, and trailers unless there are none to be."""
    if trailers is None:
        trailers = [("grpc-status", "0")]

    def respond(connection: H2Connection, stream: int) -> None:
        connection.send_headers(stream, head)
        connection.send_data(stream, body, end_stream=not trailers)
        if trailers:
            connection.send_headers(stream, trailers, end_stream=True)

    return respond


def only(*fields: tuple[str, str]) -> Respond:
    """Answers with a head and nothing more."""
    return lambda connection, stream: connection.send_headers(stream, list(fields), end_stream=True)


class GrpcProbe(ProbeCase):
    """Against scripts, and the real health service."""

    def probe(self, service: str = "", host: str | None = None, preface: bytes = b"") -> Probe:
        return grpc_probe(self.environment, self.dialer, service, host, preface)

    async def said(self, script: Any, **more: Any) -> str:
        return await self.why(self.probe(**more), self.backend(script).port)

    async def test_the_real_one(self) -> None:
        server = GrpcBackend()
        self.addCleanup(server.close)
        server.start()
        client = Client(server.port)
        self.addCleanup(client.close)
        for service in ("", "test.Calls"):
            self.assertEqual(await self.why(self.probe(service), server.port), "")
        self.assertEqual(
            await self.why(self.probe("no.Such"), server.port),
            "ProbeFailed: grpc-status 5: it does not know this service",
        )
        client.say(b"NOT_SERVING test.Calls", timeout=SECONDS)
        self.assertEqual(await self.why(self.probe("test.Calls"), server.port), "ProbeFailed: NOT_SERVING")
        self.assertEqual(await self.why(self.probe(), server.port), "")

    async def test_what_it_asks(self) -> None:
        script = Scripted(says(SERVING))
        backend = self.backend(script)
        self.assertEqual(await self.why(self.probe("a.B"), backend.port), "")
        self.assertEqual(
            script.fields,
            {
                b":method": b"POST",
                b":scheme": b"http",
                b":authority": b"127.0.0.1:%d" % backend.port,
                b":path": b"/grpc.health.v1.Health/Check",
                b"content-type": b"application/grpc",
                b"user-agent": b"toron-health-check",
                b"te": b"trailers",
                b"content-length": b"10",
            },
        )
        self.assertEqual(script.body, b"\x00\x00\x00\x00\x05\x0a\x03a.B")

    async def test_what_it_can_be_told_to_ask(self) -> None:
        script = Scripted(says(SERVING))
        self.assertEqual(await self.said(script, service="s" * 200, host="a.example"), "")
        self.assertEqual(script.fields[b":authority"], b"a.example")
        self.assertEqual(script.body, b"\x00\x00\x00\x00\xcb\x0a\xc8\x01" + b"s" * 200)
        script = Scripted(says(SERVING))
        self.assertEqual(await self.said(script), "")
        self.assertEqual(script.body, b"\x00\x00\x00\x00\x00")

    async def test_a_proxy_header_goes_first(self) -> None:
        script = Scripted(says(SERVING))

        def after_header(conversation: Conversation) -> None:
            self.assertEqual(conversation.read_exactly(15), b"PROXY UNKNOWN\r\n")
            script(conversation)

        self.assertEqual(await self.said(after_header, preface=b"PROXY UNKNOWN\r\n"), "")

    async def test_bad_answers(self) -> None:
        for respond, why in (
            (says(b"\0\0\0\0\0"), "UNKNOWN"),
            (says(b"\0\0\0\0\2\x08\x00"), "UNKNOWN"),
            (says(b"\0\0\0\0\2\x08\x02"), "NOT_SERVING"),
            (says(b"\0\0\0\0\2\x08\x03"), "SERVICE_UNKNOWN"),
            (says(b"\0\0\0\0\2\x08\x09"), "serving status 9"),
            (says(b""), "its answer is not one plain message"),
            (says(SERVING[:-1]), "its answer is not one plain message"),
            (says(SERVING + SERVING), "its answer is not one plain message"),
            (says(b"\1" + SERVING[1:]), "its answer is not one plain message"),
            (says(b"\0\0\0\0\2\x10\x01"), "its answer is not a status"),
            (says(b"\0\0\0\0\1\x08"), "its answer is not a status"),
            (says(b"\0\0\0\0\3\x08\x81\x00"), "its answer is not a status"),
            (says(b"x" * 4097), "it says too much"),
            (says(SERVING, []), "no grpc-status"),
            (
                says(SERVING, [("grpc-status", "14"), ("grpc-message", "not%20now")]),
                "grpc-status 14: 'not now'",
            ),
            (says(SERVING, [("grpc-status", "x" * 99)]), "grpc-status xxxxxxxxxx: ''"),
            (
                says(SERVING, head=[(":status", "200"), ("content-type", "text/html")]),
                "it does not speak gRPC",
            ),
            (says(SERVING, head=[(":status", "200")]), "it does not speak gRPC"),
            (only(*GRPC, ("grpc-status", "12")), "grpc-status 12: it has no health service"),
            (only(*GRPC, ("grpc-status", "0")), "its answer is not one plain message"),
            (only(*GRPC), "no grpc-status"),
            (only((":status", "503")), "status 503, not 200"),
            (lambda connection, stream: connection.reset_stream(stream, 2), "it reset the call (error 2)"),
        ):
            with self.subTest(why):
                self.assertEqual(await self.said(Scripted(respond)), f"ProbeFailed: {why}")

    async def test_an_interim_answer_is_not_the_answer(self) -> None:
        def respond(connection: H2Connection, stream: int) -> None:
            connection.send_headers(stream, [(":status", "103")])
            says(SERVING)(connection, stream)

        self.assertEqual(await self.said(Scripted(respond)), "")

    async def test_no_answer(self) -> None:
        self.assertEqual(await self.said(lambda conversation: None), "ProbeFailed: closed before it answered")

        def goes_away(connection: H2Connection, stream: int) -> None:
            connection.close_connection(last_stream_id=0)

        self.assertEqual(await self.said(Scripted(goes_away)), "ProbeFailed: it takes no calls (error 7)")

    async def test_no_http_2(self) -> None:
        why = await self.said(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        self.assertRegex(why, "^ProbeFailed: [a-z_]+")

    async def test_nobody_there(self) -> None:
        why = await self.why(self.probe(), free_port())
        self.assertRegex(why, "^UpstreamFailed: upstream_connect_refused")

    async def test_the_connection_is_not_kept(self) -> None:
        backend = self.backend(Scripted(says(SERVING)))
        for _ in range(2):
            self.assertEqual(await self.why(self.probe(), backend.port), "")
        self.assertEqual(backend.connections, 2)
