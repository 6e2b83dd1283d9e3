"""UDP through the gateway: each client has its own session, and gets its own answers."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path

from tests.loopback.peers import Gateway, LoopbackTestCase, UdpEcho, eventually, free_port, run

CONFIG = """
listeners:
  - {{name: dns, protocol: udp, port: @PORT@, backend: b{more}}}
backends:
  b: {{servers: [{servers}]{options}}}
access_log: {{path: "@FOLDER@/access.log"}}
admin: {{address: 127.0.0.1, port: @ADMIN@}}
drain: {{limit: 500ms}}
"""


def config(*ports: int, more: str = ", address: 127.0.0.1", options: str = "") -> str:
    """One UDP listener in front of servers at these ports."""
    servers = ", ".join(f"udp://127.0.0.1:{port}" for port in ports)
    return CONFIG.format(servers=servers, more=more, options=options)


def dns(query: bytes) -> list[bytes]:
    """Answers an A query with 192.0.2.53 (RFC 1035 section 4)."""
    end = query.index(b"\0", 12) + 5
    head = query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0"
    return [head + query[12:end] + b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 60, 4) + bytes((192, 0, 2, 53))]


class UdpTestCase(LoopbackTestCase):
    """A test with clients on UDP."""

    def client(
        self, port: int, host: str = "127.0.0.1", bind: tuple[str, int] | None = None
    ) -> socket.socket:
        """A socket that hears only answers from exactly where it speaks to."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.settimeout(2)
        if bind is not None:
            sock.bind(bind)
        sock.connect((host, port))
        return sock

    def ask(self, sock: socket.socket, data: bytes) -> bytes:
        """One datagram there, one back."""
        sock.send(data)
        return sock.recv(65535)

    def sessions(self, gateway: Gateway) -> int:
        """What the metrics say of sessions now."""
        url = f"http://127.0.0.1:{gateway.ports['ADMIN']}/metrics"
        lines = run("curl", "-s", url).stdout.decode().splitlines()
        (line,) = (line for line in lines if line.startswith("toron_udp_sessions{"))
        return int(float(line.split()[-1]))

    def descriptors(self, gateway: Gateway) -> int:
        """How many files and sockets the gateway has open."""
        return len(list(Path(f"/proc/{gateway.pid}/fd").iterdir()))


class Exchanges(UdpTestCase):
    """Datagrams there and back."""

    def test_dig(self) -> None:
        echo = self.start(UdpEcho(dns))
        gateway = self.start(Gateway(config(echo.port, more=", address: 127.0.0.1, responses: 1")))
        words = ("@127.0.0.1", "-p", str(gateway.port), "+tries=1", "+time=3", "+short", "toron.test")
        self.assertEqual(run("dig", *words).stdout, b"192.0.2.53\n")
        line = gateway.access(1)[0]
        self.assertEqual((line["kind"], line["packets_in"], line["packets_out"]), ("udp", 1, 1))
        self.assertGreater(line["bytes_out"], line["bytes_in"])
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
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
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
        self.assertEqual(gateway.access(1)[0]["client"], "127.0.0.1")


class Guarded(UdpTestCase):
    """A guard sees a session as it sees a connection."""

    def test_networks(self) -> None:
        echo = self.start(UdpEcho())
        more = ", address: 127.0.0.1, guards: [{deny: [127.0.0.7]}]"
        gateway = self.start(Gateway(config(echo.port, more=more)))
        denied = self.client(gateway.port, bind=("127.0.0.7", 0))
        denied.settimeout(0.2)
        for _ in range(50):
            denied.send(b"x")
        self.assertRaises(TimeoutError, denied.recv, 10)
        self.assertEqual(self.ask(self.client(gateway.port), b"y"), b"y")
        self.assertEqual(echo.datagrams, [b"y"])
        lines = gateway.access(1)
        self.assertEqual([line["reason"] for line in lines], ["address_denied"], "one line, not fifty")

    def test_sessions_of_one_client(self) -> None:
        echo = self.start(UdpEcho())
        more = ", address: 127.0.0.1, idle: 300ms, guards: [{connections: {per_client: 2}}]"
        gateway = self.start(Gateway(config(echo.port, more=more)))
        for _ in range(2):
            self.assertEqual(self.ask(self.client(gateway.port), b"x"), b"x")
        third = self.client(gateway.port)
        third.settimeout(0.2)
        third.send(b"x")
        self.assertRaises(TimeoutError, third.recv, 10)
        other = self.client(gateway.port, bind=("127.0.0.2", 0))
        self.assertEqual(self.ask(other, b"x"), b"x")
        eventually(lambda: self.sessions(gateway) == 0)
        self.assertEqual(self.ask(self.client(gateway.port), b"again"), b"again")
        self.assertEqual(gateway.access(1)[0]["reason"], "too_many_connections_per_client")


class Servers(UdpTestCase):
    """A server whose machine says that nobody listens is passed over."""

    def test_the_next_one_is_asked_next(self) -> None:
        echo = self.start(UdpEcho())
        gateway = self.start(Gateway(config(free_port(), echo.port)))
        client = self.client(gateway.port)
        client.settimeout(0.2)
        client.send(b"lost")
        self.assertRaises(TimeoutError, client.recv, 10)
        line = gateway.access(1)[0]
        self.assertEqual(line["reason"], "upstream_connect_refused")
        client.settimeout(2)
        for _ in range(3):
            self.assertEqual(self.ask(client, b"found"), b"found")
            self.assertEqual(self.ask(self.client(gateway.port), b"found"), b"found")

    def test_dig_tries_again_and_is_answered(self) -> None:
        echo = self.start(UdpEcho(dns))
        gateway = self.start(Gateway(config(free_port(), echo.port)))
        words = ("@127.0.0.1", "-p", str(gateway.port), "+tries=2", "+time=1", "+short", "toron.test")
        self.assertIn(b"192.0.2.53\n", run("dig", *words).stdout)

    def test_ejected_by_passive_health(self) -> None:
        options = ", passive_health: {failures: 1, base: 60s, max_ejected: 100%}"
        gateway = self.start(Gateway(config(free_port(), options=options)))
        client = self.client(gateway.port)
        client.settimeout(0.3)
        client.send(b"x")
        self.assertRaises(TimeoutError, client.recv, 10)
        client.send(b"x")
        first, second = gateway.access(2)
        self.assertEqual(first["reason"], "upstream_connect_refused")
        self.assertEqual(second["reason"], "no_server_available")

    def test_a_name(self) -> None:
        echo = self.start(UdpEcho())
        text = config(echo.port).replace("udp://127.0.0.1", "udp://localhost")
        gateway = self.start(Gateway(text))
        client = self.client(gateway.port)
        for number in range(5):
            client.send(b"%d" % number)
        self.assertEqual([client.recv(10) for _ in range(5)], [b"%d" % number for number in range(5)])
