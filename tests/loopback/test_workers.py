"""Several processes serve as one: what they share, and what becomes of the rest when one of them dies."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

from tests.loopback.authority import Authority
from tests.loopback.peers import Conversation, CountingBackend, Gateway, LoopbackTestCase, UdpEcho, eventually
from tests.loopback.proc import descendants, is_alive
from tests.loopback.sockets import LOOPBACK, raw_exchange, recv_all
from tests.loopback.web import answer, ask, metric

WEB = """
listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]
routes:
  - {match: {path: /limited}, middlewares: [{rate-limit: {rate: 10/h}}], respond: {body: ok}}
  - {match: {path: /}, respond: {body: ok}}
access_log: "@FOLDER@/access.log"
admin: {port: @ADMIN@}
workers: 2
"""

PROXY = """
listeners: [{{protocol: http, address: 127.0.0.1, port: @PORT@}}]
routes: [{{backend: web}}]
backends: {{web: {{servers: [{servers}], {more}}}}}
access_log: "@FOLDER@/access.log"
admin: {{port: @ADMIN@}}
drain: {{limit: 10s}}
workers: 2
"""

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"


class WorkersTestCase(LoopbackTestCase):
    """What one wants to know of workers."""

    def workers(self, gateway: Gateway) -> dict[int, int]:
        """The process number of each worker by its own number."""
        found = {}
        for pid in gateway.children:
            with contextlib.suppress(OSError, ValueError, IndexError):
                found[int(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[-2])] = pid
        return found

    def both(self, gateway: Gateway) -> dict[int, int]:
        """The same, once there are two."""
        eventually(lambda: len(self.workers(gateway)) == 2)
        return self.workers(gateway)

    def replaced(self, gateway: Gateway, number: int, pid: int) -> None:
        """Waits until another process is this worker, and serves."""
        up = f"worker {number}: the worker is ready"
        eventually(lambda: gateway.log().count(up) >= 2 and self.workers(gateway).get(number) != pid, 10, up)

    def owner(self, gateway: Gateway, sock: socket.socket) -> int:
        """The process that has the other end of a client's connection; 0 while nobody has accepted it."""
        ours = f"{sock.getsockname()[1]:04X}"
        theirs = f"{sock.getpeername()[1]:04X}"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(f":{theirs}") and fields[2].endswith(f":{ours}"):
                for pid in gateway.children:
                    with contextlib.suppress(OSError):
                        for fd in Path(f"/proc/{pid}/fd").iterdir():
                            with contextlib.suppress(OSError):
                                if os.readlink(fd) == f"socket:[{fields[9]}]":
                                    return pid
        return 0

    def connect(self, port: int) -> socket.socket:
        sock = socket.create_connection((LOOPBACK, port), 10)
        self.addCleanup(sock.close)
        return sock

    def one_each(self, gateway: Gateway, port: int = 0) -> dict[int, socket.socket]:
        """A connection to each worker, by process number."""
        found: dict[int, socket.socket] = {}
        for _ in range(200):
            sock = self.connect(port or gateway.port)
            found.setdefault(eventually(lambda sock=sock: self.owner(gateway, sock)), sock)  # type: ignore[misc]
            if len(found) == 2:
                return found
        raise AssertionError("one worker gets every connection")

    def say(self, sock: socket.socket, request: bytes = GET) -> bytes:
        """One exchange over a connection that is kept; the status line."""
        sock.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                raise ConnectionResetError
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)content-length: (\d+)", head)
        left = int(found[1] if found else 0) - len(body)
        while left > 0:
            left -= len(sock.recv(left))
        return head.partition(b"\r\n")[0]

    def requests(self, gateway: Gateway) -> float:
        """How many the metrics have counted."""
        text = ask(gateway.ports["ADMIN"], "/metrics").text
        return sum(float(value) for value in re.findall(r"(?m)^toron_http_requests_total\{.*\} (.*)$", text))

    def tls(self, port: int, name: str = "a.test") -> ssl.SSLSocket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(self.connect(port), server_hostname=name)


