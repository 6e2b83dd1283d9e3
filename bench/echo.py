"""Sends every datagram back: the UDP server behind the proxies."""

from __future__ import annotations

import socket
import sys


def main() -> None:
    """Serves on the port of the command line until it is killed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", int(sys.argv[1])))
        while True:
            data, client = server.recvfrom(65536)
            server.sendto(data, client)


if __name__ == "__main__":
    main()
