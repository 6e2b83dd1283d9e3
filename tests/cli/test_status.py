"""`toron status`, as somebody types it."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.admin_port import AdminCase
from toron.cli._tables import moment

STATUS: dict[str, Any] = {
    "version": "0.1.0", "pid": 100, "started": 1.8e9, "uptime": 3700.5, "ready": True, "reasons": [],
    "api_address": "127.0.0.1:9901",
    "listeners": [
        {"name": "web", "protocol": "http", "address": "127.0.0.1", "port": 8080, "connections": 3,
         "accepted": 70, "leaving": False},
        {"name": "old", "protocol": "", "address": "", "port": 25, "connections": 1, "accepted": 0,
         "leaving": True},
    ],
    "workers": [],
    "configuration": {"file": "/etc/toron.yaml", "source": "file", "since": 1.8e9, "applied": 0,
                      "rejected": 0, "successful": True},
}  # fmt: skip
WORKER = {
    "number": 1,
    "pid": 101,
    "ready": False,
    "uptime": 5.0,
    "lag": 0.002,
    "cpu": 1.25,
    "resident": 70 << 20,
}


class Status(AdminCase):
    def answer(self, **more: Any) -> None:
        self.port.answers["GET status"] = 200, {**STATUS, **more}

    def test_ready(self) -> None:
        self.answer()
        self.assertEqual(
            self.lines("status"),
            [
                "toron 0.1.0 is ready: pid 100, up 1h 1m",
                f"configuration: /etc/toron.yaml, in service since {moment(1.8e9)}",
                "",
                "LISTENER  PROTOCOL  ADDRESS         OPEN  ACCEPTED",
                "web       http      127.0.0.1:8080     3        70",
                "old                 *:25               1         0  leaving",
            ],
        )

    def test_not_ready(self) -> None:
        self.answer(ready=False, reasons=["starting", "no worker"])
        self.assertIn("is NOT ready (starting, no worker): pid 100", self.lines("status", code=1)[0])
        self.lines("status", "--json", code=1)

    def test_reloads_and_what_was_sent(self) -> None:
        changed = {
            **STATUS["configuration"],
            "source": "api",
            "applied": 2,
            "rejected": 1,
            "successful": False,
        }
        self.answer(configuration=changed)
        lines = self.lines("status")
        self.assertIn("configuration: sent to the admin port, ", lines[1])
        self.assertEqual(lines[2], "reloads: 2 applied, 1 rejected, the last one among them")

    def test_workers(self) -> None:
        self.answer(workers=[WORKER])
        self.assertEqual(
            self.lines("status")[-2:],
            ["WORKER  PID  READY  UP   CPU  MEMORY  LAG", "1       101  no     5s  1.2s   70.0M  2ms"],
        )

    def test_json(self) -> None:
        self.answer()
        self.assertEqual(json.loads("\n".join(self.lines("status", "--json"))), STATUS)
