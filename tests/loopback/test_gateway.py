"""The gateway under test is the real one: it comes up, says why it does not, and stops."""

from __future__ import annotations

import signal

from tests.loopback.peers import Gateway, LoopbackTestCase, PeerFailed, raw_exchange

CONFIG = """
listeners:
  - {protocol: http, address: 127.0.0.1, port: @PORT@}
routes:
  - {match: {path: /}, redirect: {to: /elsewhere, status: 308}}
admin: {address: 127.0.0.1, port: @ADMIN@}
access_log: {path: "@FOLDER@/access.log"}
"""

REQUEST = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Gateways(LoopbackTestCase):
    """`twistd -n toron -c FILE`."""

    def test_serves_logs_and_stops(self) -> None:
        gateway = self.start(Gateway(CONFIG))
        self.assertIn(b" 308 ", raw_exchange(gateway.port, REQUEST))
        (line,) = gateway.access(1)
        self.assertEqual(line["status"], 308)
        self.assertGreater(gateway.rss(), 10 << 20)
        self.assertIn(gateway.stop(), (0, -signal.SIGTERM))
        self.assertEqual(gateway.survivors, [])

    def test_a_bad_configuration_is_told(self) -> None:
        failure = self.assertRaises(PeerFailed, self.start, Gateway({"listenerz": []}))
        self.assertIn("listenerz", str(failure))
        self.assertIn("ended with 1", str(failure))
