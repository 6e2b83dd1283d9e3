"""What is large goes through inside the kernel, and arrives as it was sent."""

from __future__ import annotations

import hashlib
import resource
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.loopback.peers import Conversation, CountingBackend, Gateway, LoopbackTestCase, eventually
from tests.loopback.test_sni_hello import post_quantum_hello
from tests.loopback.test_tcp import config, reset
from tests.loopback.test_tcp_descriptors import cpu, descriptors

MIB = 1 << 20
SIZE = 100 * MIB

SNI = """
listeners:
  - name: l4
    protocol: sni
    address: 127.0.0.1
    port: @PORT@
    routes:
      - {match: {sni: localhost}, backend: {url: "tcp://127.0.0.1:%d"}}
access_log: {path: "@FOLDER@/access.log"}
drain: {limit: 500ms}
"""


def pieces(seed: int, size: int = SIZE) -> Iterator[bytes]:
    """So many bytes that no two pieces of are the same; of no round length."""
    block = hashlib.shake_128(bytes([seed])).digest(MIB // 2 + 77)
    number = 0
    while size > 0:
        piece = (number.to_bytes(8, "big") + block)[:size]
        yield piece
        size -= len(piece)
        number += 1


def digest(parts: Iterator[bytes]) -> str:
    """What tells two streams apart."""
    whole = hashlib.blake2b()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()


def read(sock: socket.socket, rest: float = 0.0) -> Iterator[bytes]:
    """All that comes until the end, with a rest after each piece while there are any."""
    for _ in range(1 << 30):
        data = sock.recv(MIB)
        if not data:
            return
        yield data
        if rest:
            time.sleep(rest)


class Bulk(LoopbackTestCase):
    """Through the gateway, to a backend that says what it received."""

    def backend_of(self, download: int = SIZE, hello: bytes = b"") -> CountingBackend:
        """Sends its own stream, then tells the digest of the other: both ways at once."""
        self.heard: list[str] = []
        self.sent = 0

        def answer(conversation: Conversation) -> None:
            if hello:
                assert conversation.read_exactly(len(hello)) == hello

            def hear() -> None:
                self.heard.append(digest(iter(conversation.read, b"")))

            listening = threading.Thread(target=hear)
            listening.start()
            for piece in pieces(2, download):
                conversation.send(piece)
                self.sent += 1
            conversation.finish()
            listening.join()

        return self.start(CountingBackend(answer))

    def exchange(self, gateway: Gateway, *, hello: bytes = b"", rest: float = 0.0) -> None:
        """100 MiB each way at once; both streams arrive whole, and are counted."""
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as client:

            def upload() -> None:
                client.sendall(hello)
                for piece in pieces(1):
                    client.sendall(piece)
                client.shutdown(socket.SHUT_WR)

            sending = threading.Thread(target=upload)
            sending.start()
            self.assertEqual(digest(read(client, rest)), digest(pieces(2)))
            sending.join()
        eventually(lambda: self.heard, timeout=20)
        self.assertEqual(self.heard, [digest(pieces(1))])
        end = gateway.ended(1)[-1]
        self.assertEqual((end["bytes_in"], end["bytes_out"]), (SIZE + len(hello), SIZE))
        self.assertNotIn("reason", end)

    def test_both_ways(self) -> None:
        backend = self.backend_of()
        gateway = self.start(Gateway(config(backend.port)))
        self.exchange(gateway)

    def test_a_client_that_is_slow(self) -> None:
        backend = self.backend_of()
        gateway = self.start(Gateway(config(backend.port)))
        self.exchange(gateway, rest=0.002)

    def test_after_a_hello_that_was_looked_at(self) -> None:
        hello = post_quantum_hello("localhost")
        backend = self.backend_of(hello=hello)
        gateway = self.start(Gateway(SNI % backend.port))
        self.exchange(gateway, hello=hello)

    def test_without_descriptors_for_pipes(self) -> None:
        backend = self.backend_of()
        gateway = self.start(Gateway(config(backend.port)))
        limit = descriptors(gateway) + 2
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (limit, limit))
        self.exchange(gateway)
        self.assertNotIn("Traceback", gateway.log())

    def held_up(self, gateway: Gateway) -> socket.socket:
        """A client that reads nothing of what is sent to it, until nothing moves."""
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        client.connect(("127.0.0.1", gateway.port))
        seen: list[int] = []

        def still() -> bool:
            seen.append(self.sent)
            return len(seen) > 20 and self.sent > 0 and len(set(seen[-20:])) == 1

        eventually(still, what="back-pressure")
        return client

    def test_who_reads_nothing_costs_nothing(self) -> None:
        backend = self.backend_of()
        gateway = self.start(Gateway(config(backend.port)))
        client = self.held_up(gateway)
        begun = cpu(gateway)
        time.sleep(1)
        self.assertLess(cpu(gateway) - begun, 0.2, "it does not spin")
        client.settimeout(30)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(digest(read(client)), digest(pieces(2)))

    def test_nothing_is_left_of_one_that_is_reset(self) -> None:
        backend = self.backend_of()
        gateway = self.start(Gateway(config(backend.port)))
        before = descriptors(gateway)
        reset(self.held_up(gateway))
        end: dict[str, Any] = gateway.ended(1)[-1]
        self.assertEqual(end["reason"], "reset")
        # Empty pipes may be kept for the next one.
        eventually(lambda: descriptors(gateway) <= before + 4, what="the end of all descriptors")
        self.assertNotIn("Traceback", gateway.log())
