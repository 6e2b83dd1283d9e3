"""gRPC calls of grpcio's client to grpcio's server, through toron: they notice nothing of it."""

from __future__ import annotations

import itertools
import queue
import signal
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests.loopback.authority import Authority, Pair
from tests.loopback.grpc_backend import SECONDS, Client, GrpcBackend, failed
from tests.loopback.grpc_case import GrpcCase
from tests.loopback.peers import Gateway, LoopbackTestCase, eventually, raw_exchange
from tests.loopback.web import metric

Code = grpc.StatusCode
MUCH = bytes(range(256)) * (4 << 12)
"""4 MiB."""


class Calls(GrpcCase):
    """All four kinds of calls, and what goes with them."""

    CONFIG = """
listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]
routes:
  - match: {path: /test.Calls}
    backend: {url: "h2c://127.0.0.1:@BACKEND@"}
  - match: {path: [/grpc.reflection.v1alpha.ServerReflection, /grpc.health.v1.Health]}
    backend: {url: "h2c://127.0.0.1:@BACKEND@"}
  - {match: {path: /dead}, backend: {url: "h2c://127.0.0.1:@NOBODY@"}}
"""

    def test_unary(self) -> None:
        for message in (b"", b"hello", bytes(100_000)):
            self.assertEqual(self.client.echo(message, timeout=SECONDS), message)

    def test_a_stream_of_the_client(self) -> None:
        messages = (bytes(size) for size in range(0, 2000, 10))
        self.assertEqual(self.client.total(messages, timeout=SECONDS), b"200 199000")
        self.assertEqual(self.client.total(iter(()), timeout=SECONDS), b"0 0")

    def test_a_stream_of_the_server(self) -> None:
        got = list(self.client.several(b"300 1000", timeout=SECONDS))
        self.assertEqual([int(message.partition(b":")[0]) for message in got], list(range(300)))
        self.assertEqual(list(self.client.several(b"0 0", timeout=SECONDS)), [])

    def test_both_ways_at_once(self) -> None:
        said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        call = self.client.talk(iter(said.get, None), timeout=SECONDS)
        for number in range(50):
            # Only said once the answer to the last one is here.
            said.put(b"%d" % number)
            self.assertEqual(next(call), b"%d" % number)
        said.put(None)
        self.assertEqual(list(call), [])
        self.assertEqual(call.code(), Code.OK)

    def test_the_server_ends_first(self) -> None:
        said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        call = self.client.talk(iter(said.get, None), timeout=SECONDS)
        said.put(b"enough")
        self.assertEqual(list(call), [b"enough"])
        self.assertEqual(call.code(), Code.OK)
        said.put(None)

    def test_metadata(self) -> None:
        first = [("x-first", "one"), ("x-first", "two"), ("x-first-bin", b"\x00\xff,\x80")]
        last = [("x-last-bin", bytes(range(256))), ("x-last", "three, four")]
        _, call = self.client.echo.with_call(b"x", metadata=[*first, *last], timeout=SECONDS)
        self.assertEqual([field for field in call.initial_metadata() if field[0].startswith("x-f")], first)
        self.assertEqual(sorted(call.trailing_metadata()), sorted(last))

    def test_errors(self) -> None:
        for message, code, details in (
            (b"5 not here", Code.NOT_FOUND, "not here"),
            (b"13 ", Code.INTERNAL, ""),
            ("3 100% größer\n".encode(), Code.INVALID_ARGUMENT, "100% größer\n"),
            (b"14 " + b"x" * 3000, Code.UNAVAILABLE, "x" * 3000),
        ):
            error: Any = failed(lambda message=message: self.client.fail(message, timeout=SECONDS))
            self.assertEqual((error.code(), error.details()), (code, details))
            trailing = dict(error.trailing_metadata())
            self.assertEqual(trailing["x-why"], "asked for")
            self.assertEqual(trailing["grpc-status-details-bin"], b"\x08\x05\xff")

    def test_an_error_in_the_middle_of_a_stream(self) -> None:
        call = self.client.several(b"9 10 4", timeout=SECONDS)
        self.assertEqual(len(list(itertools.islice(call, 4))), 4)
        error: Any = failed(lambda: next(call))
        self.assertEqual((error.code(), error.details()), (Code.DATA_LOSS, "in the middle"))

    def test_a_method_that_there_is_not(self) -> None:
        error: Any = failed(lambda: self.client.channel.unary_unary("/test.Calls/None")(b"", timeout=SECONDS))
        self.assertEqual(error.code(), Code.UNIMPLEMENTED)

    def test_the_deadline_reaches_the_server(self) -> None:
        left = float(self.client.left(b"", timeout=SECONDS))
        self.assertGreater(left, 0.0)
        self.assertLess(left, SECONDS + 1.0)  # the client rounds it up
        self.assertEqual(self.client.left(b""), b"none")

    def once(self, name: bytes) -> None:
        """Wait for the end of the call of a name, or its begin (`name begun`)."""
        eventually(lambda: self.client.over(name, timeout=SECONDS) == b"1", what=name.decode())

    def test_a_deadline_that_passes(self) -> None:
        error: Any = failed(lambda: self.client.wait(b"late", timeout=0.5))
        self.assertEqual(error.code(), Code.DEADLINE_EXCEEDED)
        self.once(b"late")

    def test_the_client_does_not_want_it_any_more(self) -> None:
        call = self.client.wait.future(b"cancelled", timeout=SECONDS)
        self.once(b"cancelled begun")
        stream = self.client.drip(b"cancelled stream", timeout=SECONDS)
        self.assertEqual(next(stream), b"drop")
        call.cancel()
        stream.cancel()
        self.once(b"cancelled")
        self.once(b"cancelled stream")

    def test_the_client_is_gone(self) -> None:
        other = Client(self.port)
        stream = other.drip(b"gone", timeout=SECONDS)
        self.assertEqual(next(stream), b"drop")
        other.close()
        self.once(b"gone")

    def test_large_messages(self) -> None:
        self.assertEqual(self.client.echo(MUCH, timeout=SECONDS), MUCH)
        got = list(self.client.several(b"3 4000000", timeout=SECONDS))
        self.assertEqual([len(message) for message in got], [4_000_002] * 3)
        self.assertEqual(self.client.total(iter([MUCH] * 3), timeout=SECONDS), b"3 %d" % (3 * len(MUCH)))

    def test_many_calls_over_one_connection(self) -> None:
        streams = [self.client.several(b"20 2000", timeout=SECONDS) for _ in range(20)]
        calls = [self.client.echo.future(b"%d" % number, timeout=SECONDS) for number in range(300)]
        self.assertEqual([call.result() for call in calls], [b"%d" % number for number in range(300)])
        self.assertEqual([len(list(stream)) for stream in streams], [20] * 20)

    def test_a_stream_that_nobody_reads_holds_nobody_up(self) -> None:
        # More than any window and buffer in between has room for.
        stream = self.client.several(b"200 500000", timeout=SECONDS)
        self.assertEqual(next(stream)[:2], b"0:")
        for _ in range(5):
            self.assertEqual(self.client.echo(b"x", timeout=SECONDS), b"x")
        stream.cancel()

    def test_nobody_is_there(self) -> None:
        error: Any = failed(lambda: self.client.channel.unary_unary("/dead/Call")(b"", timeout=SECONDS))
        self.assertEqual(error.code(), Code.UNAVAILABLE)
        self.assertRegex(
            error.details(), r"^The server refused the connection\. \(upstream_connect_refused .+\)$"
        )
        stream = self.client.channel.stream_stream("/dead/Stream")(iter([b"x"]), timeout=SECONDS)
        error = failed(lambda: next(stream))
        self.assertEqual(error.code(), Code.UNAVAILABLE)

    def test_no_route(self) -> None:
        error: Any = failed(
            lambda: self.client.channel.unary_unary("/other.Service/Call")(b"", timeout=SECONDS)
        )
        self.assertEqual(error.code(), Code.UNIMPLEMENTED)
        self.assertIn("no_route", error.details())

    def test_the_health_service(self) -> None:
        stub = health_pb2_grpc.HealthStub(self.client.channel)
        request = health_pb2.HealthCheckRequest(service="test.Calls")
        self.assertEqual(stub.Check(request, timeout=SECONDS).status, health_pb2.HealthCheckResponse.SERVING)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.SERVING)
        watch.cancel()

    def test_the_reflection_service(self) -> None:
        database = ProtoReflectionDescriptorDatabase(self.client.channel)
        services = database.get_services()
        self.assertIn("test.Calls", services)
        file = database.FindFileContainingSymbol("grpc.health.v1.Health")
        self.assertEqual(file.service[0].name, "Health")


