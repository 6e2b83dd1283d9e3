"""Each balancer sends real clients where it says it does."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.loopback.peers import Conversation, CountingBackend, Gateway, LoopbackTestCase, eventually
from tests.loopback.sockets import LOOPBACK
from tests.loopback.web import answer, ask

CONFIG = """
listeners:
  - {{protocol: http, address: 127.0.0.1, port: @PORT@}}
  - {{protocol: tcp, address: 127.0.0.1, port: @TCP@, backend: tcp}}
routes: [{{backend: web}}]
backends:
  web:
    balance: {balance}
    servers: [{servers}]
    health: {{interval: 100ms, rise: 1, fall: 1}}
  tcp:
    balance: {balance}
    servers: [{tcp}]
    health: {{interval: 1s}}
"""

CLIENTS = [f"127.0.0.{last}" for last in range(1, 41)]


class Balancing(LoopbackTestCase):
    """Backends that answer with their own letter."""

    def backends(self, count: int) -> list[CountingBackend]:
        return [self.start(CountingBackend(answer(letter))) for letter in "abcd"[:count]]

    def gateway(
        self, balance: str, backends: list[CountingBackend], more: dict[int, str] | None = None
    ) -> Gateway:
        servers = [
            f"{{url: 'http://127.0.0.1:{backend.port}', {(more or {}).get(index, 'weight: 1')}}}"
            for index, backend in enumerate(backends)
        ]
        text = ", ".join(servers)
        return self.start(
            Gateway(CONFIG.format(balance=balance, servers=text, tcp=text.replace("http://", "tcp://")))
        )

    def letters(self, gateway: Gateway, count: int) -> str:
        return "".join(ask(gateway.port).text for _ in range(count))

    def by_client(self, gateway: Gateway) -> dict[str, str]:
        return {client: ask(gateway.port, source=client).text for client in CLIENTS}

    def test_round_robin_is_smooth(self) -> None:
        gateway = self.gateway("round-robin", self.backends(2), {0: "weight: 5"})
        self.assertEqual(self.letters(gateway, 12), "aaabaa" * 2)

    def test_round_robin_steps_over_a_server_that_is_down(self) -> None:
        backends = self.backends(3)
        gateway = self.gateway("round-robin", backends)
        self.assertEqual(self.letters(gateway, 6), "abcabc")
        self.down(gateway, backends[1])
        self.assertEqual(Counter(self.letters(gateway, 6)), {"a": 3, "c": 3})

    def test_least_conn_leaves_a_busy_server_alone(self) -> None:
        go_on = threading.Event()

        def slow(conversation: Conversation) -> None:
            while True:
                conversation.read_request()
                go_on.wait(5)
                conversation.send(answer("s"))

        backends = [self.start(CountingBackend(answer("a"))), self.start(CountingBackend(slow))]
        self.addCleanup(go_on.set)
        gateway = self.gateway("least-conn", backends)
        with ThreadPoolExecutor(1) as client:
            # Between idle servers chance decides, so ask until somebody waits for the slow one.
            while not self.waits(backends[1]):
                asked = client.submit(ask, gateway.port)
                while not (asked.done() or self.waits(backends[1])):
                    time.sleep(0.01)
            self.assertEqual(self.letters(gateway, 20), "a" * 20)
            go_on.set()
            self.assertEqual(asked.result().text, "s")

    def waits(self, backend: CountingBackend) -> bool:
        return any(b"GET" in conversation.received for conversation in backend.conversations)

    def test_least_conn_counts_open_connections(self) -> None:
        backends = [self.start(CountingBackend()) for _ in range(2)]
        gateway = self.gateway("least-conn", backends)
        tcp = []
        for _ in range(10):
            tcp.append(socket.create_connection((LOOPBACK, gateway.ports["TCP"])))
            self.addCleanup(tcp[-1].close)
            tcp[-1].sendall(b"x")
            eventually(lambda: sum(self.live(backend) for backend in backends) == len(tcp))
        self.assertEqual([self.live(backend) for backend in backends], [5, 5])

    def live(self, backend: CountingBackend) -> int:
        return sum(bytes(conversation.received) == b"x" for conversation in backend.conversations)

    def test_ip_hash_keeps_a_client_in_every_process(self) -> None:
        backends = self.backends(3)
        gateway = self.gateway("ip-hash", backends)
        first = self.by_client(gateway)
        self.assertEqual(set(first.values()), {"a", "b", "c"})
        self.assertEqual(self.by_client(gateway), first)
        self.assertEqual(self.by_client(self.gateway("ip-hash", backends)), first)
        self.down(gateway, backends[1])
        after = self.by_client(gateway)
        self.assertEqual({client for client in CLIENTS if after[client] != first[client]},
                         {client for client in CLIENTS if first[client] == "b"})  # fmt: skip

    def test_random(self) -> None:
        gateway = self.gateway("random", self.backends(2), {0: "weight: 3"})
        counted = Counter(self.letters(gateway, 80))
        self.assertEqual(set(counted), {"a", "b"})
        self.assertGreater(counted["a"], counted["b"])

    def test_primary_backup_fails_over_and_back(self) -> None:
        backends = self.backends(3)
        gateway = self.gateway("primary-backup", backends, {2: "backup: true"})
        self.assertEqual(self.letters(gateway, 4), "aaaa")
        self.down(gateway, backends[0])
        self.assertEqual(self.letters(gateway, 4), "bbbb")
        self.down(gateway, backends[1])
        self.assertEqual(self.letters(gateway, 4), "cccc")
        again = self.start(CountingBackend(answer("A"), port=backends[0].port))
        eventually(lambda: f"web/127.0.0.1:{again.port} is up" in gateway.log())
        self.assertEqual(self.letters(gateway, 4), "AAAA")

    def test_a_backup_is_kept_out_by_every_balancer(self) -> None:
        backends = self.backends(2)
        gateway = self.gateway("round-robin", backends, {1: "backup: true"})
        self.assertEqual(self.letters(gateway, 6), "aaaaaa")
        self.down(gateway, backends[0])
        self.assertEqual(self.letters(gateway, 2), "bb")

    def down(self, gateway: Gateway, backend: CountingBackend) -> None:
        backend.close()
        eventually(lambda: f"web/127.0.0.1:{backend.port} is down" in gateway.log())
