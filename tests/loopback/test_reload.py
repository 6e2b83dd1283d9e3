"""SIGHUP changes the configuration of a gateway that runs, and what did not change goes on as it was."""

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
import time
from collections.abc import Callable
from pathlib import Path

from websockets.sync.client import connect

from tests.loopback.authority import Authority
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
from tests.loopback.web import answer, ask, metric, metrics

CHANGED = "the configuration was changed"
KEPT = "nothing was changed"


class Reloading(LoopbackTestCase):
    """What these tests have in common."""

    gateway: Gateway

    def serve(self, config: str) -> Gateway:
        """Start a gateway with this configuration."""
        self.gateway = Gateway(config)
        self.start(self.gateway)
        return self.gateway

    def put(self, config: str) -> None:
        """Move another configuration to where the present one is."""
        fresh = self.gateway.folder / "new.yaml"
        fresh.write_text(with_workers(self.gateway.fill(config)))
        fresh.rename(self.gateway.config)

    def reload(self, config: str, result: str = CHANGED) -> str:
        """Put another configuration there, ask for it, wait for `result`: what was logged meanwhile."""
        self.put(config)
        return self.hang_up(result)

    def hang_up(self, result: str = CHANGED) -> str:
        """Send SIGHUP, and wait for `result`: what was logged meanwhile."""
        before = len(self.gateway.log())
        self.gateway.kill(signal.SIGHUP)
        eventually(lambda: result in self.gateway.log()[before:], what=result)
        return self.gateway.log()[before:]

    def text(self, path: str = "/", **headers: str) -> str:
        return ask(self.gateway.port, path, headers=headers).text

    def relayed(self, port: int) -> socket.socket:
        """A connection to a TCP listener; what it says comes back."""
        sock = socket.create_connection(("127.0.0.1", port), 5)
        self.addCleanup(sock.close)
        return sock

    def echoed(self, sock: socket.socket, data: bytes) -> None:
        """The connection is still good."""
        sock.sendall(data)
        self.assertEqual(sock.recv(100), data)


HTTP = """
listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]
admin: {port: @ADMIN@}
"""


