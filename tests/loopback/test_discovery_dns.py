"""Servers come and go as the DNS says, under load, and nobody notices."""

from __future__ import annotations

import http.client
import socket
from collections import Counter

from tests.loopback.load import Load
from tests.loopback.named import Named
from tests.loopback.peers import Gateway, LoopbackTestCase, Nginx, eventually, free_port
from tests.loopback.udp_echo import UdpEcho
from tests.loopback.web import ask, metric, metrics

CONFIG = """
listeners: [{{protocol: http, address: 127.0.0.1, port: @PORT@}}]
routes: [{{backend: api}}]
backends:
  api:
    discovery:
      dns: {{name: {name}, resolvers: "127.0.0.1:{dns}", min_ttl: 100ms{more}}}
admin: {{port: @ADMIN@}}
access_log: access.log
"""


class Servers(Nginx):
    """Servers at several addresses and one port, which answer with their address."""

    def __init__(self, port: int, *addresses: str) -> None:
        listens = " ".join(f"listen {address}:{port};" for address in addresses)
        super().__init__(f'server {{ listen 127.0.0.1:@PORT@; {listens} return 200 "$server_addr"; }}')


class Case(LoopbackTestCase):
    def serve(self, named: Named, name: str = "api.test", more: str = "") -> Gateway:
        return self.start(Gateway(CONFIG.format(name=name, dns=named.port, more=more)))

    def count(self, gateway: Gateway, result: str) -> float:
        return metric(gateway.ports["ADMIN"], "toron_discovery_total", backend="api", result=result)

    def names(self, gateway: Gateway, name: str = "toron_server_up") -> set[str]:
        """The servers that metrics know."""
        found = [dict(labels) for metric, labels in metrics(gateway.ports["ADMIN"]) if metric == name]
        return {labels["server"].partition(":")[0] for labels in found}


class Addresses(Case):
    def setUp(self) -> None:
        super().setUp()
        self.backends = free_port()

    def servers(self, *addresses: str) -> Servers:
        return self.start(Servers(self.backends, *addresses))

    def test_servers_come_and_go_under_load(self) -> None:
        named = self.start(Named("api 0 A 127.0.0.2"))
        first = self.servers("127.0.0.2")
        self.servers("127.0.0.3", "127.0.0.4")
        gateway = self.serve(named, more=f", port: {self.backends}")
        load = self.start(Load(gateway.port))
        self.assertEqual(load.since(), {"127.0.0.2"})
        named.update("add api.test. 0 A 127.0.0.3", "add api.test. 0 A 127.0.0.4")
        eventually(lambda: load.since() == {"127.0.0.2", "127.0.0.3", "127.0.0.4"})
        named.update("delete api.test. A 127.0.0.2")
        eventually(lambda: load.since() == {"127.0.0.3", "127.0.0.4"})
        # It may be switched off now: nothing of it is used any more, not even a kept connection.
        first.stop()
        self.assertEqual(load.since(), {"127.0.0.3", "127.0.0.4"})
        first.start()
        for _ in range(3):
            named.update("delete api.test. A 127.0.0.3", "add api.test. 0 A 127.0.0.2")
            eventually(lambda: load.since() == {"127.0.0.2", "127.0.0.4"})
            named.update("delete api.test. A 127.0.0.2", "add api.test. 0 A 127.0.0.3")
            eventually(lambda: load.since() == {"127.0.0.3", "127.0.0.4"})
        load.close()
        self.assertEqual(load.failures, [])
        self.assertEqual([line for line in gateway.access(len(load.answers)) if line.get("retries")], [])
        self.assertIn("127.0.0.2", self.names(gateway), "what it counted last is to be seen for a while")
        eventually(lambda: self.names(gateway) == {"127.0.0.3", "127.0.0.4"}, 15)

    def test_what_is_in_flight_finishes(self) -> None:
        named = self.start(Named("api 0 A 127.0.0.2"))
        slow = Nginx(
            f"server {{ listen 127.0.0.1:@PORT@; listen 127.0.0.2:{self.backends}; root @FOLDER@/www; "
            "limit_rate 20k; } "
            f'server {{ listen 127.0.0.3:{self.backends}; return 200 "other"; }}'
        )
        (slow.folder / "www" / "big").write_bytes(bytes(30_000))
        self.start(slow)
        gateway = self.serve(named, more=f", port: {self.backends}")
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, 20)
        self.addCleanup(connection.close)
        connection.request("GET", "/big")
        response = connection.getresponse()
        named.update("delete api.test. A", "add api.test. 0 A 127.0.0.3")
        eventually(lambda: ask(gateway.port).text == "other")
        self.assertEqual(len(response.read()), 30_000)

    def test_failures_keep_the_last_good_set(self) -> None:
        named = self.start(Named("api 0 A 127.0.0.2"))
        self.servers("127.0.0.2", "127.0.0.3")
        gateway = self.serve(named, more=f", port: {self.backends}")
        load = self.start(Load(gateway.port))
        named.update("delete api.test. A")
        eventually(lambda: self.count(gateway, "failed"))
        self.assertIn("A of api.test: no such name; its 1 servers stay", gateway.log())
        self.assertEqual(load.since(), {"127.0.0.2"})
        named.update("add api.test. 0 TXT here")
        eventually(lambda: "api.test has no addresses; its 1 servers stay" in gateway.log(), 15)
        named.forget()
        eventually(lambda: "A of api.test: SERVFAIL from 127.0.0.1; its 1 servers stay" in gateway.log(), 15)
        self.assertEqual(load.since(), {"127.0.0.2"})
        self.assertEqual(metric(gateway.ports["ADMIN"], "toron_discovery_stale", backend="api"), 1)
        load.close()
        self.assertEqual(load.failures, [])

    def test_a_dns_server_that_is_gone_and_comes_back(self) -> None:
        named = self.start(Named("api 0 A 127.0.0.2"))
        self.servers("127.0.0.2", "127.0.0.3")
        gateway = self.serve(named, more=f", port: {self.backends}")
        self.assertEqual(ask(gateway.port).text, "127.0.0.2")
        named.stop()
        eventually(lambda: "no answer from 127.0.0.1; its 1 servers stay" in gateway.log(), 20)
        self.assertEqual(ask(gateway.port).text, "127.0.0.2")
        (named.folder / "zone").write_text(
            (named.folder / "zone").read_text().replace("127.0.0.2", "127.0.0.3")
        )
        named.start()
        eventually(lambda: ask(gateway.port).text == "127.0.0.3", 20)
        self.assertIn("discovery of api works again", gateway.log())

    def test_a_long_answer_comes_over_tcp(self) -> None:
        addresses = [f"127.0.1.{number}" for number in range(1, 61)]
        named = self.start(Named(*(f"api 0 A {address}" for address in addresses)))
        self.assertIn(" tc", named.dig("+noedns", "+ignore", "+notcp", "api.test", "A"))
        self.servers(*addresses[-2:])
        gateway = self.serve(named, more=f", port: {self.backends}, type: A")
        eventually(lambda: metric(gateway.ports["ADMIN"], "toron_discovery_servers", backend="api") == 60)
        self.assertEqual(self.names(gateway), set(addresses))

    def test_a_start_waits_for_the_first_answer(self) -> None:
        named = self.start(Named("api 0 A 127.0.0.2"))
        self.servers("127.0.0.2")
        gateway = self.serve(named, more=f", port: {self.backends}")
        log = gateway.log()
        self.assertLess(log.index("backend api has 1 servers"), log.index("toron is ready"))
        self.assertEqual(ask(gateway.port).text, "127.0.0.2")

    def test_checks_follow(self) -> None:
        named = self.start(Named("api 0 A 127.0.0.2"))
        self.servers("127.0.0.2")
        gateway = self.start(
            Gateway(
                CONFIG.format(name="api.test", dns=named.port, more=f", port: {self.backends}").replace(
                    "    discovery:",
                    "    health: {path: /, interval: 100ms, rise: 1, fall: 1, initial: down}\n    discovery:",
                )
            )
        )
        eventually(lambda: ask(gateway.port).status == 200)
        named.update("add api.test. 0 A 127.0.0.3")
        eventually(lambda: "127.0.0.3" in self.names(gateway))
        probes = {"backend": "api", "server": f"127.0.0.3:{self.backends}", "result": "failed"}
        eventually(lambda: metric(gateway.ports["ADMIN"], "toron_probes_total", **probes))
        self.assertEqual({ask(gateway.port).text for _ in range(6)}, {"127.0.0.2"})
        self.servers("127.0.0.3")
        eventually(lambda: {ask(gateway.port).text for _ in range(4)} == {"127.0.0.2", "127.0.0.3"})


