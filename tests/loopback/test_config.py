"""The configurations that the specification shows load and serve, in every format."""

from __future__ import annotations

import json
import re
import socket

from joserfc import jwt
from joserfc.jwk import OctKey

from tests.loopback.authority import Authority
from tests.loopback.peers import (
    Conversation,
    CountingBackend,
    Gateway,
    LoopbackTestCase,
    PeerFailed,
    UdpEcho,
    raw_exchange,
    run,
)
from tests.loopback.sockets import LOOPBACK
from tests.loopback.web import answer, ask

FIRST = """
listeners:
  - protocol: http
    port: @PORT@
routes:
  - match:
      path: /api/v1
    backend:
      url: http://localhost:{port}
    middlewares:
      - jwt
      - rate-limit
"""

WHOLE = """
listeners:
  - name: web                       # optional; defaults to protocol-port
    protocol: http                  # http | https | http3 | tcp | tls | sni | udp
    address: 127.0.0.1              # default: every address, IPv4 and IPv6
    port: @PORT@
    guards:
      - allow: [10.0.0.0/8, 127.0.0.0/8]
      - connections: {{total: 512, per_client: 32}}
    proxy_protocol: {{trusted: [127.0.0.0/8]}}       # receive PROXY v1/v2
  - protocol: https                 # TLS terminated; ALPN offers h2 and http/1.1
    port: @HTTPS@
    certificates:
      - {{cert: tls/a.pem, key: tls/a.key}}         # the names are read from the certificate
  - protocol: tls                   # TLS terminated, bytes relayed
    port: @SYSLOG@
    certificates: [{{cert: tls/a.pem, key: tls/a.key}}]
    backend: syslog
  - protocol: sni                   # not terminated: routed by the ClientHello
    port: @SNI@
    routes:
      - {{match: {{sni: "*.db.example.com", alpn: [postgresql]}}, backend: db}}
      # nothing matched: the connection is dropped
  - {{protocol: tcp, port: @TCP@, backend: db}}
  - {{protocol: udp, port: @UDP@, backend: dns, idle: 30s}}

routes:                             # first by explicit priority, then most specific, then file order
  - match: {{host: api.example.com, path: /v1, methods: [GET, POST], headers: {{X-Beta: "1"}}}}
    listeners: [web]                # default: every HTTP listener
    middlewares: [auth, {{headers: {{set: {{X-Served-By: toron}}}}}}]
    backend: api                    # a name, or inline {{url: ...}} / {{servers: [...]}}
  - match: {{path: "^/old/(.*)$"}}    # a regular expression; /x/* is a prefix
    redirect: {{to: /new/$1, status: 308}}

backends:
  api:
    balance: round-robin            # least-conn | ip-hash | random | primary-backup | ...
    servers:
      - http://127.0.0.1:{web}
      - {{url: "http://127.0.0.1:{other}", weight: 3}}
    sticky: {{cookie: toron_sticky, ttl: 300s}}
    health: {{path: /healthz, interval: 10s, timeout: 5s, rise: 2, fall: 3}}
    passive_health: {{failures: 5, base: 30s}}
    timeouts: {{connect: 5s, response: 60s, idle: 60s}}
    retries: {{attempts: 2, budget: 20%}}
    tls: {{ca: tls/ca.pem, server_name: api.internal}}
  db: {{servers: ["tcp://127.0.0.1:{db}"], proxy_protocol: v2, health: {{interval: 5s}}}}
  dns: {{servers: ["udp://127.0.0.1:{dns}"]}}
  syslog: {{servers: ["tcp://127.0.0.1:{syslog}"]}}

middlewares:                        # named once, used by name
  auth: {{type: jwt, secret: "${{JWT_SECRET}}"}}      # ${{VAR}}, ${{VAR:-default}}, {{file: path}}
  rate-limit: {{rate: 100/s, burst: 50}}            # no type: the name is the type

access_log: {{path: access.log}}      # JSON lines; `-` for standard output; off by default
log: {{level: info}}
admin: {{address: 127.0.0.1, port: @ADMIN@}}           # /metrics, /healthz, /readyz
workers: 1                          # or a number, or auto: one process per core
drain: {{limit: 500ms}}               # not in the example: a UDP session here would hold the stop for 30 s
"""