class Changes(Reloading):
    """What is written anew is what is served."""

    def test_routes(self) -> None:
        self.serve(HTTP + "routes: [{respond: {body: one}}]")
        self.assertEqual(self.text(), "one")
        self.reload(HTTP + "routes: [{match: {path: /a}, respond: {body: two}}, {respond: {body: rest}}]")
        self.assertEqual((self.text("/a"), self.text("/b")), ("two", "rest"))

    def test_the_next_request_of_a_connection(self) -> None:
        self.serve(HTTP + "routes: [{respond: {body: one}}]")
        client = http.client.HTTPConnection("127.0.0.1", self.gateway.port, 5)
        self.addCleanup(client.close)
        said = []
        for body in ("one", "two"):
            client.request("GET", "/")
            sock = client.sock
            said.append(client.getresponse().read().decode())
            self.reload(HTTP + f"routes: [{{respond: {{body: {body}-after}}}}]")
            self.assertIs(client.sock, sock)
        self.assertEqual(said, ["one", "one-after"])

    def test_limits_of_a_connection_that_is_there(self) -> None:
        routes = "routes: [{echo: {}}]\n"
        limited = HTTP.replace("@PORT@", "@PORT@, limits: {body: 10}")
        self.serve(HTTP + routes)
        client = http.client.HTTPConnection("127.0.0.1", self.gateway.port, 5)
        self.addCleanup(client.close)
        for status in (200, 413):
            client.request("POST", "/", b"x" * 20)
            response = client.getresponse()
            response.read()
            self.assertEqual(response.status, status)
            self.reload(limited + routes)

    def test_a_request_under_way_keeps_what_it_has(self) -> None:
        held = threading.Event()
        self.addCleanup(held.set)

        def slow(conversation: object) -> None:
            conversation.read_request()  # type: ignore[attr-defined]
            held.wait(5)
            conversation.send(answer("from the old one"))  # type: ignore[attr-defined]

        backend = self.start(CountingBackend(slow))
        self.serve(HTTP + f"routes: [{{backend: {{url: 'http://127.0.0.1:{backend.port}'}}}}]")
        said: list[str] = []
        client = threading.Thread(target=lambda: said.append(self.text()))
        client.start()
        eventually(lambda: backend.conversations)
        self.reload(HTTP + "routes: [{respond: {body: new}}]")
        self.assertEqual(self.text(), "new")
        held.set()
        client.join(5)
        self.assertEqual(said, ["from the old one"])

    def test_a_listener_more_and_one_less(self) -> None:
        config = """
            listeners:
              - {protocol: http, address: 127.0.0.1, port: @PORT@}
              - {protocol: tcp, address: 127.0.0.1, port: @TCP@, echo: {}}
            routes: [{respond: {body: ok}}]
        """
        gateway = self.serve(config)
        relayed = self.relayed(gateway.ports["TCP"])
        self.echoed(relayed, b"before")
        self.reload(config.replace("@TCP@", "@OTHER@"))
        self.echoed(self.relayed(gateway.ports["OTHER"]), b"new")
        self.assertRaises(ConnectionRefusedError, self.relayed, gateway.ports["TCP"])
        self.echoed(relayed, b"still here")
        self.reload(config)
        self.echoed(self.relayed(gateway.ports["TCP"]), b"there again")
        self.echoed(relayed, b"still here")
        self.assertEqual(self.text(), "ok")

    def test_a_udp_port_comes_back_while_its_sessions_live(self) -> None:
        config = """
            listeners:
              - {protocol: http, address: 127.0.0.1, port: @PORT@}
              - {protocol: udp, address: 127.0.0.1, port: @UDP@, backend: {url: "udp://127.0.0.1:SERVER"}}
            routes: [{respond: {body: ok}}]
            drain: {limit: 500ms}
        """.replace("SERVER", str(self.start(UdpEcho()).port))
        gateway = self.serve(config)
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for client in clients:
            self.addCleanup(client.close)
            client.settimeout(5)
            client.connect(("127.0.0.1", gateway.ports["UDP"]))
        old, new = clients
        self.echoed(old, b"before")
        self.reload("\n".join(line for line in config.splitlines() if "udp" not in line))
        self.echoed(old, b"its session goes on")
        self.reload(config)
        self.echoed(new, b"begun anew")
        self.echoed(old, b"still")

    def test_http_becomes_https(self) -> None:
        self.serve(HTTP + "routes: [{respond: {body: ok}}]")
        certificates = "protocol: https, certificates: [{self_signed: [localhost]}]"
        self.reload(HTTP.replace("protocol: http", certificates) + "routes: [{respond: {body: ok}}]")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = http.client.HTTPSConnection("127.0.0.1", self.gateway.port, timeout=5, context=context)
        self.addCleanup(client.close)
        client.request("GET", "/", headers={"Host": "localhost"})
        self.assertEqual(client.getresponse().read(), b"ok")

    def test_certificates_are_read_anew(self) -> None:
        authority = self.start(Authority())
        first, second = authority.issue("one.test"), authority.issue("one.test")
        config = """
            listeners:
              - protocol: https
                address: 127.0.0.1
                port: @PORT@
                certificates: [{cert: cert.pem, key: key.pem}]
            routes: [{respond: {body: ok}}]
        """
        self.gateway = Gateway(config)

        def place(pair: object) -> None:
            for name in ("cert", "key"):
                data = Path(getattr(pair, name)).read_bytes()
                (self.gateway.folder / f"{name}.pem").write_bytes(data)

        def shown() -> bytes:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with (
                socket.create_connection(("127.0.0.1", self.gateway.port), 5) as sock,
                context.wrap_socket(sock, server_hostname="one.test") as tls,
            ):
                return tls.getpeercert(True) or b""

        place(first)
        self.start(self.gateway)
        before = shown()
        self.hang_up()
        self.assertEqual(shown(), before)
        place(second)
        self.hang_up()
        self.assertNotEqual(shown(), before)

    def test_the_level_of_the_log(self) -> None:
        config = HTTP + "routes: [{respond: {body: LEVEL}}]\nlog: {level: LEVEL}"
        self.serve(config.replace("LEVEL", "info"))
        self.put(config.replace("LEVEL", "warn"))
        self.gateway.kill(signal.SIGHUP)
        eventually(lambda: self.text() == "warn")
        said = self.reload(config.replace("LEVEL", "loud"), KEPT)
        self.assertNotIn("loading", said)
        self.assertIn("'loud' is not known here", said)


