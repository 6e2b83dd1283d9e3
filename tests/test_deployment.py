"""The files for systemd and Docker run what the project installs, as nobody in particular."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

ROOT = Path(__file__).resolve().parents[1]

DRAIN_LIMIT = 30
"""How long toron lets what is in flight finish, in seconds."""


class SystemdUnit(SynchronousTestCase):
    """etc/toron.service."""

    def setUp(self) -> None:
        self.text = (ROOT / "etc" / "toron.service").read_text()
        lines = [line for line in self.text.splitlines() if line and line[0] not in "#["]
        self.settings = [tuple(line.split("=", 1)) for line in lines]

    def of(self, name: str) -> list[str]:
        return [value for each, value in self.settings if each == name]

    def test_checks_then_serves_the_same_configuration(self) -> None:
        self.assertEqual(self.of("ExecStartPre"), ["/opt/toron/bin/toron check /etc/toron/config.yaml"])
        (start,) = self.of("ExecStart")
        self.assertEqual(start, "/opt/toron/bin/twistd -n --pidfile= toron -c /etc/toron/config.yaml")

    def test_waits_longer_than_toron_does(self) -> None:
        (limit,) = self.of("TimeoutStopSec")
        self.assertGreater(int(limit.removesuffix("s")), DRAIN_LIMIT)
        self.assertEqual(self.of("KillSignal"), ["SIGTERM"])

    def test_may_bind_low_ports_and_nothing_else(self) -> None:
        self.assertEqual(self.of("DynamicUser"), ["yes"])
        self.assertEqual(self.of("AmbientCapabilities"), ["CAP_NET_BIND_SERVICE"])
        self.assertEqual(self.of("CapabilityBoundingSet"), ["CAP_NET_BIND_SERVICE"])

    def test_every_line_is_a_setting_given_once(self) -> None:
        self.assertEqual([each for each in self.settings if len(each) != 2 or not each[1]], [])
        names = [name for name, _ in self.settings if name != "SystemCallFilter"]
        self.assertEqual(len(names), len(set(names)))

    def test_systemd_understands_it(self) -> None:
        verify = shutil.which("systemd-analyze")
        if verify is None:
            raise SkipTest("systemd-analyze is not installed; the tests above have only read the unit")
        folder = Path(self.mktemp())
        folder.mkdir()
        unit = folder / "toron.service"
        unit.write_text(re.sub(r"(?m)^(Exec\w+=)\S+", r"\1/bin/true", self.text))  # programs have to exist
        done = subprocess.run(
            [verify, "verify", "--man=no", str(unit.resolve())],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        complaints = [line for line in done.stderr.splitlines() if "toron.service" in line]
        self.assertEqual(complaints, [], "an unknown setting is a warning to systemd, not an error")


class Docker(SynchronousTestCase):
    """etc/Dockerfile."""

    def setUp(self) -> None:
        text = (ROOT / "etc" / "Dockerfile").read_text().replace("\\\n", " ")
        lines = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
        self.steps = [(word, rest) for word, rest in lines]

    def of(self, word: str) -> list[str]:
        return [rest for each, rest in self.steps if each == word]

    def test_copies_what_exists_and_is_not_ignored(self) -> None:
        kept = (ROOT / "etc" / "Dockerfile.dockerignore").read_text().splitlines()
        names = [name for copy in self.of("COPY") if "--from" not in copy for name in copy.split()[:-1]]
        self.assertIn("toron", names)
        for name in names:
            self.assertTrue((ROOT / name).exists(), name)
            self.assertIn(f"!{name}", kept)

    def test_installs_what_the_lock_pins(self) -> None:
        self.assertIn("--constraint requirements.lock .", " ".join(self.of("RUN")))

    def test_serves_as_a_user_with_a_number(self) -> None:
        last = [word for word, _ in self.steps]
        self.assertEqual(self.of("USER"), ["10001"])
        self.assertLess(last.index("USER"), last.index("ENTRYPOINT"))

    def test_runs_in_the_foreground_and_is_stopped_gracefully(self) -> None:
        entry = json.loads(self.of("ENTRYPOINT")[0]) + json.loads(self.of("CMD")[0])
        self.assertEqual(entry, ["twistd", "-n", "--pidfile=", "toron", "-c", "/etc/toron/config.yaml"])
        self.assertEqual(self.of("STOPSIGNAL"), ["SIGTERM"])

    def test_is_healthy_when_ready(self) -> None:
        (check,) = self.of("HEALTHCHECK")
        command = json.loads(check[check.index("CMD ") + 4 :])
        self.assertIn("http://127.0.0.1:9901/readyz", command[-1])
        compile(command[-1], "HEALTHCHECK", "exec")
