"""Whoever asks why finds behind each door what the traffic finds there."""

from __future__ import annotations

from tests.composing.composed import ComposedCase
from toron.core.connection_routing import ConnectionRouter

TEXT = """
listeners:
  - name: web
    protocol: https
    port: 443
    guards: [{allow: 127.0.0.0/8}]
    certificates: [{self_signed: a.example}]
  - {name: raw, protocol: tcp, port: 1, routes: [{match: {client_ip: 10.0.0.0/8}, backend: db}]}
  - {name: dns, protocol: udp, port: 53, echo: {}}
routes:
  - {match: {path: /a}, respond: {}}
  - {match: [{path: /b}, {path: /c}], respond: {}}
backends: {db: {url: "tcp://127.0.0.1:1"}}
"""


class Entrances(ComposedCase):
    def test_layer_7(self) -> None:
        made = self.composition(TEXT)
        web = made.doors.entrances["web"]
        self.assertEqual([name for name, _ in web.guards], ["allow"])
        self.assertIs(web.certificates, made.certificates.made[0])
        self.assertIs(web.site, made.doors.sites[(False, None, 443, "")])
        self.assertEqual(web.rules, [(0, 0), (1, 0), (1, 1)])
        self.assertEqual(sorted(web.routes.values()), [0, 1])

    def test_layer_4(self) -> None:
        entrances = self.composition(TEXT).doors.entrances
        self.assertIsInstance(entrances["raw"].router, ConnectionRouter)
        self.assertIsNone(entrances["raw"].site)
        self.assertIsNone(entrances["dns"].router)