class State(Reloading):
    """What is known of clients and servers outlives a change of something else."""

    def test_what_a_rate_limit_has_counted(self) -> None:
        routes = """
routes:
  - {match: {path: /named}, middlewares: [few], respond: {body: ok}}
  - {name: own, match: {path: /own}, middlewares: [{rate-limit: {rate: 1/m, burst: 1}}], respond: {body: ok}}
middlewares: {few: {type: rate-limit, rate: 1/m, burst: 1}}
"""
        self.serve(HTTP + routes)

        def statuses() -> list[int]:
            return [ask(self.gateway.port, path).status for path in ("/named", "/own")]

        self.assertEqual(statuses(), [200, 200])
        more = routes.replace("routes:\n", "routes:\n  - {match: {path: /first}, respond: {body: x}}\n")
        self.reload(HTTP + more)
        self.assertEqual(statuses(), [429, 429])
        self.reload(HTTP + more.replace("1/m", "2/m"))
        self.assertEqual(statuses(), [200, 200], "other limits are other counters")

    def test_who_is_well(self) -> None:
        asked = threading.Event()

        def healthy(conversation: object) -> None:
            asked.set()
            conversation.read_request()  # type: ignore[attr-defined]
            conversation.send(answer("ill", 500))  # type: ignore[attr-defined]

        ill = self.start(CountingBackend(healthy))
        well = self.start(CountingBackend(answer("well")))
        config = (
            HTTP
            + f"""
routes: [{{backend: b}}, {{match: {{path: /x}}, respond: {{body: ROUTE}}}}]
backends:
  b:
    servers: ["http://127.0.0.1:{ill.port}", "http://127.0.0.1:{well.port}"]
    health: {{path: /, interval: 1h, timeout: 1s, fall: 1}}
"""
        )
        gateway = self.serve(config)

        def up() -> float:
            labels = {"backend": "b", "server": f"127.0.0.1:{ill.port}"}
            return metric(gateway.ports["ADMIN"], "toron_server_up", **labels)

        eventually(lambda: up() == 0)
        checks = len(ill.conversations)
        self.reload(config.replace("ROUTE", "two"))
        self.assertEqual({self.text() for _ in range(4)}, {"well"})
        third = self.start(CountingBackend(answer("third")))
        self.reload(config.replace("servers: [", f'servers: ["http://127.0.0.1:{third.port}", '))
        self.assertEqual(up(), 0)
        self.assertEqual({self.text() for _ in range(8)}, {"well", "third"})
        self.assertLessEqual(len(ill.conversations) - checks, 1, "asked at most by the new backend's check")

    def test_sticky_clients_and_connections_to_servers(self) -> None:
        servers = [self.start(CountingBackend(answer(name))) for name in ("a", "b", "c")]
        urls = ", ".join(f'"http://127.0.0.1:{server.port}"' for server in servers[:2])
        config = (
            HTTP
            + f"""
routes: [{{backend: b}}, {{match: {{path: /x}}, respond: {{body: ROUTE}}}}]
backends: {{b: {{servers: [{urls}], sticky: {{}}}}}}
"""
        )
        gateway = self.serve(config)
        first = ask(gateway.port)
        cookie = first.headers["set-cookie"].partition(";")[0]
        self.assertEqual({self.text(Cookie=cookie) for _ in range(4)}, {first.text})
        opened = sum(len(server.conversations) for server in servers)
        self.reload(config.replace("ROUTE", "two"))
        self.assertEqual({self.text(Cookie=cookie) for _ in range(4)}, {first.text})
        third = f', "http://127.0.0.1:{servers[2].port}"]'
        self.reload(config.replace("], sticky", f"{third}, sticky"))
        self.assertEqual({self.text(Cookie=cookie) for _ in range(4)}, {first.text})
        self.assertEqual(sum(len(server.conversations) for server in servers), opened)

    def test_numbers(self) -> None:
        config = (
            HTTP
            + "routes: [{name: kept, respond: {body: ok}}, {name: other, match: {path: /o}, respond: {}}]"
        )
        gateway = self.serve(config)
        admin = gateway.ports["ADMIN"]
        self.text()
        self.text("/o")
        self.reload(config.replace("other", "another"))
        self.text()
        found = metrics(admin)
        counted = {dict(labels).get("route"): number for (name, labels), number in found.items()
                   if name == "toron_http_requests_total"}  # fmt: skip
        self.assertEqual(counted, {"kept": 2})
        self.assertEqual(metric(admin, "toron_config_reloads_total", result="applied"), 1)
        self.assertEqual(metric(admin, "toron_config_last_reload_successful"), 1)
        self.assertGreater(
            metric(admin, "toron_config_last_reload_success_timestamp_seconds"), time.time() - 60
        )


