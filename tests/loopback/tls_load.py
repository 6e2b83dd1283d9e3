"""Clients that shake hands again and again, and take nothing but a certificate they can verify."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from pathlib import Path

from cryptography.x509 import load_der_x509_certificate

from tests.loopback.load import Clients
from tests.loopback.sockets import LOOPBACK


class TlsLoad(Clients):
    """One request on each connection, to a `port` for a `name`, until it is closed; `trust` are files."""

    def __init__(self, port: int, name: str, *trust: Path, clients: int = 2) -> None:
        self._port = port
        self._name = name
        self._context = ssl.create_default_context()
        for file in trust:
            self._context.load_verify_locations(file)
        super().__init__(clients)
        self.serials: list[int] = []
        """Of the certificate of each good answer."""

    def _ask(self) -> None:
        while not self._ended.is_set():
            try:
                self._once()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            time.sleep(0.01)

    def _once(self) -> None:
        with (
            socket.create_connection((LOOPBACK, self._port), 10) as plain,
            self._context.wrap_socket(plain, server_hostname=self._name) as encrypted,
        ):
            encrypted.sendall(f"GET / HTTP/1.1\r\nHost: {self._name}\r\nConnection: close\r\n\r\n".encode())
            response = http.client.HTTPResponse(encrypted)
            response.begin()
            response.read()
            if response.status != 200:
                self.failures.append(f"status {response.status}")
            leaf = load_der_x509_certificate(encrypted.getpeercert(True) or b"")
            self.serials.append(leaf.serial_number)
