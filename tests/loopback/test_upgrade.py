"""SIGUSR2 has a new process take over, under load, and whatever is wrong with it the old one serves on."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
from pathlib import Path

from websockets.sync.client import connect

from tests.loopback.gateway import with_workers
from tests.loopback.peers import (
    CountingBackend,
    Gateway,
    LoopbackTestCase,
    UdpEcho,
    eventually,
    find_program,
    free_port,
)
from tests.loopback.test_http_websocket import WebSocketServer, echo
from tests.loopback.test_reload import Load
from tests.loopback.web import answer, ask

SERVES = r"process (\d+) serves; this one finishes"
KEPT = "does not take over: "

BASIC = """
listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]
routes: [{respond: {body: one}}]
admin: {port: @ADMIN@}
upgrade: {start: 20s, linger: 2s}
"""


class Upgrading(LoopbackTestCase):
    """What these tests have in common."""

    gateway: Gateway
    pid: int
    """Of the process that serves."""

    def serve(self, config: str, *options: str, **environment: str) -> Gateway:
        """Start a gateway with this configuration."""
        more = {"options": options} if options else {}
        self.gateway = Gateway(config, environment=environment, **more)  # type: ignore[arg-type]
        # Those that come later are not its children any more once it has ended.
        self.addCleanup(self.end)
        self.start(self.gateway)
        self.pid = self.gateway.pid
        return self.gateway

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.gateway.pid, signal.SIGKILL)

    def put(self, config: str) -> None:
        """Write another configuration in place of the present one."""
        self.gateway.config.write_text(with_workers(self.gateway.fill(config)))

    def ask_for_it(self, wanted: str) -> re.Match[str]:
        """Send SIGUSR2, and wait until `wanted` is logged."""
        before = len(self.gateway.log())
        os.kill(self.pid, signal.SIGUSR2)
        return eventually(lambda: re.search(wanted, self.gateway.log()[before:]), 20, wanted)

    def upgrade(self) -> int:
        """Have a new process take over; the old one's number."""
        old, self.pid = self.pid, int(self.ask_for_it(SERVES)[1])
        return old

    def text(self) -> str:
        return ask(self.gateway.port).text


def gone(pid: int) -> bool:
    """Whether the process has ended, also where nobody has asked how."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


LIVE = """
listeners:
  - {name: web, protocol: http, address: 127.0.0.1, port: @PORT@}
  - name: secure
    protocol: https
    address: 127.0.0.1
    port: @TLS@
    certificates: [{self_signed: [localhost]}]
  - {name: relay, protocol: tcp, address: 127.0.0.1, port: @TCP@, backend: tcp}
  - {name: datagrams, protocol: udp, address: 127.0.0.1, port: @UDP@, backend: udp}
admin: {port: @ADMIN@}
routes:
  - {name: socket, match: {path: /socket}, backend: socket}
  - {name: kept, backend: web}
backends:
  web:
    servers: ["http://127.0.0.1:%d"]
    health: {path: /, initial: down, interval: 30s, timeout: 1s, rise: 1}
  socket: {url: "http://127.0.0.1:%d"}
  tcp: {url: "tcp://127.0.0.1:%d"}
  udp: {url: "udp://127.0.0.1:%d"}