class OverTls(GrpcCase):
    """Both sides over TLS, with HTTP/2 by ALPN."""

    CONFIG = """
listeners:
  - {protocol: https, address: 127.0.0.1, port: @PORT@, certificates: [{cert: site.pem, key: site.key}]}
routes: [{backend: calls}]
backends:
  calls:
    servers: ["h2://127.0.0.1:@BACKEND@"]
    tls: {ca: ca.pem}
    health: {grpc: true, interval: 1s}
"""

    @classmethod
    def prepare(cls, folder: Path) -> None:
        authority = Authority(folder, "ca")
        cls.pair = authority.issue("localhost", "127.0.0.1")
        cls.pair.cert.rename(folder / "site.pem")
        cls.pair.key.rename(folder / "site.key")
        cls.pair = Pair(folder / "site.pem", folder / "site.key")
        cls.ca = authority.ca

    def test_calls(self) -> None:
        self.assertEqual(self.client.echo(b"secret", timeout=SECONDS), b"secret")
        self.assertEqual(list(self.client.talk(iter([b"a", b"b"]), timeout=SECONDS)), [b"a", b"b"])
        error: Any = failed(lambda: self.client.fail(b"5 no", timeout=SECONDS))
        self.assertEqual(error.code(), Code.NOT_FOUND)

    def test_it_is_well(self) -> None:
        def checked() -> bool:
            return "is down" not in self.gateway.log() and self.passed() > 0

        eventually(checked, what="a check that passes")

    def passed(self) -> float:
        admin = self.gateway.ports["ADMIN"]
        server = f"127.0.0.1:{self.gateway.ports['BACKEND']}"
        return metric(admin, "toron_probes_total", backend="calls", server=server, result="passed")


