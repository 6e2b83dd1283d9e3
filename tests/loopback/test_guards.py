"""Guards of a TCP listener: who is refused reaches no server, and counts go down again."""

from __future__ import annotations

import socket

from tests.loopback.peers import (
    Conversation,
    CountingBackend,
    Gateway,
    LoopbackTestCase,
    eventually,
    recv_all,
    run,
)
from tests.loopback.test_tcp import reset

CONFIG = """
listeners:
  - {{name: l4, protocol: tcp, port: @PORT@, backend: b, guards: [{guards}]}}
  - {{name: web, protocol: http, port: @WEB@, guards: [{guards}]}}
routes: [{{match: {{path: /}}, respond: {{body: hello}}}}]
backends: {{b: {{url: "tcp://127.0.0.1:{port}"}}}}
access_log: {{path: "@FOLDER@/access.log"}}
admin: {{address: 127.0.0.1, port: @ADMIN@}}
drain: {{limit: 500ms}}
"""


def welcome(conversation: Conversation) -> None:
    """Tell a client that it got in, and keep it."""
    conversation.send(b"in")
    conversation.read_all()


class Guards(LoopbackTestCase):
    """A backend that keeps its connections, behind guards."""

    def serve(self, *guards: str) -> None:
        """Start a backend, and a gateway with these guards."""
        self.backend = self.start(CountingBackend(welcome))
        self.gateway = self.start(Gateway(CONFIG.format(guards=", ".join(guards), port=self.backend.port)))

    def connect(self, source: str = "127.0.0.1", to: str = "127.0.0.1") -> socket.socket:
        """A connection to the TCP listener."""
        client = socket.create_connection((to, self.gateway.port), timeout=3, source_address=(source, 0))
        self.addCleanup(client.close)
        return client

    def gets_in(self, source: str = "127.0.0.1", to: str = "127.0.0.1") -> bool:
        """Whether a new connection reaches the server; it stays."""
        try:
            return self.connect(source, to).recv(2) == b"in"
        except ConnectionResetError:
            return False

    def reasons(self, count: int) -> list[str]:
        """The reasons of what was refused, at least so many."""
        refused = eventually(
            lambda: (
                (found := [x["reason"] for x in self.gateway.access() if "reason" in x])
                and len(found) >= count
                and found
            )
        )
        return list(refused)

    def test_allow(self) -> None:
        self.serve('{allow: [127.0.0.2, 127.0.0.16/28, "::1"]}')
        self.assertTrue(self.gets_in("127.0.0.2"))
        self.assertTrue(self.gets_in("127.0.0.17"))
        self.assertTrue(self.gets_in("::1", "::1"))
        self.assertFalse(self.gets_in("127.0.0.1"))
        self.assertFalse(self.gets_in("127.0.0.32"))
        self.assertEqual(self.reasons(2), ["address_not_allowed"] * 2)
        self.assertEqual(self.backend.connections, 3)
        web = f"http://127.0.0.1:{self.gateway.ports['WEB']}/"
        self.assertEqual(run("curl", "-s", "--interface", "127.0.0.2", web).stdout, b"hello")
        self.assertNotEqual(run("curl", "-s", web).returncode, 0)

    def test_deny(self) -> None:
        self.serve("{deny: [127.0.0.0/30]}")
        self.assertFalse(self.gets_in("127.0.0.3"))
        self.assertTrue(self.gets_in("127.0.0.4"))
        (refused,) = (line for line in self.gateway.access(2) if "reason" in line)
        self.assertEqual((refused["client"], refused["reason"]), ("127.0.0.3", "address_denied"))
        self.assertEqual(self.backend.connections, 1)

    def test_connections_in_all(self) -> None:
        self.serve("{connections: {total: 3}}")
        held = [self.connect(f"127.0.0.{n}") for n in (1, 2, 3)]
        self.assertEqual([client.recv(2) for client in held], [b"in"] * 3)
        self.assertFalse(self.gets_in("127.0.0.4"))
        self.assertEqual(self.reasons(1), ["too_many_connections"])
        held[0].close()
        eventually(lambda: self.gets_in("127.0.0.4"), what="a free place after a close")
        reset(held[1])
        eventually(lambda: self.gets_in("127.0.0.5"), what="a free place after a reset")
        self.assertFalse(self.gets_in("127.0.0.6"))

    def test_connections_of_one_client(self) -> None:
        self.serve("{connections: {per_client: 2}}")
        held = [self.connect(), self.connect()]
        self.assertEqual([client.recv(2) for client in held], [b"in"] * 2)
        self.assertFalse(self.gets_in())
        self.assertTrue(self.gets_in("127.0.0.2"), "another client is not concerned")
        self.assertTrue(self.gets_in("::1", "::1"))
        self.assertEqual(self.reasons(1), ["too_many_per_client"])
        held.pop().close()
        eventually(self.gets_in, what="a free place")

    def test_counts_go_down_however_a_connection_ends(self) -> None:
        self.serve("{connections: {total: 5}}", "{deny: [127.0.0.9]}")
        for _ in range(20):
            self.assertFalse(self.gets_in("127.0.0.9"), "refused behind the count")
        for number in range(20):
            client = eventually(self.admitted)
            if number % 2:
                reset(client)
            else:
                client.close()
        eventually(lambda: self.backend.open == 0)
        clients = [eventually(self.admitted) for _ in range(5)]
        self.assertFalse(self.gets_in())
        for client in clients:
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(recv_all(client), b"")

    def admitted(self) -> socket.socket | None:
        """A connection that reached the server, or None."""
        client = self.connect()
        try:
            return client if client.recv(2) == b"in" else None
        except ConnectionResetError:
            return None
