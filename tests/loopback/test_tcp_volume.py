"""Much goes through, and little is held: back-pressure reaches the sender."""

from __future__ import annotations

import socket
import threading

from tests.loopback.peers import Conversation, CountingBackend, Gateway, LoopbackTestCase, eventually
from tests.loopback.test_tcp import config

MIB = 1 << 20
SIZE = 256 * MIB


def queued(sock: socket.socket) -> int:
    """The bytes in the send queue of our end that the other end has not acknowledged."""
    import fcntl
    import struct
    import termios

    return int(struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0])


class Volume(LoopbackTestCase):
    """The resident size stays where it is, whatever goes through."""

    def test_a_deaf_server_is_not_listened_for(self) -> None:
        """What the gateway takes from the client beyond kernel buffers stays far below 1 MiB."""

        def deaf(conversation: Conversation) -> None:
            conversation.wait(30)

        backend = self.start(CountingBackend(deaf))
        gateway = self.start(Gateway(config(backend.port)))
        before = gateway.rss()
        with socket.socket() as client:
            client.connect(("127.0.0.1", gateway.port))
            client.settimeout(1)
            pushed = 0
            piece = bytes(MIB)
            with self.assertRaises(TimeoutError):
                while pushed < 50 * MIB:
                    pushed += client.send(piece)
            self.assertLess(gateway.rss() - before, MIB)

    def test_a_deaf_client_is_not_read_for(self) -> None:
        def much(conversation: Conversation) -> None:
            conversation.send(bytes(50 * MIB))

        backend = self.start(CountingBackend(much))
        gateway = self.start(Gateway(config(backend.port)))
        before = gateway.rss()
        with socket.create_connection(("127.0.0.1", gateway.port)) as client:
            (conversation,) = eventually(lambda: backend.conversations)
            last = [0]

            def settled() -> bool:
                now = queued(conversation.sock)
                last.append(now)
                return now > 0 and len(last) > 40 and len(set(last[-40:])) == 1

            eventually(settled, what="a full pipe")
            self.assertLess(gateway.rss() - before, MIB)
            client.settimeout(10)
            got = 0
            while data := client.recv(MIB):
                got += len(data)
            self.assertEqual(got, 50 * MIB)

    def test_much_both_ways(self) -> None:
        def answer(conversation: Conversation) -> None:
            drink = threading.Thread(target=conversation.read_all)
            drink.start()
            piece = bytes(MIB)
            for _ in range(SIZE // MIB):
                conversation.send(piece)
            conversation.finish()
            drink.join()

        backend = self.start(CountingBackend(answer))
        gateway = self.start(Gateway(config(backend.port)))
        before = gateway.rss()
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as client:

            def upload() -> None:
                piece = bytes(MIB)
                for _ in range(SIZE // MIB):
                    client.sendall(piece)
                client.shutdown(socket.SHUT_WR)

            sender = threading.Thread(target=upload)
            sender.start()
            got = 0
            buffer = bytearray(MIB)
            while size := client.recv_into(buffer):
                got += size
            sender.join()
        end = gateway.access(2)[-1]
        self.assertEqual((got, backend.bytes_in), (SIZE, SIZE))
        self.assertEqual((end["bytes_in"], end["bytes_out"]), (SIZE, SIZE))
        self.assertNotIn("reason", end)
        self.assertLess(gateway.rss() - before, 30 * MIB)