class Client(threading.Thread):
    """Asks over one kept connection, again and again; connects anew when it is lost."""

    def __init__(self, case: WorkersTestCase, port: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._case, self._port, self._stop_asking = case, port, stop
        self.sock = socket.create_connection((LOOPBACK, port), 10)
        self.answered = self.lost = self.failed = 0

    def run(self) -> None:
        while not self._stop_asking.is_set():
            try:
                status = self._case.say(self.sock)
            except OSError:
                self.lost += 1
                self.sock.close()
                self.sock = socket.create_connection((LOOPBACK, self._port), 10)
                continue
            self.answered += 1
            self.failed += status != b"HTTP/1.1 200 OK"
        self.sock.close()


class Serving(WorkersTestCase):
    """Two of them, and what they share."""

    def test_both_serve(self) -> None:
        gateway = self.start(Gateway(WEB))
        self.assertEqual(sorted(self.workers(gateway)), [1, 2])
        for sock in self.one_each(gateway).values():
            self.assertEqual(self.say(sock), b"HTTP/1.1 200 OK")
        self.assertEqual(metric(gateway.ports["ADMIN"], "toron_workers"), 2)
        self.assertNotIn("warning", gateway.log())

    def test_a_rate_limit_holds_for_both(self) -> None:
        gateway = self.start(Gateway(WEB))
        with ThreadPoolExecutor(8) as pool:
            found = Counter(pool.map(lambda _: ask(gateway.port, "/limited").status, range(40)))
        self.assertEqual(found, {200: 10, 429: 30})
        (pid, *_) = self.both(gateway).values()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: pid not in gateway.children)
        self.assertEqual(ask(gateway.port, "/limited").status, 429, "it outlives a worker")

    def test_a_limit_of_connections_holds_for_both(self) -> None:
        gateway = self.start(Gateway("""
            listeners:
              - protocol: tcp
                address: 127.0.0.1
                port: @PORT@
                guards: [{connections: {per_client: 6}}]
                echo: {}
            workers: 2
        """))  # fmt: skip

        def let_in() -> list[socket.socket]:
            found = []
            for _ in range(30):
                with contextlib.suppress(OSError):
                    sock = self.connect(gateway.port)
                    sock.sendall(b"x")
                    found += [sock] if sock.recv(1) == b"x" else []
            return found

        found = let_in()
        self.assertEqual(len(found), 6)
        # What a worker held is given back when it dies.
        owners = Counter(self.owner(gateway, sock) for sock in found)
        pid, held = owners.most_common(1)[0]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: gateway.log().count("the worker is ready") == 3, 10)
        self.assertEqual(len(let_in()), held)

    def test_metrics_are_sums(self) -> None:
        gateway = self.start(Gateway(WEB))
        for count in range(1, 31):
            ask(gateway.port)
            self.assertEqual(self.requests(gateway), count)
        ports = gateway.ports
        self.assertEqual(
            metric(ports["ADMIN"], "toron_connections_total", listener=f"http-{gateway.port}"), 30
        )
        held = self.one_each(gateway)
        active = metric(ports["ADMIN"], "toron_connections_active", listener=f"http-{gateway.port}")
        self.assertGreaterEqual(active, 2)
        seen = self.requests(gateway)
        (pid, _) = held
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: pid not in gateway.children)
        self.assertEqual(self.requests(gateway), seen, "what it had counted stays")
        for sock in held.values():
            sock.close()
        eventually(lambda: metric(ports["ADMIN"], "toron_workers") == 2, 10)
        self.assertEqual(metric(ports["ADMIN"], "toron_worker_restarts_total"), 1)
        for count in range(1, 11):
            ask(gateway.port)
            self.assertEqual(self.requests(gateway), seen + count)

    def test_one_access_log_of_whole_lines(self) -> None:
        gateway = self.start(Gateway(WEB))
        self.ask_for_long_lines(gateway, 300)
        lines = gateway.access(300)
        self.assertEqual(sorted(int(line["path"][1:]) for line in lines), list(range(300)))

    def test_so_it_is_in_a_pipe(self) -> None:
        gateway = Gateway(WEB.replace("@FOLDER@/access.log", "@FOLDER@/fifo"))
        path = gateway.folder / "fifo"
        os.mkfifo(path)
        read = bytearray()
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.start(gateway)

        def readable() -> int:
            while select.select([reader], [], [], 0)[0] and (more := os.read(reader, 65536)):
                read.extend(more)
            return read.count(b"\n")

        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(self.ask_for_long_lines, gateway, 200)
            eventually(lambda: readable() >= 200, 20)
            asking.result()
        self.assertGreater(max(map(len, read.splitlines())), 4096, "more than a pipe takes whole")
        found = [re.fullmatch(rb'\{.*"path":"/(\d+)",.*\}', line) for line in read.splitlines()]
        self.assertEqual(sorted(int(line[1]) for line in found if line is not None), list(range(200)))

    def ask_for_long_lines(self, gateway: Gateway, count: int) -> None:
        """Lines longer than what a pipe takes whole."""
        with ThreadPoolExecutor(8) as pool:
            long = {"User-Agent": "a" * 6000, "Referer": "b" * 6000}
            list(pool.map(lambda number: ask(gateway.port, f"/{number}", headers=long), range(count)))

    def test_opening_the_logs_anew(self) -> None:
        gateway = Gateway(WEB, options=["-n", "--pidfile=", "--logfile=own.log"])
        self.patch(gateway, "log", lambda: "".join(p.read_text() for p in gateway.folder.glob("own.log*")))
        self.start(gateway)
        ask(gateway.port, "/before")
        gateway.access(1)
        for name in ("access.log", "own.log"):
            (gateway.folder / name).rename(gateway.folder / f"{name}.1")
        # Somebody may send it to all of them.
        for pid in [*gateway.children, gateway.pid]:
            os.kill(pid, signal.SIGUSR1)
        eventually((gateway.folder / "access.log").exists)
        for _ in range(20):
            ask(gateway.port, "/after")
        self.assertEqual({line["path"] for line in gateway.access(20)}, {"/after"})
        self.assertEqual(len(gateway.children), 2)
        eventually((gateway.folder / "own.log").exists)

    def test_layer_4_and_tls(self) -> None:
        authority = Authority()
        self.addCleanup(authority.close)
        pair = authority.issue("a.test")
        server = self.start(UdpEcho())
        secret = self.start(Gateway("""
            listeners:
              - {protocol: https, address: 127.0.0.1, port: @PORT@, certificates: [{self_signed: [b.test]}]}
            routes: [{respond: {body: inside}}]
            workers: 2
        """))  # fmt: skip
        gateway = self.start(Gateway(f"""
            listeners:
              - {{protocol: https, address: 127.0.0.1, port: @PORT@, certificates: [{pair.yaml}]}}
              - {{protocol: sni, address: 127.0.0.1, port: @SNI@, backend: {{url: "tcp://127.0.0.1:{secret.port}"}}}}
              - {{protocol: tcp, address: 127.0.0.1, port: @TCP@, echo: {{}}}}
              - {{protocol: udp, address: 127.0.0.1, port: @UDP@, backend: {{url: "udp://127.0.0.1:{server.port}"}}}}
            routes: [{{respond: {{body: outside}}}}]
            access_log: "@FOLDER@/access.log"
            drain: {{limit: 500ms}}
            workers: 2
        """))  # fmt: skip
        shown = set()
        for _ in range(12):
            for port, name, text in (
                (gateway.port, "a.test", b"outside"),
                (gateway.ports["SNI"], "b.test", b"inside"),
            ):
                with self.tls(port, name) as sock:
                    shown.add((text, sock.getpeercert(True)))
                    sock.sendall(LAST.replace(b"a.test", name.encode()))
                    self.assertIn(text, recv_all(sock))
        self.assertEqual(len(shown), 2, "one self-signed certificate for all workers")
        for sock in self.one_each(gateway, gateway.ports["TCP"]).values():
            sock.sendall(b"hello")
            self.assertEqual(sock.recv(5), b"hello")
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(12)]
        for number, client in enumerate(clients * 5):
            self.addCleanup(client.close)
            client.settimeout(5)
            client.connect((LOOPBACK, gateway.ports["UDP"]))
            client.send(b"%d" % number)
            self.assertEqual(client.recv(100), b"%d" % number)
        gateway.stop()
        starts = [x for x in gateway.access() if x["kind"] == "udp" and x.get("event") == "start"]
        self.assertEqual(len(starts), len(clients), "each client has one session: it stays with its worker")