class BadFiles(Reloading):
    """A file that can not be used changes nothing."""

    GOOD = HTTP + "routes: [{respond: {body: good}}]\n"

    def refused(self, config: str, *reasons: str) -> None:
        said = self.reload(config, KEPT)
        for reason in reasons:
            self.assertRegex(said, reason)
        self.assertEqual(self.text(), "good")

    def test_all_kinds(self) -> None:
        gateway = self.serve(self.GOOD)
        taken = self.start(CountingBackend())
        more = "listeners: [{protocol: tcp, address: 127.0.0.1, port: PORT, echo: {}}, ".replace(
            "PORT", str(free_port())
        )
        self.refused("listeners: [", r"config\.yaml:\d+:\d+: ")
        self.refused(self.GOOD + "rotes: []\n", r"config\.yaml:5:1: unknown key 'rotes': did you mean")
        self.refused(self.GOOD + "routes: []\n", r"config\.yaml:5:1: ")
        self.refused(
            self.GOOD.replace("respond: {body: good}", "backend: nobody"), "unknown backend 'nobody'"
        )
        self.refused(
            self.GOOD.replace("protocol: http", "protocol: https, certificates: [{cert: none.pem}]"),
            "none.pem",
        )
        self.refused(
            self.GOOD.replace("listeners: [", more).replace(
                "}]\nadmin",
                f"}}, {{protocol: tcp, address: 127.0.0.1, port: {taken.port}, echo: {{}}}}]\nadmin",
            ),
            f"{taken.port}",
        )
        listeners = {dict(labels).get("listener", "web") for _, labels in metrics(gateway.ports["ADMIN"])}
        self.assertEqual([name for name in listeners if name.startswith("tcp")], [], "nothing is left of it")
        admin = gateway.ports["ADMIN"]
        self.refused(
            self.GOOD + "access_log: x.log\n", r"config\.yaml:5:1: the access log can not .* restart"
        )
        self.refused(self.GOOD + "workers: 3\n", r"config\.yaml:5:1: the number of workers .* restart")
        self.refused(
            self.GOOD.replace("admin: {port: @ADMIN@}", "admin: {port: @X@}"), r"3:1: the admin port"
        )
        self.assertEqual(metric(admin, "toron_config_last_reload_successful"), 0)
        self.assertEqual(metric(admin, "toron_config_reloads_total", result="rejected"), 9)
        gateway.config.unlink()
        self.hang_up(KEPT)
        self.assertEqual(self.text(), "good")
        self.reload(self.GOOD)
        self.assertEqual(metric(admin, "toron_config_last_reload_successful"), 1)
        self.assertEqual(len(re.findall("Traceback", gateway.log())), 0, gateway.log())


