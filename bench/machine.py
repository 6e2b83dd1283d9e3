"""Says what the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def parse_cpu_model(text: str) -> str:
    """The `model name` of /proc/cpuinfo; ARM and others have none."""
    for line in text.splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def commit() -> str:
    """The commit of this tree, and whether files differ from it; outside of git `unknown`."""
    try:
        said = [
            subprocess.check_output(["git", *words], cwd=ROOT, stderr=subprocess.DEVNULL, text=True).strip()
            for words in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--", "toron"])
        ]
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said[0] + (" with changes" if said[1] else "")


def describe(cores: tuple[int, int, int]) -> dict[str, str]:
    """Names and values; `cores`: the proxy's, the one of load and servers, a second worker's."""
    model = parse_cpu_model(Path("/proc/cpuinfo").read_text(errors="replace"))
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": commit(),
        "CPU": f"{model} ({platform.machine()}), {os.cpu_count()} cores",
        "cores used": f"{cores[0]} for the proxy, {cores[1]} for the load and the servers behind, "
        f"{cores[2]} for a second worker",
        "kernel": f"{platform.system()} {platform.release()}",
        "load average at the start": f"{os.getloadavg()[0]:.2f}",
    }
