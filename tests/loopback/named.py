"""The DNS server of these tests: BIND, with the one zone `test`, which changes while it runs."""

from __future__ import annotations

import os
import subprocess

from tests.loopback.process import Peer, find_program, run

CONF = """
options {
    directory "@FOLDER@";
    pid-file "@FOLDER@/named.pid";
    session-keyfile "@FOLDER@/session.key";
    managed-keys-directory "@FOLDER@";
    listen-on port @PORT@ { 127.0.0.1; };
    listen-on-v6 { none; };
    recursion no;
    minimal-responses yes;
    dnssec-validation no;
};
controls { };
zone "test" { type primary; file "@FOLDER@/zone"; allow-update { 127.0.0.1; }; };
"""

ZONE = """\
$TTL 0
@ IN SOA ns.test. root.test. 1 60 60 60 0
@ IN NS ns.test.
ns.test. IN A 127.0.0.1
"""


class Named(Peer):
    """BIND on 127.0.0.1; `records` are lines of the zone, of which answers hold for no time."""

    program = "named"

    def __init__(self, *records: str) -> None:
        super().__init__()
        self.folder.chmod(0o755)
        self._conf = self.fill(CONF)
        (self.folder / "zone").write_text(ZONE + "".join(f"{record}\n" for record in records))

    def command(self) -> list[str]:
        """In the foreground, with one thread."""
        (self.folder / "named.conf").write_text(self._conf)
        return [find_program("named"), "-g", "-4", "-n", "1", "-c", str(self.folder / "named.conf")]

    def update(self, *changes: str) -> None:
        """Change the zone: `add api.test. 0 A 127.0.0.2`, `delete api.test. A`."""
        lines = [
            f"server 127.0.0.1 {self.port}",
            "zone test",
            *(f"update {each}" for each in changes),
            "send",
        ]
        done = run("nsupdate", stdin="\n".join([*lines, ""]).encode())
        if done.returncode:
            raise AssertionError(done.stderr.decode())

    def forget(self) -> None:
        """Lose the zone: from now on every answer is SERVFAIL."""
        self.stop()
        (self.folder / "zone").write_text("this is no zone\n")
        for name in os.listdir(self.folder):
            if name.endswith(".jnl"):
                (self.folder / name).unlink()
        self.start()

    def dig(self, *words: str) -> str:
        """What dig prints of an answer."""
        done: subprocess.CompletedProcess[bytes] = run(
            "dig", "@127.0.0.1", "-p", str(self.port), "+tries=1", "+time=5", *words
        )
        return done.stdout.decode()
