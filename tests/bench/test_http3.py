"""The load of HTTP/3 counts what was answered with 200, and tells it from what was not."""

from __future__ import annotations

from bench.http3 import requests
from bench.load import LoadFailed, quic
from tests.loopback.case import LoopbackTestCase
from tests.loopback.gateway import Gateway
from tests.loopback.sockets import free_port

CONFIG = """
listeners:
  - {protocol: http3, address: 127.0.0.1, port: @QUIC@, certificates: [{self_signed: [localhost]}]}
  - {protocol: http, address: 127.0.0.1, port: @PORT@}
routes: [{match: {path: /}, respond: {status: STATUS, body: hello}}]
"""


class Loads(LoopbackTestCase):
    def gateway(self, status: int) -> int:
        return self.start(Gateway(CONFIG.replace("STATUS", str(status)))).ports["QUIC"]

    def test_good_ones(self) -> None:
        good, bad = requests(self.gateway(200), 0.3)
        self.assertGreater(good, 80)
        self.assertEqual(bad, 0)

    def test_others(self) -> None:
        port = self.gateway(404)
        good, bad = requests(port, 0.2)
        self.assertEqual(good, 0)
        self.assertGreater(bad, 80)
        self.assertRaisesRegex(LoadFailed, "requests over HTTP/3 failed", quic, port, 0.2)

    def test_nobody_there(self) -> None:
        self.assertRaises(LoadFailed, quic, free_port(), 0.2)
