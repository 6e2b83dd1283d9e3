"""What stands behind the proxies and around them: their servers, a certificate, where programs are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.load import CALL, MESSAGE, Pace
from tests.loopback.gateway import ROOT
from tests.loopback.process import PLACES, Peer

ETC = Path(__file__).with_name("etc")

LARGE = 100 * 1024 * 1024
"""Bytes of the file that is downloaded."""


def find(program: str) -> str | None:
    """The program's path; None when it is not installed."""
    own = ROOT / ".venv-bench" / "bin" / program
    return str(own) if own.exists() else shutil.which(program, path=PLACES)


@dataclass(frozen=True)
class Site:
    """What every proxy is given: the ports behind it, a certificate, and the core to run on.

    `second` is the core that a second worker may use too: one of its own, or that of the load where there are
    but two. `pace` is what all of them are asked at for their latency; None where that is not known.
    """

    backend: int
    echo: int
    grpc: int
    certificate: Path
    core: int
    second: int
    pace: Pace | None = None


class Backend(Peer):
    """The nginx behind the proxies: a small response, and a large file."""

    program = "nginx"

    def command(self) -> list[str]:
        """The command line, after writing its configuration and the large file."""
        (self.folder / "nginx.conf").write_text(self.fill((ETC / "backend.conf").read_text()))
        with (self.folder / "large").open("wb") as large:
            large.truncate(LARGE)
        return [find("nginx") or "nginx", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]


class Calls(Peer):
    """The gRPC server behind the proxies, as far as they can tell: every call has the same answer."""

    program = "nghttpd"

    def command(self) -> list[str]:
        """The command line, after writing the answer."""
        answer = self.folder / CALL
        answer.parent.mkdir()
        answer.write_bytes(MESSAGE)
        words = ["--no-tls", "-a", "127.0.0.1", "-d", str(self.folder), "--trailer=grpc-status: 0"]
        return [find("nghttpd") or "nghttpd", *words, self.fill("@PORT@")]


class Echo(Peer):
    """The UDP server behind the proxies."""

    program = "bench.echo"

    def __init__(self) -> None:
        super().__init__()
        self.environment = {"PYTHONPATH": str(ROOT)}
        self.fill("@ECHO@")

    def command(self) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "bench.echo", str(self.ports["ECHO"])]

    def is_ready(self) -> bool:
        """At once: datagrams that come too early are sent again."""
        return True


def certificate(folder: Path) -> Path:
    """Writes a self-signed P-256 certificate for all of them to share."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    (folder / "both.pem").write_bytes(b"".join((folder / f"{n}.pem").read_bytes() for n in ("cert", "key")))
    os.chmod(folder, 0o755)
    return folder
