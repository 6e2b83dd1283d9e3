"""docs/changing.md shows what the real commands say to a real gateway."""

from __future__ import annotations

import socket

from tests.loopback.test_admin_docs import Console


class Page(Console):
    """The blocks of the page, in their order, with one gateway."""

    page = "docs/changing.md"

    def test_what_commands_print_is_as_shown(self) -> None:
        with socket.create_connection(("127.0.0.1", self.ports["5432"]), 10) as sock:
            sock.sendall(b"hello")
            self.assertEqual(sock.recv(10), b"hello")
            for name in self.blocks():
                self.block(name)