SECRET = "0123456789abcdef0123456789abcdef"


def token() -> str:
    """A good token."""
    return jwt.encode({"alg": "HS256"}, {"sub": "me"}, OctKey.import_key(SECRET))


class FirstFile(LoopbackTestCase):
    """A user's first file, as it stands but for the port numbers."""

    def setUp(self) -> None:
        self.backend = self.start(CountingBackend(answer("hello")))
        self.text = FIRST.format(port=self.backend.port)

    def test_serves(self) -> None:
        gateway = self.start(Gateway(self.text, environment={"JWT_SECRET": SECRET}))
        self.assertEqual(ask(gateway.port, "/api/v1/x").status, 401)
        self.assertEqual(ask(gateway.port, "/other").status, 404)
        got = ask(gateway.port, "/api/v1/x", headers={"Authorization": f"Bearer {token()}"})
        self.assertEqual((got.status, got.text, got.headers["ratelimit-limit"]), (200, "hello", "100"))
        six = run(
            "curl", "-sSg", "-o", "/dev/null", "-w", "%{http_code}", f"http://[::1]:{gateway.port}/api/v1"
        )
        self.assertEqual(six.stdout, b"401", six.stderr)

    def test_a_jwt_without_a_key_says_what_to_add(self) -> None:
        gateway = Gateway(self.text, environment={"JWT_SECRET": ""})
        failure = str(self.assertRaises(PeerFailed, self.start, gateway))
        self.assertIn("ended with 1", failure)
        self.assertIn(f'{gateway.config}:11:9: jwt has no key: add secret: "${{JWT_SECRET}}"', failure)


