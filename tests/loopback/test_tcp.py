"""TCP through the gateway behaves as if it were not there: ends, half-ends, resets and routes."""

from __future__ import annotations

import signal
import socket
import struct
import subprocess

from tests.loopback.peers import (
    Conversation,
    CountingBackend,
    Gateway,
    LoopbackTestCase,
    Redis,
    eventually,
    find_program,
    raw_exchange,
    recv_all,
)

CONFIG = """
listeners:
  - {{name: l4, protocol: tcp, address: 127.0.0.1, port: @PORT@, backend: b{more}}}
backends:
  b: {{servers: [{servers}]{options}}}
access_log: {{path: "@FOLDER@/access.log"}}
admin: {{address: 127.0.0.1, port: @ADMIN@}}
drain: {{limit: 500ms}}
"""


def config(*ports: int, more: str = "", options: str = "") -> str:
    """One TCP listener in front of servers at these ports."""
    servers = ", ".join(f"tcp://127.0.0.1:{port}" for port in ports)
    return CONFIG.format(servers=servers, more=more, options=options)


def reset(sock: socket.socket) -> None:
    """Drop a connection with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Ends(LoopbackTestCase):
    """Each direction ends when its sender says so."""

    def test_the_reply_comes_after_the_client_has_finished(self) -> None:
        def answer(conversation: Conversation) -> None:
            conversation.read_all()
            conversation.send(b"you sent %d bytes" % conversation.bytes_in)

        backend = self.start(CountingBackend(answer))
        gateway = self.start(Gateway(config(backend.port)))
        nc = [find_program("nc"), "-N", "127.0.0.1", str(gateway.port)]
        done = subprocess.run(nc, input=b"x" * 300_000, capture_output=True, timeout=10, check=True)
        self.assertEqual(done.stdout, b"you sent 300000 bytes")
        start, end = gateway.access(2)
        self.assertEqual(start["event"], "start")
        self.assertNotIn("bytes_in", start)
        self.assertNotIn("event", end)
        self.assertEqual((end["bytes_in"], end["bytes_out"]), (300_000, 21))
        self.assertNotIn("reason", end)
        self.assertEqual(end["server"], f"127.0.0.1:{backend.port}")

    def test_the_client_may_go_on_after_the_server_has_finished(self) -> None:
        def answer(conversation: Conversation) -> None:
            conversation.send(b"that is all from me")
            conversation.finish()
            conversation.read_all()

        backend = self.start(CountingBackend(answer))
        gateway = self.start(Gateway(config(backend.port)))
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as client:
            self.assertEqual(recv_all(client), b"that is all from me")
            client.sendall(b"y" * 200_000)
            eventually(lambda: backend.bytes_in == 200_000, what="the upload after the server's end")
            self.assertEqual(backend.open, 1)
        eventually(lambda: backend.open == 0, what="the end of the server's connection")
        self.assertNotIn("reason", gateway.access(2)[-1])

    def test_a_server_may_speak_first(self) -> None:
        backend = self.start(CountingBackend(lambda conversation: conversation.send(b"220 ready\r\n")))
        gateway = self.start(Gateway(config(backend.port)))
        self.assertEqual(raw_exchange(gateway.port, b""), b"220 ready\r\n")

    def test_an_end_comes_through_while_the_other_side_is_slow(self) -> None:
        """The FIN must not be lost where the sender is paused when it comes."""

        def slow(conversation: Conversation) -> None:
            conversation.wait(0.5)
            conversation.read_all()
            conversation.send(b"%d" % conversation.bytes_in)

        backend = self.start(CountingBackend(slow))
        gateway = self.start(Gateway(config(backend.port)))
        size = 12 << 20
        self.assertEqual(raw_exchange(gateway.port, bytes(size), half_close=True), b"%d" % size)

    def test_both_directions_at_once(self) -> None:
        def answer(conversation: Conversation) -> None:
            while data := conversation.read():
                conversation.send(data)

        backend = self.start(CountingBackend(answer))
        gateway = self.start(Gateway(config(backend.port)))
        data = bytes(range(256)) * 40_000
        nc = [find_program("nc"), "-N", "127.0.0.1", str(gateway.port)]
        done = subprocess.run(nc, input=data, capture_output=True, timeout=20, check=True)
        self.assertEqual(done.stdout, data)


class Resets(LoopbackTestCase):
    """A reset on one side is a reset on the other."""

    def test_of_the_client_reaches_the_server_as_one(self) -> None:
        seen: list[str] = []

        def answer(conversation: Conversation) -> None:
            try:
                conversation.read_all()
                seen.append("end")
            except ConnectionResetError:
                seen.append("reset")

        backend = self.start(CountingBackend(answer))
        gateway = self.start(Gateway(config(backend.port)))
        client = socket.create_connection(("127.0.0.1", gateway.port))
        client.sendall(b"hello")
        eventually(lambda: backend.bytes_in == 5)
        reset(client)
        eventually(lambda: seen)
        self.assertEqual(seen, ["reset"])
        self.assertEqual(gateway.access(2)[-1]["reason"], "reset")

    def test_of_the_server_reaches_the_client_as_one(self) -> None:
        def answer(conversation: Conversation) -> None:
            conversation.read_exactly(5)
            conversation.send(b"hello")
            conversation.read_exactly(1)
            conversation.reset()

        backend = self.start(CountingBackend(answer))
        gateway = self.start(Gateway(config(backend.port)))
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as client:
            client.sendall(b"hello")
            self.assertEqual(client.recv(100), b"hello")
            client.sendall(b"!")
            self.assertRaises(ConnectionResetError, client.recv, 100)
        self.assertEqual(gateway.access(2)[-1]["reason"], "upstream_reset")

    def test_of_a_client_that_a_deaf_server_holds_up(self) -> None:
        """Nothing is read from the client then, and the reactor would not hear of its reset."""

        def deaf(conversation: Conversation) -> None:
            conversation.wait(20)

        backend = self.start(CountingBackend(deaf))
        gateway = self.start(Gateway(config(backend.port)))
        client = socket.create_connection(("127.0.0.1", gateway.port))
        client.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            while True:
                client.send(bytes(1 << 16))
        reset(client)
        end = gateway.access(2, timeout=3)[-1]
        self.assertEqual(end["reason"], "reset")

    def test_when_the_server_is_killed(self) -> None:
        redis = self.start(Redis())
        gateway = self.start(Gateway(config(redis.port)))
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as client:
            client.sendall(b"PING\r\n")
            self.assertEqual(client.recv(100), b"+PONG\r\n")
            redis.stop(signal.SIGKILL)
            self.assertEqual(recv_all(client), b"")
            eventually(lambda: self.is_reset(client), what="the reset")

    def is_reset(self, client: socket.socket) -> bool:
        """Whether what is sent on it meets nobody."""
        try:
            client.send(b"more")
        except (BrokenPipeError, ConnectionResetError):
            return True
        return False


class Routes(LoopbackTestCase):
    """The client's address says where a connection goes."""

    def test_two_clients_two_servers(self) -> None:
        one = self.start(CountingBackend(lambda conversation: conversation.send(b"one")))
        two = self.start(CountingBackend(lambda conversation: conversation.send(b"two")))
        gateway = self.start(
            Gateway(f"""
listeners:
  - name: l4
    protocol: tcp
    address: 127.0.0.1
    port: @PORT@
    routes:
      - {{match: {{client_ip: 127.0.0.2}}, backend: {{url: "tcp://127.0.0.1:{two.port}"}}}}
      - {{match: {{client_ip: 127.0.0.0/30}}, backend: {{url: "tcp://127.0.0.1:{one.port}"}}}}
access_log: {{path: "@FOLDER@/access.log"}}
""")
        )
        self.assertEqual(self.ask(gateway.port, "127.0.0.1"), b"one")
        self.assertEqual(self.ask(gateway.port, "127.0.0.2"), b"two")
        self.assertEqual(self.ask(gateway.port, "127.0.0.9"), b"")
        (refused,) = (line for line in gateway.access(5) if "reason" in line)
        self.assertEqual((refused["client"], refused["reason"]), ("127.0.0.9", "no_route"))

    def ask(self, port: int, source: str) -> bytes:
        """What a client at that address is told."""
        with socket.create_connection(("127.0.0.1", port), source_address=(source, 0)) as client:
            return recv_all(client)