class Refused(GrpcCase):
    """What toron itself has to say is said as gRPC says it."""

    CONFIG = """
listeners:
  - {protocol: http, address: 127.0.0.1, port: @PORT@, limits: {body: 1m}}
routes:
  - match: {path: /test.Calls/Over}
    middlewares: [{rate-limit: {rate: 1/h}}]
    backend: calls
  - match: {path: /test.Calls/Left}
    middlewares: [{jwt: {secret: 0123456789abcdef0123456789abcdef}}]
    backend: calls
  - match: {path: /test.Calls/Wait}
    backend: {url: "h2c://127.0.0.1:@BACKEND@", timeouts: {total: 500ms}}
  - {match: {path: /silent}, backend: {url: "h2c://127.0.0.1:@SILENT@"}}
  - {match: {path: /test.Calls/Echo}, respond: {status: 403, body: no}}
  - {backend: calls}
backends:
  calls: {url: "h2c://127.0.0.1:@BACKEND@"}
"""

    def error(self, call: Any) -> Any:
        return failed(call)

    def test_a_limit(self) -> None:
        self.assertEqual(self.client.over(b"x", timeout=SECONDS), b"0")
        error = self.error(lambda: self.client.over(b"x", timeout=SECONDS))
        self.assertEqual(error.code(), Code.RESOURCE_EXHAUSTED)
        self.assertIn("rate_limited", error.details())
        self.assertEqual(dict(error.trailing_metadata())["ratelimit-limit"], "1")

    def test_a_token(self) -> None:
        error = self.error(lambda: self.client.left(b"", timeout=SECONDS))
        self.assertEqual(error.code(), Code.UNAUTHENTICATED)

    def test_too_large(self) -> None:
        error = self.error(lambda: self.client.total(iter([bytes(600_000)] * 2), timeout=SECONDS))
        self.assertEqual(error.code(), Code.RESOURCE_EXHAUSTED)
        self.assertIn("body_too_large", error.details())

    def test_the_gateway_s_own_limit_of_time(self) -> None:
        error = self.error(lambda: self.client.wait(b"total", timeout=SECONDS))
        self.assertEqual(error.code(), Code.DEADLINE_EXCEEDED)
        self.assertIn("upstream_total_timeout", error.details())
        self.assertEqual(self.line("/test.Calls/Wait")["reason"], "upstream_total_timeout")

    def test_the_client_s_own_limit_of_time(self) -> None:
        # Said by hand, to a server that never does: those of gRPC would be quicker on both sides.
        silent = self.backend(word="SILENT")
        head = (
            b"POST /silent HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nTE: trailers\r\n"
            b"Connection: close, TE\r\ngrpc-timeout: 200m\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        said = raw_exchange(self.port, head)
        self.assertTrue(said.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\n"), said)
        self.assertIn(b"\r\ngrpc-status: 4\r\n", said)
        self.assertIn(b"deadline_exceeded", said)
        self.assertEqual(silent.connections, 1)

    def test_what_is_no_grpc(self) -> None:
        error = self.error(lambda: self.client.echo(b"", timeout=SECONDS))
        self.assertEqual(error.code(), Code.PERMISSION_DENIED)


HEALTH = """
listeners: [{{protocol: http, address: 127.0.0.1, port: @PORT@}}]
routes: [{{backend: calls}}]
backends:
  calls:
    servers: [{servers}]
    health: {{grpc: {{service: test.Calls}}, interval: 100ms, rise: 1, fall: 1}}
admin: {{address: 127.0.0.1, port: @ADMIN@}}
"""


class Servers(LoopbackTestCase):
    """Which of two servers is asked, and what becomes of calls to one that dies."""

    def setUp(self) -> None:
        self.servers = [self.start(GrpcBackend()) for _ in range(2)]
        urls = ", ".join(f'"h2c://127.0.0.1:{server.port}"' for server in self.servers)
        self.gateway = self.start(Gateway(HEALTH.format(servers=urls)))
        self.client = self.start(Client(self.gateway.port))

    def up(self) -> list[float]:
        admin = self.gateway.ports["ADMIN"]
        names = [f"127.0.0.1:{server.port}" for server in self.servers]
        return [metric(admin, "toron_server_up", backend="calls", server=name) for name in names]

    def asked(self) -> list[int]:
        """How many of ten calls reach each of the servers."""
        ports = [int(self.client.port(b"", timeout=SECONDS)) for _ in range(10)]
        return [ports.count(server.port) for server in self.servers]

    def test_one_that_says_that_it_does_not_serve(self) -> None:
        first = self.start(Client(self.servers[0].port))
        eventually(lambda: self.up() == [1.0, 1.0], what="both are up")
        first.say(b"NOT_SERVING test.Calls", timeout=SECONDS)
        eventually(lambda: self.up() == [0.0, 1.0], what="the first is down")
        self.assertIn("is down: NOT_SERVING", self.gateway.log())
        self.assertEqual(self.asked(), [0, 10])
        first.say(b"SERVING test.Calls", timeout=SECONDS)
        eventually(lambda: self.up() == [1.0, 1.0], what="both are up again")
        self.assertEqual(self.asked(), [5, 5])

    def test_one_that_dies(self) -> None:
        streams = [self.client.drip(b"x", timeout=SECONDS) for _ in range(4)]
        for stream in streams:
            self.assertEqual(next(stream), b"drop")
        for server in self.servers:
            server.kill(signal.SIGKILL)
        for stream in streams:
            error: Any = failed(lambda stream=stream: list(stream))
            self.assertNotEqual(error.code(), Code.DEADLINE_EXCEEDED)
        error = failed(lambda: self.client.echo(b"x", timeout=SECONDS))
        self.assertEqual(error.code(), Code.UNAVAILABLE)
