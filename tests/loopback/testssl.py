"""Has testssl.sh look at a gateway with the default policy: `make testssl`."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack, closing
from typing import Any

from tests.loopback.authority import Authority
from tests.loopback.gateway import Gateway
from tests.loopback.test_tls_certificates import Responder

CONFIG = """
listeners:
  - protocol: https
    address: 127.0.0.1
    port: @PORT@
    certificates: [{certificates}]
routes:
  - respond:
      body: hello
      headers:
        Strict-Transport-Security: max-age=31536000
        X-Content-Type-Options: nosniff
        X-Frame-Options: DENY
"""

BAD = frozenset({"MEDIUM", "HIGH", "CRITICAL"})
"""The severities above LOW; its WARN is for what it could not do itself."""

TAKES = 600.0
"""Seconds at most; usual is a minute or two."""


def findings() -> list[dict[str, Any]]:
    """All that it says of a gateway which has a certificate of each kind."""
    with ExitStack() as stack:
        authority = stack.enter_context(closing(Authority()))
        responder = stack.enter_context(closing(Responder(authority)))
        pairs = [
            authority.issue("localhost", kind=kind, days=89, responder=responder.url)
            for kind in ("ecdsa", "rsa")
        ]
        responder.knows(*pairs)
        responder.start()
        certificates = ", ".join(f"{{cert: {each.cert}, key: {each.key}, ocsp: true}}" for each in pairs)
        gateway = stack.enter_context(closing(Gateway(CONFIG.format(certificates=certificates))))
        gateway.start()
        output = gateway.folder / "testssl.json"
        subprocess.run(
            [
                "testssl", "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none",
                "--add-ca", str(authority.ca), "--jsonfile", str(output), f"localhost:{gateway.port}",
            ],
            stdin=subprocess.DEVNULL, timeout=TAKES, check=False,
        )  # fmt: skip
        found: list[dict[str, Any]] = json.loads(output.read_text())
        return found


def main() -> int:
    """Print what is above LOW; 1 when there is something, or when nothing was looked at."""
    found = findings()
    bad = [each for each in found if each["severity"] in BAD]
    for each in bad:
        sys.stdout.write(f"{each['severity']}: {each['id']}: {each['finding']}\n")
    sys.stdout.write(f"testssl.sh: {len(found)} findings, {len(bad)} above LOW\n")
    return 1 if bad or len(found) < 50 else 0


if __name__ == "__main__":
    sys.exit(main())
