"""Servers are told who the client is, and what a client says of itself is not believed."""

from __future__ import annotations

import json
from typing import Any

from tests.loopback.http_case import HttpCase

SPOOFED = [
    "X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6", "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example", "X-Forwarded-Port: 6",
    "Forwarded: for=6.6.6.6;host=evil.example", "X_Forwarded_For: 6.6.6.6",
]  # fmt: skip


class Forwarding(HttpCase):
    """Two doors to the same echo: one trusts loopback, one trusts nobody."""

    CONFIG = """
listeners:
  - {name: open, protocol: http, address: 127.0.0.1, port: @PORT@}
  - {name: in, protocol: http, address: 127.0.0.1, port: @TRUSTING@, trusted_proxies: [127.0.0.1, 10.0.0.0/8]}
  - {name: end, protocol: http, address: 127.0.0.1, port: @BACKEND@}
routes:
  - {match: {path: /}, listeners: [open, in], backend: b}
  - {match: {path: /plain}, listeners: [open, in], backend: plain}
  - {match: {path: /}, listeners: [end], echo: {}}
backends:
  b: {servers: ["http://127.0.0.1:@BACKEND@"], forwarded: true}
  plain: {servers: ["http://127.0.0.1:@BACKEND@"], host: server}
"""

    def seen(self, port: int, *headers: str, path: str = "/") -> dict[str, list[str]]:
        """What arrives behind the gateway: all values of each field."""
        words = [word for header in headers for word in ("-H", header)]
        said: dict[str, Any] = json.loads(self.curl(*words, f"http://127.0.0.1:{port}{path}"))
        found: dict[str, list[str]] = {}
        for name, value in said["headers"]:
            found.setdefault(name.lower(), []).append(value)
        return found

    def test_a_stranger_is_not_believed(self) -> None:
        seen = self.seen(self.port, *SPOOFED, path="/stranger")
        self.assertNotIn("6.6.6.6", json.dumps(seen))
        self.assertNotIn("evil", json.dumps(seen))
        self.assertEqual(seen["x-forwarded-for"], ["127.0.0.1"])
        self.assertEqual(seen["x-real-ip"], ["127.0.0.1"])
        self.assertEqual(seen["x-forwarded-proto"], ["http"])
        self.assertEqual(seen["x-forwarded-host"], [f"127.0.0.1:{self.port}"])
        self.assertEqual(seen["x-forwarded-port"], [str(self.port)])
        self.assertEqual(seen["forwarded"], [f'for=127.0.0.1;host="127.0.0.1:{self.port}";proto=http'])
        self.assertEqual({line["client"] for line in self.lines("/stranger", 2)}, {"127.0.0.1"})

    def test_a_trusted_proxy_speaks_for_its_client(self) -> None:
        seen = self.seen(
            self.gateway.ports["TRUSTING"], "X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.1.2.3",
            "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example", path="/trusted",
        )  # fmt: skip
        self.assertEqual(seen["x-forwarded-for"], ["6.6.6.6, 203.0.113.7, 10.1.2.3, 127.0.0.1"])
        self.assertEqual(seen["x-real-ip"], ["203.0.113.7"])
        self.assertEqual(seen["x-forwarded-proto"], ["https"])
        self.assertEqual(seen["x-forwarded-host"], ["shop.example"])
        lines = self.lines("/trusted", 2)
        self.assertEqual({line["client"] for line in lines}, {"203.0.113.7", "127.0.0.1"})

    def test_the_host_is_kept_or_the_servers(self) -> None:
        self.assertEqual(self.seen(self.port, "Host: shop.example")["host"], ["shop.example"])
        seen = self.seen(self.port, "Host: shop.example", path="/plain")
        self.assertEqual(seen["host"], [f"127.0.0.1:{self.gateway.ports['BACKEND']}"])
        self.assertEqual(seen["x-forwarded-host"], ["shop.example"])
        self.assertNotIn("forwarded", seen)

    def test_fields_of_one_connection_stay_there(self) -> None:
        seen = self.seen(
            self.port, "Connection: keep-alive, X-Mine", "X-Mine: 1", "Keep-Alive: 5", "Proxy-Connection: x",
            "Proxy-Authorization: Basic eDp5", "TE: gzip", "Upgrade: h2c", "X-Kept: yes", "X-Kept: twice",
        )  # fmt: skip
        self.assertEqual(seen["x-kept"], ["yes", "twice"])
        for name in (
            "connection",
            "x-mine",
            "keep-alive",
            "proxy-connection",
            "proxy-authorization",
            "te",
            "upgrade",
        ):
            self.assertNotIn(name, seen)