class Watching(Reloading):
    """With `reload: {watch: true}` nobody has to ask."""

    def config(self, body: str) -> str:
        return HTTP + f"routes: [{{respond: {{body: {body}}}}}]\nreload: {{watch: true}}\n"

    def becomes(self, body: str) -> None:
        eventually(lambda: self.text() == body, what=body)

    def test_the_ways_a_file_is_replaced(self) -> None:
        gateway = self.serve(self.config("one"))
        self.put(self.config("renamed"))
        self.becomes("renamed")
        gateway.config.write_text(with_workers(gateway.fill(self.config("written over"))))
        self.becomes("written over")
        folder = gateway.folder
        for name in ("..1", "..2"):
            (folder / name).mkdir()
            (folder / name / "config.yaml").write_text(with_workers(gateway.fill(self.config(f"of {name}"))))
        (folder / "..data").symlink_to("..1")
        gateway.config.unlink()
        gateway.config.symlink_to("..data/config.yaml")
        self.becomes("of ..1")
        # As Kubernetes does it with a ConfigMap.
        (folder / "..data_tmp").symlink_to("..2")
        (folder / "..data_tmp").rename(folder / "..data")
        self.becomes("of ..2")
        gateway.config.unlink()
        self.put(HTTP + "routes: [{respond: {body: last}}]")
        self.becomes("last")
        self.assertNotIn(KEPT, gateway.log())


class Included(Reloading):
    """The file includes others, which come, change and go."""

    def part(self, name: str, body: str) -> None:
        """Have an included file lead a path of this name to this text."""
        text = f"routes: [{{match: {{path: /{name}}}, respond: {{body: {body}}}}}]"
        fresh = self.gateway.folder / f".{name}.new"
        fresh.write_text(text)
        fresh.rename(self.gateway.folder / "conf.d" / f"{name}.yaml")

    def begin(self, more: str = "") -> None:
        config = HTTP + "include: conf.d/*.yaml\nroutes: [{respond: {body: none}}]\n" + more
        self.gateway = Gateway(config)
        (self.gateway.folder / "conf.d").mkdir()
        self.part("a", "one")
        self.start(self.gateway)
        self.assertEqual(self.text("/a"), "one")

    def test_hang_up(self) -> None:
        self.begin()
        self.part("a", "two")
        self.part("b", "more")
        self.hang_up()
        self.assertEqual((self.text("/a"), self.text("/b")), ("two", "more"))
        (self.gateway.folder / "conf.d" / "b.yaml").unlink()
        self.hang_up()
        self.assertEqual((self.text("/a"), self.text("/b")), ("two", "none"))
        self.part("b", "more, boddy: 1")
        said = self.hang_up(KEPT)
        self.assertIn("conf.d/b.yaml:1:52: unknown key 'boddy': did you mean 'body'?", said)
        self.assertEqual((self.text("/a"), self.text("/b")), ("two", "none"))

    def test_watched(self) -> None:
        self.begin("reload: {watch: true}\n")
        before = self.gateway.log().count(CHANGED)
        self.part("a", "two")
        self.part("b", "more")
        eventually(lambda: (self.text("/a"), self.text("/b")) == ("two", "more"), what="both")
        self.assertEqual(self.gateway.log().count(CHANGED), before + 1, "two files, one reload")
        (self.gateway.folder / "conf.d" / "b.yaml").unlink()
        eventually(lambda: self.text("/b") == "none", what="b is gone")
        folder = self.gateway.folder / "conf.d"
        self.part("b", "more, boddy: 1")
        eventually(lambda: KEPT in self.gateway.log(), what="a bad one")
        self.assertEqual((self.text("/a"), self.text("/b")), ("two", "none"))
        self.part("b", "mended")
        eventually(lambda: self.text("/b") == "mended", what="it was put right")
        # As Kubernetes does it with a ConfigMap.
        for number in ("1", "2"):
            (folder / f"..{number}").mkdir()
            (folder / f"..{number}" / "c.yaml").write_text(
                f"routes: [{{match: {{path: /c}}, respond: {{body: of {number}}}}}]"
            )
        (folder / "..data").symlink_to("..1")
        (folder / "c.yaml").symlink_to("..data/c.yaml")
        eventually(lambda: self.text("/c") == "of 1", what="a link")
        (folder / "..new").symlink_to("..2")
        (folder / "..new").rename(folder / "..data")
        eventually(lambda: self.text("/c") == "of 2", what="it leads elsewhere")


