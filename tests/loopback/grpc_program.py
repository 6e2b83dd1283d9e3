"""A gRPC server as a program: `python -m tests.loopback.grpc_program PORT [CERTIFICATE KEY]`.

Messages are bare bytes, so that no code has to be generated. It has a health and a reflection service.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

SERVICE = "test.Calls"
STEP = 0.005
"""Seconds."""


class Calls:
    """What can be called at `/test.Calls/`, each with what it is for."""

    def __init__(self, checks: health.aio.HealthServicer, port: str) -> None:
        self._checks = checks
        self._port = port
        self._over: Counter[str] = Counter()

    async def echo(self, message: bytes, context: Any) -> bytes:
        """The message; metadata of the names `x-first...` come back at once, `x-last...` at the end."""
        metadata = context.invocation_metadata()
        await context.send_initial_metadata([field for field in metadata if field[0].startswith("x-first")])
        context.set_trailing_metadata([field for field in metadata if field[0].startswith("x-last")])
        return message

    async def total(self, messages: AsyncIterator[bytes], context: Any) -> bytes:
        """How many messages came, and how many bytes."""
        sizes = [len(message) async for message in messages]
        return b"%d %d" % (len(sizes), sum(sizes))

    async def several(self, message: bytes, context: Any) -> AsyncIterator[bytes]:
        """`5 1000` gives five messages of 1000 bytes; a third number: fails after so many."""
        count, size, *rest = map(int, message.split())
        for number in range(count):
            if rest and number == rest[0]:
                await context.abort(grpc.StatusCode.DATA_LOSS, "in the middle")
            yield b"%d:" % number + bytes(size)

    async def talk(self, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        """Each message comes back as soon as it is here; after `enough` nothing more."""
        async for message in messages:
            yield message
            if message == b"enough":
                return

    async def fail(self, message: bytes, context: Any) -> bytes:
        """Ends with a status and details: `5 not here`."""
        number, _, details = message.decode().partition(" ")
        code = next(code for code in grpc.StatusCode if code.value[0] == int(number))
        await context.abort(
            code, details, (("x-why", "asked for"), ("grpc-status-details-bin", b"\x08\x05\xff"))
        )
        return b""

    async def wait(self, message: bytes, context: Any) -> bytes:
        """Never ends by itself; its begin and its end are counted under the name in the message."""
        self._over[f"{message.decode()} begun"] += 1
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self._over[message.decode()] += 1
            raise
        return b""

    async def drip(self, message: bytes, context: Any) -> AsyncIterator[bytes]:
        """Message after message, without end; its end is counted as in `wait`."""
        try:
            while True:
                yield b"drop"
                await asyncio.sleep(STEP)
        finally:
            self._over[message.decode()] += 1

    async def over(self, message: bytes, context: Any) -> bytes:
        """How many calls of a name were ended; of `name begun`, how many there were."""
        return b"%d" % self._over[message.decode()]

    async def left(self, message: bytes, context: Any) -> bytes:
        """How many seconds the client gave this call; `none` without a limit."""
        left = context.time_remaining()
        return b"none" if left is None else b"%f" % left

    async def port(self, message: bytes, context: Any) -> bytes:
        """Which server this is."""
        return self._port.encode()

    async def say(self, message: bytes, context: Any) -> bytes:
        """Sets what the health service says: `SERVING`, or `NOT_SERVING test.Calls` of one service."""
        status, _, service = message.decode().partition(" ")
        await self._checks.set(service, health_pb2.HealthCheckResponse.ServingStatus.Value(status))
        return b""


class Handlers(grpc.GenericRpcHandler):
    """Finds the method, and how it streams."""

    def __init__(self, calls: Calls) -> None:
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        self._methods = {
            f"/{SERVICE}/{name.title()}": kind(getattr(calls, name))
            for kind, names in (
                (unary, ("echo", "fail", "wait", "over", "left", "port", "say")),
                (stream, ("several", "drip")),
                (grpc.stream_unary_rpc_method_handler, ("total",)),
                (grpc.stream_stream_rpc_method_handler, ("talk",)),
            )
            for name in names
        }

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a method; None for one that there is not."""
        return self._methods.get(handler_call_details.method)


async def serve(port: str, *pair: str) -> None:
    """Serve until the process is ended."""
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)])
    checks = health.aio.HealthServicer()
    await checks.set("test.Calls", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    server.add_generic_rpc_handlers((Handlers(Calls(checks, port)),))
    reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    address = f"127.0.0.1:{port}"
    if pair:
        cert, key = (Path(name).read_bytes() for name in pair)
        server.add_secure_port(address, grpc.ssl_server_credentials([(key, cert)]))
    else:
        server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