class Services(Case):
    def test_priorities_and_weights(self) -> None:
        one, two, three = free_port(), free_port(), free_port()
        first, second = self.start(Servers(one, "127.0.0.2")), self.start(Servers(two, "127.0.0.3"))
        self.start(Servers(three, "127.0.0.4"))
        named = self.start(
            Named(
                f"_http._tcp.api 0 SRV 10 3 {one} a",
                f"_http._tcp.api 0 SRV 10 1 {two} b",
                f"_http._tcp.api 0 SRV 20 1 {three} c",
                "a 0 A 127.0.0.2", "b 0 A 127.0.0.3", "c 0 A 127.0.0.4",
            )
        )  # fmt: skip
        gateway = self.serve(named, "_http._tcp.api.test")
        answers = Counter(ask(gateway.port).text for _ in range(40))
        self.assertEqual(set(answers), {"127.0.0.2", "127.0.0.3"})
        self.assertGreater(answers["127.0.0.2"], 2 * answers["127.0.0.3"])
        first.stop()
        self.assertEqual({ask(gateway.port).text for _ in range(8)}, {"127.0.0.3"})
        second.stop()
        self.assertEqual({ask(gateway.port).text for _ in range(8)}, {"127.0.0.4"})
        # At one moment, or somebody may look in between.
        named.update(
            f"delete _http._tcp.api.test. SRV 20 1 {three} c.test.",
            f"add _http._tcp.api.test. 0 SRV 5 1 {three} c.test.",
        )
        eventually(lambda: self.count(gateway, "found") > 2)
        log = eventually(lambda: "none came, none went" in gateway.log() and gateway.log())
        self.assertIn("backend api has 3 servers", log)


class Datagrams(Case):
    def test_udp_servers(self) -> None:
        echo = self.start(UdpEcho())
        named = self.start(Named("echo 0 A 127.0.0.1"))
        gateway = self.start(
            Gateway(
                "listeners: [{protocol: udp, address: 127.0.0.1, port: @PORT@, backend: echo, idle: 200ms}]\n"
                "backends:\n  echo:\n    discovery:\n      dns: {name: echo.test, scheme: udp, "
                f"port: {echo.port}, resolvers: '127.0.0.1:{named.port}', min_ttl: 100ms}}\n"
            )
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.sendto(b"hello", ("127.0.0.1", gateway.port))
            self.assertIn(b"hello", client.recv(100))
        named.update("delete echo.test. A", "add echo.test. 0 A 127.0.0.9")
        eventually(lambda: "127.0.0.9:" in gateway.log())
