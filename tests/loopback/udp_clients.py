"""What the tests of UDP listeners share: a gateway, clients, and what the metrics say."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from tests.loopback.peers import Gateway, LoopbackTestCase, run

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
