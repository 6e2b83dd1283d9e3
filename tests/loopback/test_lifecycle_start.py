"""Started in the foreground, the gateway serves, or says why it does not and ends with 1."""

from __future__ import annotations

import os
import pwd
import re
import socket
import subprocess
import sys
from pathlib import Path

from tests.loopback.authority import Authority
from tests.loopback.peers import Gateway, LoopbackTestCase, PeerFailed
from tests.loopback.sockets import LOOPBACK, answers
from tests.loopback.web import ask

CONFIG = """
listeners:
  - {name: first, protocol: http, address: 127.0.0.1, port: @PORT@}
  - {name: second, protocol: tcp, address: 127.0.0.1, port: @SECOND@, echo: {}}
routes: [{respond: {body: served}}]
access_log: access.log
"""

SECURE = """
listeners:
  - {name: secure, protocol: https, address: 127.0.0.1, port: @PORT@,
     certificates: [{cert: a.pem, key: a.key}]}
routes: [{echo: {}}]
"""


class RunFromElsewhere(Gateway):
    """`toron run -c`, from the top folder, with a relative path."""

    program = "toron run"
    more: tuple[str, ...] = ()

    def command(self) -> list[str]:
        path = os.path.relpath(self.config, "/")
        call = f"from toron.cli import main; main(['run', '-c', {path!r}, *{self.more!r}])"
        script = f"import os; os.chdir('/'); {call}"
        return [sys.executable, "-c", script]


class InTheForeground(LoopbackTestCase):
    """`twistd -n toron` and `toron run`."""

    def refuses(self, gateway: Gateway) -> str:
        """What it says when it does not start."""
        failure = str(self.assertRaises(PeerFailed, self.start, gateway))
        self.assertIn("ended with 1; its log:\n", failure)
        self.assertNotIn("Traceback", failure)
        return failure.partition("its log:\n")[2]

    def test_the_service_manager_is_told(self) -> None:
        path = f"toron-notify-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.settimeout(10)
            manager.bind(f"\0{path}")
            gateway = self.start(Gateway(CONFIG, environment={"NOTIFY_SOCKET": f"@{path}"}))
            self.assertEqual(manager.recv(100), b"READY=1")
            self.assertEqual(gateway.stop(), 0)
            self.assertEqual(manager.recv(100), b"STOPPING=1")

    def test_from_any_folder(self) -> None:
        gateway = self.start(RunFromElsewhere(CONFIG))
        self.assertEqual(ask(gateway.port).text, "served")
        self.assertEqual(gateway.stop(), 0)
        self.assertEqual(len(gateway.access()), 1)

    def test_a_configuration_with_several_errors(self) -> None:
        gateway = Gateway(
            CONFIG.replace("respond", "respnod").replace("echo", "ecko").replace("PORT@", "PORT@0")
        )
        said = self.refuses(gateway)
        self.assertEqual(re.findall(r"config\.yaml:(\d+):\d+: ", said), ["3", "4", "5"])
        self.assertIn("did you mean 'respond'?", said)
        self.assertFalse(answers(gateway.port) or answers(gateway.ports["SECOND"]))

    def test_a_file_that_is_not_there(self) -> None:
        gateway = Gateway(CONFIG)
        gateway.config = gateway.folder / "none.yaml"
        self.assertIn("none.yaml:1:1: there is no such file", self.refuses(gateway))

    def test_a_port_in_use(self) -> None:
        for kind in (Gateway, RunFromElsewhere):
            gateway = kind(CONFIG)
            with socket.create_server((LOOPBACK, gateway.ports["SECOND"])):
                said = self.refuses(gateway)
            self.assertIn(
                f"listener 'second' can not listen on TCP 127.0.0.1:{gateway.ports['SECOND']}", said
            )
            self.assertNotIn("toron is ready", said)
            self.assertEqual(said.count("can not listen"), 2, "in the log, and on standard error")

    def test_a_start_that_failed_leaves_no_pidfile(self) -> None:
        gateway = Gateway(CONFIG, options=["-n", "--pidfile=it.pid"])
        with socket.create_server((LOOPBACK, gateway.ports["SECOND"])):
            self.refuses(gateway)
        self.assertFalse((gateway.folder / "it.pid").exists())

    def test_certificates_that_cannot_be_used(self) -> None:
        for spoil, message in (
            (lambda folder: (folder / "a.pem").unlink(), r"a\.pem cannot be read: No such file"),
            (lambda folder: (folder / "a.key").unlink(), r"a\.key cannot be read: No such file"),
            (lambda folder: (folder / "a.pem").write_text("x"), r"a\.pem is not a certificate in PEM form"),
            (lambda folder: self.weak(folder), r":4:21: the certificate can not be used: ee key too small"),
        ):
            gateway = Gateway(SECURE)
            pair = Authority(gateway.folder).issue("a.example")
            pair.cert.rename(gateway.folder / "a.pem")
            pair.key.rename(gateway.folder / "a.key")
            spoil(gateway.folder)
            self.assertRegex(self.refuses(gateway), message)

    def weak(self, folder: Path) -> None:
        """A key that OpenSSL takes for too short, though it is a good one for its certificate."""
        command = "openssl req -x509 -newkey rsa:1024 -nodes -subj /CN=a.example -keyout a.key -out a.pem"
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)

    def test_what_a_plug_in_cannot_use(self) -> None:
        jwt = "routes: [{middlewares: [{jwt: {keys: keys.json}}], respond: {body: served}}]"
        gateway = Gateway(CONFIG.replace("routes: [{respond: {body: served}}]", jwt))
        self.assertRegex(self.refuses(gateway), r"config\.yaml:5:25: cannot read the key file .*keys\.json")
        gateway = Gateway(CONFIG.replace("routes: [{respond: {body: served}}]", jwt))
        (gateway.folder / "keys.json").write_text("[]")
        self.assertRegex(
            self.refuses(gateway), r"config\.yaml:5:25: .*keys\.json: the key file is not a JWK set"
        )

    def test_an_access_log_that_cannot_be_opened(self) -> None:
        gateway = Gateway(CONFIG)
        (gateway.folder / "access.log").mkdir()
        self.assertIn("access.log", self.refuses(gateway))

    def test_privileges_are_dropped_once_the_ports_are_open(self) -> None:
        """As root: a low port and somebody else's number. As anybody else: one's own, which is no change."""
        root = os.geteuid() == 0
        nobody = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.geteuid())
        gateway = RunFromElsewhere(CONFIG)
        if root:
            low = next(port for port in range(700, 1000) if not answers(port))
            gateway.config.write_text(gateway.config.read_text().replace(str(gateway.port), str(low)))
            gateway.ports["PORT"] = low
        gateway.more = ("--uid", str(nobody.pw_uid), "--gid", str(nobody.pw_gid))
        self.start(gateway)
        status = Path(f"/proc/{gateway.pid}/status").read_text()
        for name, number in (("Uid", nobody.pw_uid), ("Gid", nobody.pw_gid)):
            self.assertIn(f"{name}:\t" + "\t".join([str(number)] * 4) + "\n", status)
        self.assertEqual(ask(gateway.port).text, "served")
        self.assertEqual(len(gateway.access(1)), 1)
        self.assertEqual(gateway.stop(), 0)
