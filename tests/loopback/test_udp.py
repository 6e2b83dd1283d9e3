"""UDP through the gateway: each client gets its own answers, from where it asked."""

from __future__ import annotations

import socket
import threading

from tests.loopback.peers import Gateway, UdpEcho, run
from tests.loopback.udp_clients import UdpTestCase, config, dns


class Exchanges(UdpTestCase):
    """Datagrams there and back."""

    def test_dig(self) -> None:
        echo = self.start(UdpEcho(dns))
        gateway = self.start(Gateway(config(echo.port, more=", address: 127.0.0.1, responses: 1")))
        words = ("@127.0.0.1", "-p", str(gateway.port), "+tries=1", "+time=3", "+short", "toron.test")
        self.assertEqual(run("dig", *words).stdout, b"192.0.2.53\n")
        line = gateway.ended(1)[0]
        self.assertEqual((line["kind"], line["packets_in"], line["packets_out"]), ("udp", 1, 1))
        self.assertGreater(line["bytes_in"], 12)
        self.assertGreater(line["bytes_out"], 12)
        self.assertNotIn("reason", line)

    def test_clients_get_their_own_answers(self) -> None:
        echo = self.start(UdpEcho())
        gateway = self.start(Gateway(config(echo.port)))
        clients = [self.client(gateway.port) for _ in range(8)]
        for round_ in range(20):
            for number, client in enumerate(clients):
                client.send(b"%d of %d" % (round_, number))
            for number, client in reversed(list(enumerate(clients))):
                self.assertEqual(client.recv(100), b"%d of %d" % (round_, number))
        self.assertEqual(len(echo.clients), 8)
        self.assertEqual(self.sessions(gateway), 8)

    def test_a_burst_keeps_its_order(self) -> None:
        echo = self.start(UdpEcho())
        gateway = self.start(Gateway(config(echo.port)))
        client = self.client(gateway.port)
        for sock in (client, echo._sock):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        got: list[int] = []

        def listen() -> None:
            while len(got) < 1000:
                got.append(int.from_bytes(client.recv(100), "big"))

        listening = threading.Thread(target=listen)
        listening.start()
        for number in range(1000):
            client.send(number.to_bytes(4, "big"))
        listening.join(10)
        self.assertEqual(got, list(range(1000)))

    def test_datagrams_of_any_size(self) -> None:
        echo = self.start(UdpEcho())
        gateway = self.start(Gateway(config(echo.port)))
        client = self.client(gateway.port)
        for size in (0, 1, 1472, 9000, 65507):
            self.assertEqual(len(self.ask(client, bytes(size))), size)
        self.assertEqual([len(datagram) for datagram in echo.datagrams], [0, 1, 1472, 9000, 65507])

    def test_several_answers_to_one_datagram(self) -> None:
        echo = self.start(UdpEcho(lambda datagram: [datagram + b"%d" % n for n in range(5)]))
        gateway = self.start(Gateway(config(echo.port)))
        client = self.client(gateway.port)
        client.send(b"x")
        self.assertEqual([client.recv(10) for _ in range(5)], [b"x0", b"x1", b"x2", b"x3", b"x4"])


class Addresses(UdpTestCase):
    """A reply comes from the address that was spoken to."""

    def test_on_every_address(self) -> None:
        echo = self.start(UdpEcho())
        gateway = self.start(Gateway(config(echo.port, more="")))
        for host in ("127.0.0.1", "127.0.0.5", "::1"):
            self.assertEqual(self.ask(self.client(gateway.port, host), b"hi"), b"hi")

    def test_on_every_ipv4_address(self) -> None:
        echo = self.start(UdpEcho())
        gateway = self.start(Gateway(config(echo.port, more=", address: 0.0.0.0")))
        for host in ("127.0.0.1", "127.0.0.5"):
            self.assertEqual(self.ask(self.client(gateway.port, host), b"hi"), b"hi")

    def test_of_one_client_that_speaks_to_two(self) -> None:
        """The same port of the client, two addresses of ours: two sessions."""
        echo = self.start(UdpEcho())
        gateway = self.start(Gateway(config(echo.port, more="")))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(2)
            client.bind(("127.0.0.1", 0))
            for host in ("127.0.0.1", "127.0.0.6", "127.0.0.1"):
                client.sendto(host.encode(), (host, gateway.port))
                data, (source, _) = client.recvfrom(100)
                self.assertEqual((data, source), (host.encode(), host))

    def test_the_log_has_the_plain_address(self) -> None:
        echo = self.start(UdpEcho())
        gateway = self.start(Gateway(config(echo.port, more=", responses: 1")))
        self.ask(self.client(gateway.port), b"x")
        self.assertEqual(gateway.ended(1)[0]["client"], "127.0.0.1")