access_log: access.log
upgrade: {linger: 60s}
"""


class UnderLoad(Upgrading):
    """Every kind of client there is, and two upgrades."""

    WORKERS = ""

    def setUp(self) -> None:
        def back(conversation: object) -> None:
            while data := conversation.read():  # type: ignore[attr-defined]
                conversation.send(data)  # type: ignore[attr-defined]

        web = self.start(CountingBackend(answer("web")))
        socket_port = free_port()
        self.start(WebSocketServer(socket_port, echo))
        tcp, udp = self.start(CountingBackend(back)), self.start(UdpEcho())
        self.serve(LIVE % (web.port, socket_port, tcp.port, udp.port) + self.WORKERS)
        eventually(lambda: self.text() == "web")

    def http(self, *, tls: bool = False, fresh: bool = False) -> Load:
        """Requests on a connection that is kept for as long as the gateway wants, or each on its own."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client: http.client.HTTPConnection
        if tls:
            client = http.client.HTTPSConnection("localhost", self.gateway.ports["TLS"], context=context)
        else:
            client = http.client.HTTPConnection("127.0.0.1", self.gateway.port, 10)

        def once() -> None:
            client.request("GET", "/kept")
            response = client.getresponse()
            if (response.status, response.read()) != (200, b"web"):
                raise AssertionError(str(response.status))
            if fresh:
                client.close()

        return self.start(Load(once, client.close))

    def websocket(self) -> Load:
        client = connect(f"ws://127.0.0.1:{self.gateway.port}/socket")

        def once() -> None:
            client.send("hello")
            if client.recv(10) != "hello":
                raise AssertionError("not what was said")

        return self.start(Load(once, client.close))

    def bytes_back(self, port: int, kind: socket.SocketKind, *, fresh: bool = False) -> Load:
        def made() -> socket.socket:
            sock = socket.socket(socket.AF_INET, kind)
            sock.settimeout(10)
            sock.connect(("127.0.0.1", port))
            return sock

        kept = None if fresh else made()

        def once() -> None:
            sock = kept or made()
            sock.sendall(b"hello")
            if sock.recv(100) != b"hello":
                raise AssertionError("not what was said")
            if kept is None:
                sock.close()

        return self.start(Load(once, kept.close if kept else list))

    def readiness(self) -> Load:
        def once() -> None:
            got = ask(self.gateway.ports["ADMIN"], "/readyz")
            if got.status != 200:
                raise AssertionError(got.text)

        return self.start(Load(once, list))

    def all_ask(self, load: dict[str, Load]) -> None:
        """Return when each of them had a few more answers, or failed."""
        before = {name: each.count for name, each in load.items()}
        eventually(
            lambda: all(each.count >= before[name] + 5 or each.failed for name, each in load.items()), 10
        )

    def test_nobody_notices(self) -> None:
        ports = self.gateway.ports
        streams = subprocess.Popen(
            [find_program("h2load"), "-c2", "-m4", "--rps=50", "-D3", f"http://127.0.0.1:{ports['PORT']}/kept"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.addCleanup(streams.wait, 20)
        load: dict[str, Load] = {
            "kept": self.http(), "fresh": self.http(fresh=True),
            "kept TLS": self.http(tls=True), "fresh TLS": self.http(tls=True, fresh=True),
            "websocket": self.websocket(),
            "TCP": self.bytes_back(ports["TCP"], socket.SOCK_STREAM),
            "fresh TCP": self.bytes_back(ports["TCP"], socket.SOCK_STREAM, fresh=True),
            "UDP": self.bytes_back(ports["UDP"], socket.SOCK_DGRAM),
            "fresh UDP": self.bytes_back(ports["UDP"], socket.SOCK_DGRAM, fresh=True),
            "readiness": self.readiness(),
        }  # fmt: skip
        self.all_ask(load)
        first = self.upgrade()
        self.all_ask(load)
        second = self.upgrade()
        self.assertEqual(len({first, second, self.pid}), 3)
        self.all_ask(load)
        said = streams.communicate(timeout=20)[0]
        for each in load.values():
            each.close()
        self.assertEqual({name: each.failed for name, each in load.items() if each.failed}, {}, said)
        self.assertRegex(
            said, r"requests: (\d+) total, .* (?!0 )\d+ succeeded, 0 failed, 0 errored, 0 timeout"
        )
        self.assertEqual(self.text(), "web")
        self.assertNotIn("Traceback", self.gateway.log())


class UnderLoadWithWorkers(UnderLoad):
    WORKERS = "workers: 2\n"


PRETEND = """
import os, sys, time
if "TORON_HANDOVER" in os.environ and os.path.exists({flag!r}):
    what = open({flag!r}).read()
    def line(text): os.write(3, text.encode() + b"\\n")
    exec(what)
"""


class NewProcesses(Upgrading):
    """That are not as they should be."""

    def setUp(self) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        self.flag = folder / "flag"
        (folder / "sitecustomize.py").write_text(PRETEND.format(flag=str(self.flag)))
        path = os.pathsep.join(filter(None, [str(folder), str(Path.cwd()), os.environ.get("PYTHONPATH")]))
        self.serve(BASIC, PYTHONPATH=path)

    def refused(self, why: str, code: str = "") -> str:
        """What is logged about an upgrade that does not happen."""
        before = len(self.gateway.log())
        self.flag.write_text(code)
        self.ask_for_it(KEPT + why)
        self.flag.unlink()
        self.assertEqual(self.text(), "one")
        return self.gateway.log()[before:]

    def test_the_old_one_serves_on(self) -> None:
        load = Load(self.once, list)
        self.start(load)
        self.put(BASIC.replace("respond", "repsond"))
        self.assertIn("did you mean 'respond'?", self.refused("it ended with 1"))
        self.put(BASIC)
        said = self.refused("it ended with 3", "os.write(2, b'no such thing\\n'); os._exit(3)")
        self.assertIn("the new process said: no such thing", said)
        self.refused("it ended with 0", "line('{\"say\": \"ready\", \"version\": \"9\", \"takes\": 1}');"
                     "os.read(3, 65536); time.sleep(.3); os._exit(0)")  # fmt: skip
        self.refused("what it says can not be understood", "line('hello'); time.sleep(60)")
        self.refused("it says 'Serving' where 'Ready' is", 'line(\'{"say": "serving"}\'); time.sleep(60)')
        load.close()
        self.assertEqual(load.failed, [])
        self.assertNotIn("Traceback", self.gateway.log())
        self.assertEqual(self.gateway.children, [])
        self.upgrade()
        self.assertEqual(self.text(), "one")

    def once(self) -> None:
        if self.text() != "one":
            raise AssertionError("somebody else answers")

    def test_one_that_hangs(self) -> None:
        self.put(BASIC.replace("20s", "600ms"))
        self.gateway.kill(signal.SIGHUP)
        eventually(lambda: "was changed" in self.gateway.log())
        self.refused("it is not ready in time", "time.sleep(60)")
        self.assertEqual(self.gateway.children, [])

    def test_twice_at_a_time(self) -> None:
        os.kill(self.pid, signal.SIGUSR2)
        eventually(lambda: "starting the process" in self.gateway.log())
        os.kill(self.pid, signal.SIGUSR2)
        eventually(lambda: "one is enough" in self.gateway.log())
        pids = eventually(lambda: re.findall(SERVES, self.gateway.log()), 20)
        self.gateway.wait()
        self.assertEqual((len(pids), self.text()), (1, "one"))

    def test_a_stop_meanwhile(self) -> None:
        self.flag.write_text("time.sleep(60)")
        os.kill(self.pid, signal.SIGUSR2)
        eventually(lambda: self.gateway.children)
        (child,) = self.gateway.children
        self.assertEqual(self.gateway.stop(), 0)
        eventually(lambda: gone(child))


class OldProcesses(Upgrading):
    """And what becomes of what is in them."""

    CONFIG = BASIC + "access_log: access.log\n"

    def test_one_that_dies_while_it_drains(self) -> None:
        held = threading.Event()

        def slow(conversation: object) -> None:
            conversation.read_request()  # type: ignore[attr-defined]
            held.wait(20)

        backend = self.start(CountingBackend(slow))
        self.serve(
            self.CONFIG.replace(
                "respond: {body: one}", f"backend: {{url: 'http://127.0.0.1:{backend.port}'}}"
            )
        )
        self.addCleanup(held.set)
        client = http.client.HTTPConnection("127.0.0.1", self.gateway.port, 10)
        self.addCleanup(client.close)
        client.request("GET", "/")
        eventually(lambda: backend.conversations)
        self.put(self.CONFIG)
        old = self.upgrade()
        self.assertFalse(gone(old))
        os.kill(old, signal.SIGUSR2)
        eventually(lambda: "has taken over, ask that one" in self.gateway.log())
        os.kill(old, signal.SIGKILL)
        eventually(lambda: gone(old))
        self.assertEqual(self.text(), "one")

    def test_one_that_dies_before_the_new_one_is_ready(self) -> None:
        self.serve(self.CONFIG)
        os.kill(self.pid, signal.SIGUSR2)
        eventually(lambda: self.gateway.children)
        self.gateway.kill(signal.SIGKILL)
        eventually(lambda: self.gateway.log().count("toron is ready") == 2, 20)
        self.assertEqual(self.text(), "one")

    def test_a_daemon(self) -> None:
        self.serve(self.CONFIG)
        pid_file, log = self.gateway.folder / "toron.pid", self.gateway.folder / "toron.log"

        def end() -> None:
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(pid_file.read_text()), signal.SIGKILL)

        self.gateway.stop()
        command = [word for word in self.gateway.command() if word not in ("-n", "--pidfile=")]
        command[command.index("toron") : -2] = [f"--pidfile={pid_file.name}", "--logfile=toron.log", "toron"]
        self.addCleanup(end)
        subprocess.run(
            command, cwd=self.gateway.folder, env={**os.environ, **self.gateway.environment}, timeout=20,
            check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip

        def pid() -> int:
            return int(pid_file.read_text())

        old = pid()
        self.assertEqual(self.text(), "one")
        self.put(self.CONFIG.replace("one", "two").replace("port: @PORT@", "port: @MORE@"))
        os.kill(old, signal.SIGUSR2)
        eventually(lambda: pid() != old, 20)
        eventually(lambda: gone(old))
        self.assertEqual(ask(self.gateway.ports["MORE"]).text, "two")
        self.assertRaises(ConnectionRefusedError, ask, self.gateway.port)
        self.assertIn(f"closes TCP 127.0.0.1:{self.gateway.port}", log.read_text())
        self.put("listeners: []")
        os.kill(pid(), signal.SIGUSR2)
        eventually(lambda: KEPT in log.read_text(), 20)
        self.assertRegex(log.read_text(), "the new process said: .*config.yaml:1:12: ")
        new = pid()
        os.kill(new, signal.SIGTERM)
        eventually(lambda: gone(new) and not pid_file.exists())
        self.assertNotIn("Traceback", log.read_text())

    def test_the_service_manager_is_told(self) -> None:
        path = Path(self.mktemp()).resolve()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
            listening.bind(f"\0toron-{os.getpid()}-{path.name}")
            listening.settimeout(5)
            self.serve(self.CONFIG, NOTIFY_SOCKET=f"@toron-{os.getpid()}-{path.name}")
            self.assertEqual(listening.recv(100), b"READY=1")
            old = self.upgrade()
            self.assertEqual(listening.recv(100), f"MAINPID={self.pid}".encode())
            eventually(lambda: gone(old))
            os.kill(self.pid, signal.SIGTERM)
            self.assertEqual(listening.recv(100), b"STOPPING=1")