class Health(WorkersTestCase):
    """Who is well is known in all workers."""

    def test_one_prober_for_all(self) -> None:
        checks: list[float] = []
        health = [answer("fine")]

        def talk(conversation: Conversation) -> None:
            while True:
                head, _ = conversation.read_request()
                if b" /health " in head:
                    checks.append(time.monotonic())
                    conversation.send(health[0])
                else:
                    conversation.send(answer("served"))

        backend = self.start(CountingBackend(talk))
        more = "health: {path: /health, interval: 300ms, fall: 2, rise: 1}"
        gateway = self.start(Gateway(PROXY.format(servers=f'"http://127.0.0.1:{backend.port}"', more=more)))
        held = self.one_each(gateway)
        self.assertEqual({self.say(sock) for sock in held.values()}, {b"HTTP/1.1 200 OK"})
        health[0] = answer("ill", 503)
        eventually(lambda: "is down" in gateway.log())
        for sock in held.values():
            eventually(lambda sock=sock: b" 503 " in self.say(sock))  # type: ignore[misc]
        # One that comes later knows it, too.
        pid = next(iter(held))
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: gateway.log().count("the worker is ready") == 3, 10)
        fresh = self.one_each(gateway)
        self.assertEqual({self.say(sock) for sock in fresh.values()}, {b"HTTP/1.1 503 Service Unavailable"})
        health[0] = answer("fine")
        for sock in fresh.values():
            eventually(lambda sock=sock: b" 200 " in self.say(sock))  # type: ignore[misc]
        self.assertEqual(gateway.log().count("is down:"), 1)
        self.assertEqual(gateway.log().count("is up:"), 1)
        gaps = [after - before for before, after in pairwise(checks)]
        self.assertGreater(min(gaps), 0.15, "nobody else checks in between")

    def test_an_ejection_holds_everywhere(self) -> None:
        bad, good = (
            self.start(CountingBackend(answer(text, status))) for text, status in (("", 500), ("", 200))
        )
        servers = f'"http://127.0.0.1:{bad.port}", "http://127.0.0.1:{good.port}"'
        more = "passive_health: {failures: 3, base: 2s}, retries: {attempts: 1}"
        gateway = self.start(Gateway(PROXY.format(servers=servers, more=more)))
        first, second = self.one_each(gateway).values()
        eventually(lambda: self.say(first) and "is down" in gateway.log())
        asked = bad.bytes_in
        server = f"127.0.0.1:{bad.port}"
        out = metric(gateway.ports["ADMIN"], "toron_server_ejected", backend="web", server=server)
        self.assertEqual(out, 1)
        for sock in (first, second):
            self.assertEqual({self.say(sock) for _ in range(8)}, {b"HTTP/1.1 200 OK"})
        self.assertEqual(bad.bytes_in, asked, "nobody asks it")
        eventually(lambda: "is up: ejection over" in gateway.log())
        self.assertEqual(gateway.log().count("is down:"), 1, gateway.log())


