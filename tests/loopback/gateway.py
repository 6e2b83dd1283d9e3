"""Runs toron itself for a test: the real `twistd toron` of the same Python."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from tests.loopback.process import Peer
from tests.loopback.sockets import eventually

ROOT = Path(__file__).resolve().parents[2]

RUN = "from twisted.scripts.twistd import run; run()"

WORKERS = os.environ.get("TORON_TEST_WORKERS", "")
"""With how many workers a configuration is served that does not say (`make test WORKERS=2`)."""

READY = "toron is ready"
"""What toron logs once every listener is bound."""


def twistd() -> list[str]:
    """How to call the `twistd` that belongs to this Python."""
    script = Path(sys.executable).with_name("twistd")
    return [str(script)] if script.exists() else [sys.executable, "-c", RUN]


def with_workers(text: str) -> str:
    """A configuration in YAML with as many workers as are asked for, where it does not say so itself."""
    if not WORKERS or "workers:" in text:
        return text
    # What is written deeper than its first line would take another line for its own.
    margin = re.match(r"\s*?( *)\S", text)
    return f"{text}\n{margin[1] if margin else ''}workers: {WORKERS}\n"


class Gateway(Peer):
    """`twistd -n toron -c FILE`, ready when it says so in its log.

    `config` is a dictionary (written as JSON) or YAML text, where `@WORD@` is a free port and
    `@FOLDER@` the folder of the configuration. `environment` is added to the test's own.
    """

    program = "twistd toron"
    stop_within = 35.0  # toron lets what is in flight finish

    def __init__(
        self,
        config: Mapping[str, Any] | str,
        *,
        environment: Mapping[str, str] | None = None,
        options: Sequence[str] = ("-n", "--pidfile="),
    ) -> None:
        super().__init__()
        self._options = list(options)
        self.config = self.folder / ("config.yaml" if isinstance(config, str) else "config.json")
        self.config.write_text(self.fill(config) if isinstance(config, str) else json.dumps(config))
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self.environment = {"PYTHONPATH": path, **(environment or {})}

    def command(self) -> list[str]:
        """The command line, after `options` of twistd."""
        if self.config.exists() and self.config.suffix == ".yaml":
            self.config.write_text(with_workers(self.config.read_text()))
        return [*twistd(), *self._options, "toron", "-c", str(self.config)]

    def is_ready(self) -> bool:
        """Whether every listener is bound."""
        return READY in self.log()

    def _access_lines(self) -> list[dict[str, Any]]:
        path = self.folder / "access.log"
        text = path.read_text() if path.exists() else self.log()
        whole = text[: text.rfind("\n") + 1]
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        # Each worker hands over its own in batches.
        return sorted(lines, key=itemgetter("time")) if WORKERS else lines

    def access(self, count: int = 0, timeout: float = 5.0) -> list[dict[str, Any]]:
        """The access log, in `access.log` of the folder or on standard output.

        Waits until it has `count` lines, for a line is written when its exchange has ended.
        """
        eventually(lambda: len(self._access_lines()) >= count, timeout, f"access line {count}")
        return self._access_lines()

    def ended(self, count: int = 0, timeout: float = 5.0) -> list[dict[str, Any]]:
        """The same without the lines that tell of a start."""

        def lines() -> list[dict[str, Any]]:
            return [line for line in self._access_lines() if line.get("event") != "start"]

        eventually(lambda: len(lines()) >= count, timeout, f"access line {count} of what has ended")
        return lines()
