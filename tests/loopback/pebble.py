"""The ACME directory of these tests: pebble, with the DNS server that it asks."""

from __future__ import annotations

import json
import ssl
import urllib.request
from pathlib import Path

from tests.loopback.authority import Authority
from tests.loopback.process import Peer, find_program

HOOK = """\
#!/bin/sh
echo "$@" >> @FOLDER@/calls
case $1 in
add) exec curl -sf -d "{{\\"host\\": \\"$2.\\", \\"value\\": \\"$3\\"}}" http://127.0.0.1:{port}/set-txt ;;
remove) exec curl -sf -d "{{\\"host\\": \\"$2.\\"}}" http://127.0.0.1:{port}/clear-txt ;;
esac
exit 1
"""


class ChallengeDns(Peer):
    """pebble-challtestsrv: a DNS in which every name is 127.0.0.1, with TXT records of one's own."""

    program = "pebble-challtestsrv"

    def __init__(self) -> None:
        super().__init__()
        self._options = self.fill("-dns01=127.0.0.1:@PORT@ -management=127.0.0.1:@MANAGEMENT@").split()

    def command(self) -> list[str]:
        """Only DNS: the proofs are for toron to give."""
        off = ["-http01=", "-https01=", "-tlsalpn01=", "-defaultIPv6="]
        return [find_program(self.program), *self._options, *off]

    def hook(self) -> Path:
        """A command that writes TXT records, and writes down how it is called in `calls`."""
        path = self.folder / "hook"
        path.write_text(self.fill(HOOK.format(port=self.ports["MANAGEMENT"])))
        path.chmod(0o700)
        return path

    def calls(self) -> list[list[str]]:
        """How the hook was called."""
        path = self.folder / "calls"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


class Pebble(Peer):
    """pebble; it looks for proofs at the given ports. Certificates last for `seconds`.

    `settings` are added to its configuration, `environment` to what it does without: it neither sleeps nor
    refuses good nonces then.
    """

    program = "pebble"

    def __init__(
        self,
        authority: Authority,
        *,
        http: int = 1,
        tls: int = 1,
        dns: int = 1,
        seconds: int = 86400 * 30,
        settings: dict[str, object] | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        pair = authority.issue("127.0.0.1")
        self.fill("@PORT@ @MANAGEMENT@")
        self._dns = dns
        self._settings = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.ports['MANAGEMENT']}",
            "certificate": str(pair.cert),
            "privateKey": str(pair.key),
            "httpPort": http,
            "tlsPort": tls,
            "ocspResponderURL": "",
            "certificateValidityPeriod": seconds,
            **(settings or {}),
        }
        usual = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
        self.environment = usual | (environment or {})
        self._trust = ssl.create_default_context(cafile=str(authority.ca))

    def command(self) -> list[str]:
        """In the foreground."""
        path = self.folder / "pebble.json"
        path.write_text(json.dumps({"pebble": self._settings}))
        return [find_program("pebble"), "-config", str(path), "-dnsserver", f"127.0.0.1:{self._dns}"]

    @property
    def url(self) -> str:
        """The directory."""
        return f"https://127.0.0.1:{self.port}/dir"

    def root(self) -> Path:
        """A file with the root of what it has issued since its start."""
        url = f"https://127.0.0.1:{self.ports['MANAGEMENT']}/roots/0"
        path = self.folder / "root.pem"
        with urllib.request.urlopen(url, context=self._trust, timeout=10) as answer:
            path.write_bytes(answer.read())
        return path