class Workers(Reloading):
    """Several processes change at one moment, or none of them does."""

    TWO = HTTP + "workers: 2\n"
    LIMITED = """
routes:
  - {match: {path: /limited}, middlewares: [{rate-limit: {rate: 1/m, burst: 3}}], respond: {body: limited}}
  - {respond: {body: BODY}}
"""

    def said(self, path: str = "/", times: int = 12) -> set[str]:
        """What clients get that come one after the other: some to each worker."""
        return {self.text(path) for _ in range(times)}

    def test_all_of_them(self) -> None:
        gateway = self.serve(self.TWO + "routes: [{respond: {body: one}}]")
        self.assertEqual(self.said(), {"one"})
        port = free_port()
        more = f"  - {{name: more, protocol: http, address: 127.0.0.1, port: {port}}}\n"
        web = "  - {protocol: http, address: 127.0.0.1, port: @PORT@}\n"
        wide = f"listeners:\n{web}{more}admin: {{port: @ADMIN@}}\nworkers: 2\n"
        self.reload(wide + "routes: [{respond: {body: two}}]")
        self.assertEqual(self.said(), {"two"})
        self.assertEqual({ask(port, "/").text for _ in range(12)}, {"two"}, "sockets were handed over")
        self.reload(self.TWO + "routes: [{respond: {body: three}}]")
        self.assertEqual(self.said(), {"three"})
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 5)
        self.assertEqual(metric(gateway.ports["ADMIN"], "toron_config_reloads_total", result="applied"), 2)

    def test_none_of_them(self) -> None:
        gateway = self.serve(self.TWO + "routes: [{respond: {body: one}}]")
        said = self.reload(self.TWO + "routes: [{respond: {bdy: two}}]", KEPT)
        self.assertRegex(said, r"config\.yaml:\d+:\d+: unknown key 'bdy'")
        taken = self.start(CountingBackend())
        self.reload(
            self.TWO.replace(
                "}]", f"}}, {{protocol: tcp, address: 127.0.0.1, port: {taken.port}, echo: {{}}}}]"
            )
            + "routes: [{respond: {body: two}}]",
            KEPT,
        )
        self.assertEqual(self.said(), {"one"})
        self.assertEqual(metric(gateway.ports["ADMIN"], "toron_config_last_reload_successful"), 0)

    def test_what_they_have_in_common_stays_so(self) -> None:
        self.serve(self.TWO + self.LIMITED.replace("BODY", "one"))
        self.assertEqual([self.text("/limited") for _ in range(3)], ["limited"] * 3)
        self.reload(
            self.TWO
            + self.LIMITED.replace("BODY", "two").replace(
                "routes:", "routes:\n  - {match: {path: /x}, echo: {}}"
            )
        )
        self.assertEqual({ask(self.gateway.port, "/limited").status for _ in range(8)}, {429})
        self.assertEqual(self.said(), {"two"})

    def test_one_that_comes_later_serves_the_same(self) -> None:
        gateway = self.serve(self.TWO + self.LIMITED.replace("BODY", "one"))
        for body in ("two", "three"):
            self.reload(self.TWO + self.LIMITED.replace("BODY", body))
        self.assertEqual([self.text("/limited") for _ in range(3)], ["limited"] * 3)
        before = len(gateway.log())
        first = int(re.findall(r"worker 1 has pid (\d+)", gateway.log())[-1])
        os.kill(first, signal.SIGKILL)
        eventually(lambda: "worker 1 has pid" in gateway.log()[before:], what="another worker")
        eventually(lambda: metric(gateway.ports["ADMIN"], "toron_workers") == 2)
        self.assertEqual(self.said(times=24), {"three"})
        self.assertEqual({ask(gateway.port, "/limited").status for _ in range(12)}, {429})
        self.reload(self.TWO + self.LIMITED.replace("BODY", "four"))
        self.assertEqual(self.said(times=24), {"four"})