class WholeExample(LoopbackTestCase):
    """The long example, with its own certificates and free ports."""

    def setUp(self) -> None:
        self.web = [self.start(CountingBackend(self.talk)) for _ in range(2)]
        self.db = self.start(CountingBackend(self.talk_db))
        self.syslog = self.start(CountingBackend())
        self.dns = self.start(UdpEcho())
        ports = {"web": self.web[0].port, "other": self.web[1].port, "db": self.db.port, "dns": self.dns.port}
        gateway = Gateway(WHOLE.format(syslog=self.syslog.port, **ports), environment={"JWT_SECRET": SECRET})
        tls = gateway.folder / "tls"
        tls.mkdir()
        authority = Authority(tls)
        authority.ca.rename(tls / "ca.pem")
        pair = authority.issue("api.example.com")
        pair.cert.rename(tls / "a.pem")
        pair.key.rename(tls / "a.key")
        self.ca = str(tls / "ca.pem")
        self.gateway = self.start(gateway)

    def talk(self, conversation: Conversation) -> None:
        while True:
            head, _ = conversation.read_request()
            conversation.send(answer(head))

    def talk_db(self, conversation: Conversation) -> None:
        head = conversation.read_exactly(16)
        conversation.send(head)
        while data := conversation.read():
            conversation.send(data)

    def test_http(self) -> None:
        request = (
            f"GET /v1 HTTP/1.1\r\nHost: api.example.com\r\nX-Beta: 1\r\nAuthorization: Bearer {token()}\r\n"
        )
        proxied = f"PROXY TCP4 10.1.2.3 127.0.0.1 4711 80\r\n{request}Connection: close\r\n\r\n".encode()
        got = raw_exchange(self.gateway.port, proxied)
        self.assertRegex(got, rb"^HTTP/1\.1 200 OK\r\n")
        self.assertIn(b"\r\nX-Forwarded-For: 10.1.2.3\r\n", got)
        self.assertIn(b"\r\nX-Served-By: toron\r\n", got)
        self.assertRegex(got, rb"\r\nSet-Cookie: toron_sticky=")
        (line,) = self.gateway.access(1)
        self.assertEqual((line["client"], line["status"], line["backend"]), ("10.1.2.3", 200, "api"))

    def test_https(self) -> None:
        url = f"https://api.example.com:{self.gateway.ports['HTTPS']}/old/x?y"
        got = run("curl", "-sSi", "--cacert", self.ca, "--connect-to", "::127.0.0.1:", url).stdout
        self.assertRegex(got, rb"^HTTP/2 308 ")
        self.assertIn(b"\r\nlocation: /new/x?y\r\n", got)

    def test_tls_and_sni(self) -> None:
        at = f"127.0.0.1:{self.gateway.ports['SYSLOG']}"
        got = run("openssl", "s_client", "-brief", "-connect", at, "-servername", "api.example.com",
                  "-verify_return_error", "-CAfile", self.ca, stdin=b"<34>message\n")  # fmt: skip
        self.assertEqual(got.returncode, 0, got.stderr)
        self.assertEqual(bytes(self.syslog.conversations[0].received), b"<34>message\n")
        at = f"127.0.0.1:{self.gateway.ports['SNI']}"
        dropped = run("openssl", "s_client", "-connect", at, "-servername", "elsewhere.example.com")
        self.assertNotEqual(dropped.returncode, 0)

    def test_tcp_and_udp(self) -> None:
        got = raw_exchange(self.gateway.ports["TCP"], b"query", half_close=True)
        self.assertEqual(got[:16], b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c")
        self.assertTrue(got.endswith(b"query"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.sendto(b"question", (LOOPBACK, self.gateway.ports["UDP"]))
            self.assertEqual(sock.recv(100), b"question")


class Formats(LoopbackTestCase):
    """The same configuration in YAML, JSON and TOML is the same gateway."""

    def serve(self, name: str, text: str) -> Gateway:
        gateway = Gateway(text, environment={"COLOUR": "red"})
        gateway.config = gateway.config.rename(gateway.folder / name)
        (gateway.folder / "key").write_text(SECRET)
        return self.start(gateway)

    def answers(self, gateway: Gateway) -> list[tuple[int, bytes]]:
        with_token = {"Authorization": f"Bearer {token()}"}
        got = [ask(gateway.port, path, headers=with_token) for path in ("/", "/locked", "/none")]
        return [(each.status, each.body) for each in [*got, ask(gateway.port, "/locked")]]

    def test_all_three(self) -> None:
        toml = """
            [[listeners]]
            protocol = "http"
            address = "127.0.0.1"
            port = @PORT@

            [[routes]]
            match = {path = "^/$"}
            respond = {body = "${COLOUR} ${SHAPE:-round} $${not}"}

            [[routes]]
            match.path = "/locked"
            middlewares = [{jwt = {secret = {file = "key"}}}]
            respond.body = "in"
        """
        yaml = """
            listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]
            routes:
              - {match: {path: ^/$}, respond: {body: "${COLOUR} ${SHAPE:-round} $${not}"}}
              - {match: {path: /locked}, middlewares: [{jwt: {secret: {file: key}}}], respond: {body: in}}
        """
        as_json = {
            "listeners": [{"protocol": "http", "address": "127.0.0.1", "port": 0}],
            "routes": [
                {"match": {"path": "^/$"}, "respond": {"body": "${COLOUR} ${SHAPE:-round} $${not}"}},
                {
                    "match": {"path": "/locked"},
                    "middlewares": [{"jwt": {"secret": {"file": "key"}}}],
                    "respond": {"body": "in"},
                },
            ],
        }
        written = re.sub(r'"port": 0', '"port": @PORT@', json.dumps(as_json))
        got = [
            self.answers(self.serve(name, text))
            for name, text in (("a.toml", toml), ("a.yaml", yaml), ("a.json", written))
        ]
        self.assertEqual(got[0][:2], [(200, b"red round ${not}"), (200, b"in")])
        self.assertEqual([status for status, _ in got[0]], [200, 200, 404, 401])
        self.assertEqual([each[:2] for each in got], [got[0][:2]] * 3)
