"""Clients that are answered before they have said all, as curl does and sees it."""

from __future__ import annotations

from tests.loopback.case import LoopbackTestCase
from tests.loopback.gateway import Gateway
from tests.loopback.process import run

CONFIG = """
listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@, limits: {body: 1MB}}]
routes: [{respond: {status: 403, body: "no"}}]
"""


class Early(LoopbackTestCase):
    def test_the_answer_is_seen(self) -> None:
        gateway = self.start(Gateway(CONFIG))
        large = gateway.folder / "large"
        large.write_bytes(bytes(300_000))
        url = f"http://127.0.0.1:{gateway.port}/"
        for version in ("--http2-prior-knowledge", "--http1.1"):
            for body in ("short", f"@{large}"):
                for _ in range(5):
                    done = run("curl", "-sS", version, "--data-binary", body, "-w", "%{http_code}", url)
                    self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"no403", b""), version)
