"""What the hook is told for dns-01."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.acme import dns_01
from toron.acme.dns_01 import Records, record, value
from toron.core.wait import as_deferred


class Dns01(SynchronousTestCase):
    def test_the_record(self) -> None:
        self.assertEqual(record("a.test"), "_acme-challenge.a.test")
        digest = hashlib.sha256(b"tok.thumb").digest()
        self.assertEqual(value("tok.thumb"), base64.urlsafe_b64encode(digest).rstrip(b"=").decode())

    def test_the_calls(self) -> None:
        calls: list[Any] = []

        async def run(reactor: object, command: tuple[str, ...], seconds: float) -> None:
            calls.append((command, seconds))

        self.patch(dns_01, "run_hook", run)
        records = Records(None, ("hook", "--zone"), 7.0)
        for step in (records.show, records.hide):
            self.successResultOf(as_deferred(step("a.test", "tok", "tok.thumb")))
        text = value("tok.thumb")
        self.assertEqual(
            calls,
            [
                (("hook", "--zone", "add", "_acme-challenge.a.test", text), 7.0),
                (("hook", "--zone", "remove", "_acme-challenge.a.test", text), 7.0),
            ],
        )
