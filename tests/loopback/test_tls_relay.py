"""TLS ended by the gateway, bytes relayed in the clear; no end is taken for another."""

from __future__ import annotations

import socket
import ssl
import subprocess

from tests.loopback.peers import Conversation, CountingBackend, eventually, find_program
from tests.loopback.tls_relay import TlsRelay, echo


class Clear(TlsRelay):
    """The server speaks no TLS."""

    def test_openssl_to_a_plain_echo(self) -> None:
        backend = self.start(CountingBackend(echo))
        gateway = self.gateway(backend.port)
        command = [find_program("openssl"), "s_client", "-quiet", "-verify_quiet"]
        command += ["-connect", f"127.0.0.1:{gateway.port}", "-servername", "front.test"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as client:
            assert client.stdin is not None and client.stdout is not None
            client.stdin.write(b"ping pong\n")
            client.stdin.flush()
            self.assertEqual(client.stdout.readline(), b"ping pong\n")
            client.kill()
        self.assertEqual(gateway.access(1)[0]["kind"], "tls")

    def test_much_both_ways(self) -> None:
        backend = self.start(CountingBackend(echo))
        gateway = self.gateway(backend.port)
        before = gateway.rss()
        client = self.client(gateway)
        piece = bytes(range(256)) * 4096
        for _ in range(16):
            client.sendall(piece)
            got = b""
            while len(got) < len(piece):
                got += client.recv(1 << 20)
            self.assertEqual(got, piece)
        client.unwrap()
        end = gateway.access(2)[-1]
        self.assertEqual((end["bytes_in"], end["bytes_out"]), (16 << 20, 16 << 20))
        self.assertLess(gateway.rss() - before, 30 << 20)

    def test_a_server_that_ends_ends_the_stream_with_a_notice(self) -> None:
        backend = self.start(CountingBackend(lambda conversation: conversation.send(b"bye")))
        client = self.client(self.gateway(backend.port))
        self.assertEqual(client.recv(100), b"bye")
        # Without close_notify this would raise SSLEOFError: ragged ends are not suppressed.
        self.assertEqual(client.recv(100), b"")

    def test_a_client_that_ends_with_a_notice_gets_the_rest(self) -> None:
        """A close_notify ends one direction only (RFC 8446 section 6.1)."""

        def answer(conversation: Conversation) -> None:
            conversation.read_all()
            conversation.send(b"you sent %d" % conversation.bytes_in)

        backend = self.start(CountingBackend(answer))
        gateway = self.gateway(backend.port)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(incoming, outgoing, server_hostname="front.test")
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as sock:
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    incoming.write(sock.recv(65536))
            tls.write(b"x" * 5000)
            with self.assertRaises(ssl.SSLWantReadError):
                tls.unwrap()
            sock.sendall(outgoing.read())
            while data := sock.recv(65536):
                incoming.write(data)
            self.assertEqual(tls.read(100), b"you sent 5000")
        self.assertNotIn("reason", gateway.access(2)[-1])

    def test_a_stream_that_is_cut_is_no_end(self) -> None:
        """Many clients just close: what came arrives, the reply goes back, and the log says it."""

        def answer(conversation: Conversation) -> None:
            conversation.read_all()
            conversation.send(b"you sent %d" % conversation.bytes_in)

        backend = self.start(CountingBackend(answer))
        gateway = self.gateway(backend.port)
        client = self.client(gateway)
        client.sendall(bytes(300_000))
        socket.socket.shutdown(client, socket.SHUT_WR)
        self.assertEqual(client.recv(100), b"you sent 300000")
        self.assertEqual(client.recv(100), b"", "the reply was whole, and says so")
        end = gateway.access(2)[-1]
        self.assertEqual((end["reason"], end["bytes_in"]), ("truncated", 300_000))

    def test_a_record_that_is_garbage(self) -> None:
        backend = self.start(CountingBackend(self.witness))
        gateway = self.gateway(backend.port)
        client = self.client(gateway)
        client.sendall(b"good")
        eventually(lambda: backend.bytes_in == 4)
        with socket.socket(fileno=client.detach()) as plain:
            plain.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
            plain.settimeout(3)
            answer = plain.recv(1000)
            while more := plain.recv(1000):
                answer += more
        self.assertIn(b"\x17\x03\x03", answer, "an alert, encrypted")
        eventually(lambda: self.ended)
        self.assertEqual(self.ended, ["reset"])

    def test_a_reset_of_the_server(self) -> None:
        def answer(conversation: Conversation) -> None:
            conversation.read_exactly(1)
            conversation.reset()

        backend = self.start(CountingBackend(answer))
        gateway = self.gateway(backend.port)
        client = self.client(gateway)
        client.sendall(b"x")
        with socket.socket(fileno=client.detach()) as plain:
            plain.settimeout(3)
            with self.assertRaises(ConnectionResetError):
                while plain.recv(1000):
                    continue
        self.assertEqual(gateway.access(2)[-1]["reason"], "upstream_reset")
