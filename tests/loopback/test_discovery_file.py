"""Servers come and go as a file says, under load, with one process and with several."""

from __future__ import annotations

from pathlib import Path

from tests.loopback.load import Load
from tests.loopback.peers import CountingBackend, Gateway, LoopbackTestCase, PeerFailed, eventually
from tests.loopback.web import answer, metric

CONFIG = """
listeners: [{{protocol: http, address: 127.0.0.1, port: @PORT@}}]
routes: [{{backend: api}}]
backends:
  api:
    discovery: {{file: {{path: servers.yaml}}}}
    sticky: {{}}
    passive_health: {{failures: 3, base: 2s}}
admin: {{port: @ADMIN@}}
workers: {workers}
"""


class Files(LoopbackTestCase):
    workers = 1

    def setUp(self) -> None:
        super().setUp()
        self.backends = [self.start(CountingBackend(answer(name))) for name in "abc"]
        self.gateway = Gateway(CONFIG.format(workers=self.workers))
        self.path = self.gateway.folder / "servers.yaml"
        self.put(0)
        self.start(self.gateway)
        self.load = self.start(Load(self.gateway.port, clients=8))

    def put(self, *numbers: int) -> None:
        """Replace the file by one that names these servers."""
        lines = [f"  - http://127.0.0.1:{self.backends[number].port}\n" for number in numbers]
        new = Path(f"{self.path}.new")
        new.write_text("".join(["servers:\n", *lines]))
        new.rename(self.path)

    def stale(self) -> float:
        return metric(self.gateway.ports["ADMIN"], "toron_discovery_stale", backend="api")

    def test_servers_come_and_go(self) -> None:
        self.assertEqual(self.load.since(), {"a"})
        self.put(0, 1)
        eventually(lambda: self.load.since() == {"a", "b"})
        self.put(1, 2)
        eventually(lambda: self.load.since() == {"b", "c"})
        eventually(lambda: self.backends[0].open == 0, what="its connections are closed")
        self.path.write_text("servers:\n  - http://127.0.0.1:1\n  - {url: http://127.0.0.1:2, wait: 1}\n")
        eventually(lambda: "servers.yaml:3:31: unknown key 'wait'" in self.gateway.log(), 10)
        self.assertEqual((self.load.since(), self.stale()), ({"b", "c"}, 1))
        self.path.unlink()
        eventually(lambda: "servers.yaml:1:1: there is no such file" in self.gateway.log(), 10)
        self.assertEqual(self.load.since(), {"b", "c"})
        self.put(0)
        eventually(lambda: self.load.since() == {"a"})
        self.assertEqual(self.stale(), 0)
        self.load.close()
        self.assertEqual(self.load.failures, [])

    def test_a_bad_file_stops_a_start(self) -> None:
        gateway = Gateway(CONFIG.format(workers=self.workers))
        (gateway.folder / "servers.yaml").write_text("servers: [x]\n")
        gateway.ready_within = 10.0
        error = self.assertRaises(PeerFailed, self.start, gateway)
        self.assertIn("servers.yaml:1:11: 'x' is not a server", str(error))


class FilesForWorkers(Files):
    """The parent reads the file, and its workers are told."""

    workers = 2