class Load:
    """Repeats something in a thread until it is told to stop; counts, and keeps what failed."""

    def __init__(self, once: Callable[[], None], close: Callable[[], object]) -> None:
        self.count = 0
        self.failed: list[BaseException] = []
        self._once, self._close = once, close
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._once()
            except Exception as error:
                self.failed.append(error)
                return
            self.count += 1
            time.sleep(0.02)

    def close(self) -> None:
        self._over.set()
        self._thread.join(10)
        with contextlib.suppress(OSError):
            self._close()


LIVE = """
listeners:
  - {name: web, protocol: http, address: 127.0.0.1, port: @PORT@}
  - {name: relay, protocol: tcp, address: 127.0.0.1, port: @TCP@, backend: tcp}
  - {name: datagrams, protocol: udp, address: 127.0.0.1, port: @UDP@, backend: udp}
admin: {port: @ADMIN@}
routes:
  - {name: other, match: {path: /other}, respond: {body: "NUMBER"}}
  - name: "changes-NUMBER"
    match: {path: /changes}
    middlewares: [{rate-limit: {rate: 1/s}}]
    backend: changes
  - {name: socket, match: {path: /socket}, backend: socket}
  - {name: kept, backend: web}
backends:
  web: {url: "http://127.0.0.1:%d"}
  changes: {servers: ["http://127.0.0.1:%d"], timeouts: {response: NUMBERs}, health: {path: /}, sticky: {}}
  socket: {url: "http://127.0.0.1:%d"}
  tcp: {url: "tcp://127.0.0.1:%d"}
  udp: {url: "udp://127.0.0.1:%d"}
drain: {limit: 500ms}
"""


