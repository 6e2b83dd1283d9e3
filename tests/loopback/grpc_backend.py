"""The gRPC server that tests talk to, and the calls that they make."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

# Programs are started beside its threads; none of them goes on to use what was forked.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

import grpc

from tests.loopback.authority import Pair
from tests.loopback.process import Peer

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 10.0
"""How long a call may take that is expected to end."""


class GrpcBackend(Peer):
    """`grpc_program.py` on a port of its own or a given one, with TLS where there is a pair."""

    program = "grpcio"

    def __init__(self, port: int | None = None, pair: Pair | None = None) -> None:
        super().__init__()
        if port is None:
            self.fill("@PORT@")
        else:
            self.ports["PORT"] = port
        self._pair = pair
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self.environment = {"PYTHONPATH": path}

    def command(self) -> list[str]:
        """Of the same Python as the tests."""
        pair = [] if self._pair is None else [str(self._pair.cert), str(self._pair.key)]
        return [sys.executable, "-m", "tests.loopback.grpc_program", str(self.port), *pair]


class Client:
    """A channel to a port, and what can be called at the test server over it.

    `metadata` goes with every call; with `ca` (a PEM file) it is TLS, and the server's name is `localhost`.
    """

    def __init__(self, port: int, ca: Path | None = None) -> None:
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.enable_http_proxy", 0),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        if ca is None:
            self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
        else:
            credentials = grpc.ssl_channel_credentials(ca.read_bytes())
            options.append(("grpc.ssl_target_name_override", "localhost"))
            self.channel = grpc.secure_channel(f"127.0.0.1:{port}", credentials, options)
        channel = self.channel
        self.echo = channel.unary_unary("/test.Calls/Echo")
        self.fail = channel.unary_unary("/test.Calls/Fail")
        self.wait = channel.unary_unary("/test.Calls/Wait")
        self.over = channel.unary_unary("/test.Calls/Over")
        self.left = channel.unary_unary("/test.Calls/Left")
        self.port = channel.unary_unary("/test.Calls/Port")
        self.say = channel.unary_unary("/test.Calls/Say")
        self.total = channel.stream_unary("/test.Calls/Total")
        self.several = channel.unary_stream("/test.Calls/Several")
        self.drip = channel.unary_stream("/test.Calls/Drip")
        self.talk = channel.stream_stream("/test.Calls/Talk")

    def start(self) -> None:
        """It connects when it is used."""

    def close(self) -> None:
        """Every call under way is ended."""
        self.channel.close()


def failed(call: Any) -> grpc.RpcError:
    """The error that a call, given as a function, has to end with."""
    try:
        result = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"it did not fail: {result!r}")
