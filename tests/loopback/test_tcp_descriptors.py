"""Connections leave nothing behind, and where descriptors run out those that are in go on."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import time
from pathlib import Path

from tests.loopback.peers import (
    Conversation,
    CountingBackend,
    Gateway,
    LoopbackTestCase,
    eventually,
    recv_all,
)
from tests.loopback.test_sni_hello import post_quantum_hello
from tests.loopback.test_tcp import config, reset

TLS = """
listeners:
  - name: secure
    protocol: tls
    address: 127.0.0.1
    port: @PORT@
    certificates: [{self_signed: [localhost]}]
    echo: {}
access_log: {path: "@FOLDER@/access.log"}
drain: {limit: 500ms}
"""


def descriptors(gateway: Gateway) -> int:
    """How many files and sockets the gateway has open."""
    return len(list(Path(f"/proc/{gateway.pid}/fd").iterdir()))


def cpu(gateway: Gateway) -> float:
    """The seconds of processor time the gateway has used."""
    fields = Path(f"/proc/{gateway.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def echo(conversation: Conversation) -> None:
    """Send everything back."""
    while data := conversation.read():
        conversation.send(data)


class Left(LoopbackTestCase):
    """Nothing is left of what is over."""

    def test_of_thousands_of_short_connections(self) -> None:
        backend = self.start(CountingBackend(echo))
        gateway = self.start(Gateway(config(backend.port)))
        self.assertEqual(self.exchange(gateway), b"x")
        # The line of its end is written when both of its sockets are closed.
        gateway.access(2)
        before = descriptors(gateway)
        for number in range(2000):
            client = socket.create_connection(("127.0.0.1", gateway.port))
            client.sendall(b"x")
            if number % 3:
                client.recv(1)
            if number % 2:
                client.close()
            else:
                reset(client)
        eventually(lambda: descriptors(gateway) == before, what="the end of all descriptors")
        eventually(lambda: backend.open == 0, what="the end of all server connections")
        self.assertNotIn("Traceback", gateway.log())

    def exchange(self, gateway: Gateway) -> bytes:
        """One byte there and back."""
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as client:
            client.sendall(b"x")
            client.shutdown(socket.SHUT_WR)
            return recv_all(client)

    def test_of_handshakes_that_were_broken_off(self) -> None:
        gateway = self.start(Gateway(TLS))
        hello = post_quantum_hello("localhost")
        before = descriptors(gateway)
        for number in range(100):
            client = socket.create_connection(("127.0.0.1", gateway.port))
            client.sendall(hello[: number * 20])
            if number % 2:
                client.close()
            else:
                reset(client)
        eventually(lambda: descriptors(gateway) == before, what="the end of all descriptors")
        self.assertEqual(
            {line["reason"] for line in gateway.access(100)}, {"client_gone", "handshake_failed"}
        )
        self.assertNotIn("Traceback", gateway.log())


class Exhausted(LoopbackTestCase):
    """There are no descriptors any more."""

    def test_it_pauses_and_goes_on(self) -> None:
        backend = self.start(CountingBackend(echo))
        gateway = self.start(Gateway(config(backend.port)))
        held = self.connected(gateway)
        limit = descriptors(gateway) + 21
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (limit, limit))
        clients = [self.connect(gateway) for _ in range(60)]
        eventually(lambda: "accepts nothing" in gateway.log(), what="the warning")
        begun = cpu(gateway)
        time.sleep(1.5)
        self.assertLess(cpu(gateway) - begun, 0.4, "it does not spin")
        held.sendall(b"still here")
        self.assertEqual(held.recv(100), b"still here")
        for client in clients:
            client.close()
        eventually(lambda: self.answers(gateway), what="a new connection after the pause")
        self.assertNotIn("Traceback", gateway.log())

    def connect(self, gateway: Gateway) -> socket.socket:
        """A connection, accepted or still in the queue."""
        client = socket.create_connection(("127.0.0.1", gateway.port), timeout=3)
        self.addCleanup(client.close)
        return client

    def connected(self, gateway: Gateway) -> socket.socket:
        """A connection that has reached the server."""
        client = self.connect(gateway)
        client.sendall(b"x")
        self.assertEqual(client.recv(1), b"x")
        return client

    def answers(self, gateway: Gateway) -> bool:
        """Whether a new connection reaches the server."""
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", gateway.port), timeout=1) as client,
        ):
            client.sendall(b"x")
            return client.recv(1) == b"x"
        return False