class UnderLoad(Reloading):
    """A hundred reloads that change other routes."""

    RELOADS = 100
    MORE = ""

    def setUp(self) -> None:
        def back(conversation: object) -> None:
            while True:
                conversation.send(conversation.read())  # type: ignore[attr-defined]

        web = self.web = self.start(CountingBackend(answer("web")))
        socket_port = free_port()
        self.start(WebSocketServer(socket_port, echo))
        tcp, udp = self.start(CountingBackend(back)), self.start(UdpEcho())
        self.config = LIVE % (web.port, web.port, socket_port, tcp.port, udp.port) + self.MORE
        self.serve(self.config.replace("NUMBER", "1"))

    def http(self) -> Load:
        client = http.client.HTTPConnection("127.0.0.1", self.gateway.port, 10)
        client.connect()
        sock = client.sock

        def once() -> None:
            client.request("GET", "/kept")
            response = client.getresponse()
            if (response.status, response.read()) != (200, b"web") or client.sock is not sock:
                raise AssertionError(f"{response.status}, or another connection")

        return self.start(Load(once, client.close))

    def websocket(self) -> Load:
        client = connect(f"ws://127.0.0.1:{self.gateway.port}/socket")

        def once() -> None:
            client.send("hello")
            if client.recv(10) != "hello":
                raise AssertionError("not what was said")

        return self.start(Load(once, client.close))

    def bytes_back(self, port: int, kind: socket.SocketKind) -> Load:
        sock = socket.socket(socket.AF_INET, kind)
        sock.settimeout(10)
        sock.connect(("127.0.0.1", port))

        def once() -> None:
            sock.sendall(b"hello")
            if sock.recv(100) != b"hello":
                raise AssertionError("not what was said")

        return self.start(Load(once, sock.close))

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.gateway.pid}/fd").iterdir()))

    def reload_times(self, first: int, last: int) -> None:
        for number in range(first, last):
            self.reload(self.config.replace("NUMBER", str(number)))

    def test_nothing_drops_and_nothing_grows(self) -> None:
        gateway = self.gateway
        streams = subprocess.Popen(
            [find_program("h2load"), "-c2", "-m4", "--rps=50", "-D4", f"http://127.0.0.1:{gateway.port}/kept"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.addCleanup(streams.wait, 20)
        load = [self.http(), self.http(), self.websocket()]
        load += [self.bytes_back(gateway.ports["TCP"], socket.SOCK_STREAM) for _ in range(2)]
        load += [self.bytes_back(gateway.ports["UDP"], socket.SOCK_DGRAM) for _ in range(2)]
        half = self.RELOADS // 2
        self.reload_times(2, half)
        before = gateway.rss(), self.descriptors()
        self.reload_times(half, self.RELOADS + 2)
        after = gateway.rss(), self.descriptors()
        self.assertEqual(self.text("/other"), str(self.RELOADS + 1))
        for each in load:
            each.close()
        self.assertEqual([each.failed for each in load], [[]] * len(load))
        self.assertGreater(min(each.count for each in load), self.RELOADS // 4)
        said = streams.communicate(timeout=20)[0]
        self.assertRegex(
            said, r"requests: (\d+) total, .* (?!0 )\d+ succeeded, 0 failed, 0 errored, 0 timeout"
        )
        self.assertLess(after[0] - before[0], 1 << 20, f"{before[0]} bytes, then {after[0]}")
        self.assertLessEqual(after[1], before[1] + 2)
        admin = gateway.ports["ADMIN"]
        self.assertEqual(metric(admin, "toron_config_reloads_total", result="applied"), self.RELOADS)
        self.assertLess(len(self.web.conversations), 20 + self.RELOADS, "kept routes keep their connections")


class UnderLoadWithWorkers(UnderLoad):
    """The same with two processes that serve."""

    RELOADS = 20
    MORE = "workers: 2\n"


class ManyRoutes(Reloading):
    def test_nobody_waits_for_all_of_it(self) -> None:
        config = HTTP + "routes:\n" + "".join(
            f"  - {{match: {{host: h{number}.test, path: /p{number}}}, backend: b{number}}}\n"
            for number in range(2000)
        ) + "  - {respond: {body: BODY}}\nbackends:\n" + "".join(
            f"  b{number}: {{url: 'http://127.0.0.1:9'}}\n" for number in range(2000)
        )  # fmt: skip
        gateway = self.serve(config.replace("BODY", "one"))
        self.put(config.replace("BODY", "two"))
        client = http.client.HTTPConnection("127.0.0.1", gateway.port, 10)
        self.addCleanup(client.close)
        gateway.kill(signal.SIGHUP)
        began, longest, said = time.monotonic(), 0.0, "one"
        while said != "two":
            asked = time.monotonic()
            client.request("GET", "/")
            said = client.getresponse().read().decode()
            longest = max(longest, time.monotonic() - asked)
            time.sleep(0.001)
        self.assertLess(longest, (time.monotonic() - began) / 3)