class Dying(WorkersTestCase):
    """A worker ends without being asked to."""

    def test_only_its_own_connections_are_lost(self) -> None:
        gateway = self.start(Gateway(WEB))
        before = self.both(gateway)
        stop = threading.Event()
        clients = [Client(self, gateway.port, stop) for _ in range(24)]
        for client in clients:
            client.start()
        eventually(lambda: all(client.answered > 5 for client in clients))
        owners = {client: self.owner(gateway, client.sock) for client in clients}
        self.assertEqual(set(owners.values()), set(before.values()))
        os.kill(before[2], signal.SIGKILL)
        self.replaced(gateway, 2, before[2])
        marks = {client: client.answered for client in clients}
        eventually(lambda: all(client.answered > marks[client] + 5 for client in clients), 10)
        self.assertIn(self.both(gateway)[2], {self.owner(gateway, client.sock) for client in clients})
        stop.set()
        for client in clients:
            client.join(10)
        self.assertEqual(
            [client.lost for client in clients], [int(owners[client] == before[2]) for client in clients]
        )
        self.assertEqual([client.failed for client in clients], [0] * len(clients))
        self.assertIn(f"worker 2 (pid {before[2]}) died by signal 9", gateway.log())
        self.assertNotRegex(gateway.log(), "(?i)traceback|unhandled")

    def test_who_waits_at_the_door_is_let_in_by_the_next(self) -> None:
        gateway = self.start(Gateway(WEB))
        pid = self.both(gateway)[1]
        os.kill(pid, signal.SIGSTOP)
        waiting = [self.connect(gateway.port) for _ in range(24)]
        for sock in waiting:
            sock.sendall(GET)
        answered = eventually(lambda: self.answered(waiting))
        self.assertTrue(0 < len(answered) < 24, "some are in the queue of the one that stands still")
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(self.answered(waiting)) == 24, 10)

    def answered(self, socks: list[socket.socket]) -> list[socket.socket]:
        time.sleep(0.05)
        return select.select(socks, [], [], 0)[0]

    def test_asked_to_end_it_drains_and_another_takes_its_place(self) -> None:
        slow = threading.Event()

        def talk(conversation: Conversation) -> None:
            while True:
                conversation.read_request()
                while not slow.is_set():
                    conversation.wait(0.02)
                conversation.send(answer("slow"))

        backend = self.start(CountingBackend(talk))
        gateway = self.start(Gateway(PROXY.format(servers=f'"http://127.0.0.1:{backend.port}"', more="")))
        workers = self.both(gateway)
        held = self.one_each(gateway)
        with ThreadPoolExecutor() as pool:
            asking = [pool.submit(self.say, sock) for sock in held.values()]
            eventually(lambda: backend.open == 2)
            os.kill(workers[1], signal.SIGTERM)
            self.replaced(gateway, 1, workers[1])
            slow.set()
            self.assertEqual({each.result() for each in asking}, {b"HTTP/1.1 200 OK"})
        eventually(lambda: workers[1] not in gateway.children)
        eventually(lambda: f"worker 1 (pid {workers[1]}) ended with 0" in gateway.log())
        self.assertEqual(ask(gateway.port).text, "slow")

    def test_with_the_parent_all_is_over(self) -> None:
        gateway = self.start(Gateway(WEB))
        family = descendants(gateway.pid)
        self.assertEqual(len(family), 2)
        gateway.kill(signal.SIGKILL)
        gateway.wait()
        eventually(lambda: not any(map(is_alive, family)), 5)


