"""Requests over TLS ask for the host that the connection is for, or for one that its certificate is for."""

from __future__ import annotations

from typing import ClassVar

from tests.loopback.authority import Authority
from tests.loopback.peers import Gateway, run
from tests.loopback.shared import SharedTestCase

CONFIG = """
listeners:
  - name: refuses
    protocol: https
    address: 127.0.0.1
    port: @PORT@
    certificates: &certificates [{}, {}]
  - {{name: passes, protocol: https, address: 127.0.0.1, port: @PASS@, certificates: *certificates,
     tls: {{misdirected: pass}}}}
  - {{name: any, protocol: https, address: 127.0.0.1, port: @ANY@, certificates: *certificates,
     tls: {{default_cert: first}}}}
routes:
  - {{match: {{host: [a.example, b.example, 127.0.0.1]}}, respond: {{body: ab}}}}
  - {{match: {{host: c.example}}, respond: {{body: c}}}}
access_log: {{path: "@FOLDER@/access.log"}}
drain: {{limit: 500ms}}
"""


class Misdirected(SharedTestCase):
    """A certificate for two names and a wildcard, and one for a third."""

    authority: ClassVar[Authority]

    @classmethod
    def prepare(cls) -> None:
        cls.authority = cls.keep(Authority())
        pairs = cls.authority.issue("a.example", "b.example", "*.d.example"), cls.authority.issue("c.example")
        cls.gateway = cls.keep(Gateway(CONFIG.format(*(pair.yaml for pair in pairs))))

    def ask(self, name: str, host: str, port: str = "PORT", *options: str) -> list[tuple[str, str]]:
        """What HTTP/1.1 and HTTP/2 say: status and body; `name` is in the handshake."""
        to = f"127.0.0.1:{self.gateway.ports[port]}"
        target = f"https://{name}/" if name else f"https://{to}/"
        said = []
        for version in ("--http1.1", "--http2"):
            done = run(
                "curl", "-sSk", version, "-w", "\n%{http_version} %{http_code}", "--connect-to", f"::{to}",
                "-H", f"Host: {host}", *options, target,
            )  # fmt: skip
            body, _, end = done.stdout.decode().rpartition("\n")
            used, _, status = end.partition(" ")
            self.assertEqual(used, version.removeprefix("--http").removesuffix(".0"))
            said.append((status, body))
        return said

    def test_the_same_name_however_it_is_written(self) -> None:
        for host in ("a.example", "A.Example", "a.example:443", "a.example:1", "a.example."):
            self.assertEqual(self.ask("a.example", host), [("200", "ab")] * 2, host)

    def test_another_name(self) -> None:
        for name, host in (
            ("a.example", "c.example"),
            ("c.example", "a.example"),
            ("c.example", "127.0.0.1"),
        ):
            for status, body in self.ask(name, host):
                self.assertEqual((status, "misdirected" in body), ("421", True))
        lines = self.lines(6)
        self.assertEqual(
            {(line["reason"], line["status"], line["route"]) for line in lines}, {("misdirected", 421, "")}
        )
        self.assertEqual(
            (lines[0]["tls"]["sni"], lines[0]["host"], lines[0]["detail"]),
            ("a.example", "c.example", "the handshake named a.example, the certificate is not for c.example"),
        )

    def test_another_name_of_the_certificate(self) -> None:
        """What RFC 9113 section 9.1.1 allows: a client that was shown it may go on with both names."""
        self.assertEqual(self.ask("a.example", "b.example"), [("200", "ab")] * 2)
        self.assertEqual(self.ask("b.example", "a.example"), [("200", "ab")] * 2)
        self.assertEqual(
            [status for status, _ in self.ask("a.example", "x.d.example")], ["421"] * 2, "no route"
        )
        reasons = [line["reason"] for line in self.lines(6)[4:]]
        self.assertEqual(reasons, ["unknown_host"] * 2)
        self.ask("a.example", "x.y.d.example")
        self.assertEqual([line["reason"] for line in self.lines(8)[6:]], ["misdirected"] * 2)

    def test_no_name_at_all(self) -> None:
        """A client that connects to an address gets the first certificate."""
        for host, status in (
            ("127.0.0.1", "200"),
            ("a.example", "200"),
            ("b.example", "200"),
            ("c.example", "421"),
        ):
            self.assertEqual([said[0] for said in self.ask("", host)], [status] * 2, host)

    def test_a_connection_that_goes_on(self) -> None:
        """Each request is looked at, not only the first."""
        to = f"127.0.0.1:{self.gateway.port}"
        requests: list[str] = []
        for host in ("a.example", "b.example", "c.example", "a.example", "c.example"):
            requests += ["--next"] if requests else []
            requests += ["-sSk", "--http1.1", "--connect-to", f"::{to}", "-H", f"Host: {host}"]
            requests += ["-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n", "https://a.example/"]
        text = run("curl", *requests).stdout.decode()
        self.assertEqual(text.split(), ["200", "1", "200", "0", "421", "0", "200", "0", "421", "0"])

    def test_where_it_does_not_matter(self) -> None:
        self.assertEqual(self.ask("a.example", "c.example", "PASS"), [("200", "c")] * 2)
        self.assertEqual(self.ask("", "c.example", "PASS"), [("200", "c")] * 2)

    def test_names_that_have_no_certificate(self) -> None:
        """The first is shown for them; it does not make them names of it."""
        self.assertEqual(self.ask("c.example", "a.example", "ANY")[0][0], "421")
        self.assertEqual(self.ask("e.example", "a.example", "ANY"), [("200", "ab")] * 2)
        self.assertEqual(self.ask("a.example", "e.example", "ANY")[0][0], "421")
        self.assertEqual(self.lines(6)[-1]["reason"], "misdirected")
        self.ask("e.example", "e.example", "ANY")
        self.assertEqual(self.lines(8)[-1]["reason"], "unknown_host")