class Stopping(WorkersTestCase):
    """The parent is asked, and all of them stop."""

    def test_what_is_in_flight_finishes(self) -> None:
        def talk(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.wait(1)
            conversation.send(answer("slow"))

        backend = self.start(CountingBackend(talk))
        gateway = self.start(Gateway(PROXY.format(servers=f'"http://127.0.0.1:{backend.port}"', more="")))
        family = descendants(gateway.pid)
        held = self.one_each(gateway)
        with ThreadPoolExecutor() as pool:
            asking = [pool.submit(self.say, sock) for sock in held.values()]
            eventually(lambda: backend.open == 2)
            # As a Ctrl-C reaches all of them.
            for pid in gateway.children:
                os.kill(pid, signal.SIGINT)
            gateway.kill(signal.SIGINT)
            self.assertEqual({each.result() for each in asking}, {b"HTTP/1.1 200 OK"})
        self.assertEqual(gateway.wait(), 0)
        self.assertFalse(any(map(is_alive, family)))
        self.assertEqual([line["status"] for line in gateway.access()], [200, 200])
        self.assertEqual(gateway.log().count("the worker has stopped"), 2)
        self.assertIn("toron has stopped", gateway.log())
        self.assertNotRegex(gateway.log(), "(?i)traceback|unhandled|starting another")

    def test_nothing_fails_under_load(self) -> None:
        gateway = self.start(Gateway(WEB))
        closed: list[str] = []

        def ask_until_told() -> None:
            connection = http.client.HTTPConnection(LOOPBACK, gateway.port, 10)
            while True:
                connection.request("GET", "/")
                response = connection.getresponse()
                response.read()
                if response.getheader("Connection") == "close":
                    closed.append("told")
                    return

        with ThreadPoolExecutor() as pool:
            clients = [pool.submit(ask_until_told) for _ in range(6)]
            eventually(lambda: self.requests(gateway) > 200)
            gateway.kill(signal.SIGTERM)
            for client in clients:
                client.result(10)
        self.assertEqual(gateway.wait(), 0)
        self.assertEqual(len(closed), 6)

    def test_a_second_signal_ends_it_at_once(self) -> None:
        def talk(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.wait(20)

        backend = self.start(CountingBackend(talk))
        gateway = self.start(Gateway(PROXY.format(servers=f'"http://127.0.0.1:{backend.port}"', more="")))
        sock = self.connect(gateway.port)
        sock.sendall(GET)
        eventually(lambda: backend.open == 1)
        gateway.kill(signal.SIGTERM)
        eventually(lambda: "the worker waits for 1 connections" in gateway.log())
        began = time.monotonic()
        gateway.kill(signal.SIGTERM)
        self.assertEqual(gateway.wait(), 0)
        self.assertLess(time.monotonic() - began, 3)
        self.assertEqual(gateway.stop(), 0)
        self.assertEqual(gateway.survivors, [])

    def test_a_daemon(self) -> None:
        gateway = Gateway(WEB, options=["--pidfile=toron.pid", "--logfile=own.log"])
        self.addCleanup(gateway.close)
        self.patch(gateway, "is_ready", lambda: "toron is ready" in self.own_log(gateway))
        environment = {**os.environ, **gateway.environment}
        subprocess.run(gateway.command(), cwd=gateway.folder, env=environment, check=True, timeout=20)
        eventually(gateway.is_ready, 10)
        pid = int((gateway.folder / "toron.pid").read_text())
        family = descendants(pid)
        self.assertEqual(len(family), 2)
        self.assertEqual(ask(gateway.port).text, "ok")
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not any(map(is_alive, family)) and not (gateway.folder / "toron.pid").exists(), 10)

    def own_log(self, gateway: Gateway) -> str:
        path = gateway.folder / "own.log"
        return path.read_text() if path.exists() else ""


class Starting(WorkersTestCase):
    """All of it, or nothing."""

    def refused(self, gateway: Gateway) -> str:
        """Starts what can not; its log."""
        self.addCleanup(gateway.close)
        try:
            gateway.start()
        except Exception as failure:
            self.assertIn("ended with 1", str(failure))
        else:
            self.fail("it started")
        self.assertEqual(gateway.survivors, [])
        return gateway.log()

    def test_a_port_that_another_gateway_has(self) -> None:
        first = self.start(Gateway(WEB))
        text = WEB.replace("@PORT@", str(first.port))
        said = self.refused(Gateway(text))
        self.assertIn(f"can not listen on TCP 127.0.0.1:{first.port}", said)
        self.assertIn("another process has this port", said)
        for protocol in ("tcp", "udp"):
            kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
            with socket.socket(socket.AF_INET, kind) as taken:
                taken.bind((LOOPBACK, 0))
                if protocol == "tcp":
                    taken.listen()
                port = taken.getsockname()[1]
                listener = f"{{protocol: {protocol}, address: 127.0.0.1, port: {port}, echo: {{}}}}"
                said = self.refused(Gateway(f"listeners: [{listener}]\nworkers: 2\n"))
                self.assertIn(f"can not listen on {protocol.upper()} 127.0.0.1:{port}", said)

    def as_nobody(self, middlewares: str = "") -> Gateway:
        pair = self.authority.issue("a.test")
        os.chmod(pair.key, 0o600)
        gateway = Gateway(
            f"""
listeners:
  - {{protocol: https, address: 127.0.0.1, port: @PORT@, certificates: [{pair.yaml}]}}
routes: [{{{middlewares} respond: {{body: ok}}}}]
access_log: "@FOLDER@/access.log"
workers: 2
""",
            options=["-n", "--pidfile=", "--uid=65534", "--gid=65534"],
        )
        os.chmod(gateway.folder, 0o755)
        return gateway

    def test_what_root_has_read_is_handed_over(self) -> None:
        self.root()
        gateway = self.start(self.as_nobody())
        for pid in self.both(gateway).values():
            self.assertIn("Uid:\t65534", Path(f"/proc/{pid}/status").read_text())
        os.kill(self.both(gateway)[1], signal.SIGKILL)
        eventually(lambda: gateway.log().count("the worker is ready") == 3, 10)
        (gateway.folder / "config.yaml").write_text("half: [edited")
        self.assertIn(b"200 OK", self.https(gateway.port))

    def test_a_worker_that_can_not_start(self) -> None:
        self.root()
        secret = self.authority.folder / "keys.json"
        secret.write_text('{"keys": [{"kty": "oct", "alg": "HS256", "k": "%s"}]}' % ("A" * 44))
        os.chmod(secret, 0o600)
        said = self.refused(self.as_nobody(f"middlewares: [{{jwt: {{keys: {secret}}}}}],"))
        self.assertIn("cannot read the key file", said)
        self.assertNotIn("is ready", said)

    def root(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("only root can become another user")
        can = [sys.executable, "-c", "import twisted, pydantic"]
        try:
            subprocess.run(can, user=65534, group=65534, extra_groups=[], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("an ordinary user can not run this Python")
        self.authority = Authority()
        self.addCleanup(self.authority.close)
        os.chmod(self.authority.folder, 0o755)

    def https(self, port: int) -> bytes:
        with self.tls(port) as sock:
            sock.sendall(LAST)
            return recv_all(sock)

    def test_a_crash_does_not_need_the_file(self) -> None:
        gateway = self.start(Gateway(WEB))
        gateway.config.write_text("half: [edited")
        pid = self.both(gateway)[2]
        os.kill(pid, signal.SIGKILL)
        self.replaced(gateway, 2, pid)
        self.assertEqual(ask(gateway.port).text, "ok")
        self.assertIn(b"200 OK", raw_exchange(gateway.port, GET, until=b"ok"))
