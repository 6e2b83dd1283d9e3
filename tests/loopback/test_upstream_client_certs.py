"""Servers that ask the gateway for a certificate, and keys of servers that are pinned."""

from __future__ import annotations

import json
import shutil
import signal
from typing import ClassVar

from tests.loopback.authority import Authority
from tests.loopback.client_authority import ClientAuthority, pin
from tests.loopback.peers import Gateway, Nginx, eventually, raw_exchange
from tests.loopback.shared import SharedTestCase

GET = b"GET /%b HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"

SERVER = """
server {{
  listen 127.0.0.1:@{port}@ ssl;
  ssl_certificate {pair.cert};
  ssl_certificate_key {pair.key};
  ssl_client_certificate {ca};
  ssl_verify_client on;
  location / {{ default_type text/plain; return 200 "$ssl_client_s_dn"; }}
}}
"""


class MutualTls(SharedTestCase):
    """An nginx that answers nobody without a certificate; each backend is asked by its name as the path."""

    clients: ClassVar[ClientAuthority]

    @classmethod
    def prepare(cls) -> None:
        servers, cls.clients = cls.keep(Authority()), cls.keep(ClientAuthority(name="clients"))
        pair, late = servers.issue("127.0.0.1"), servers.issue("127.0.0.1", days=-1)
        nginx = cls.keep(
            Nginx(
                SERVER.format(port="PORT", pair=pair, ca=cls.clients.ca)
                + SERVER.format(port="LATE", pair=late, ca=cls.clients.ca)
            )
        )
        ca, other = {"ca": str(servers.ca)}, pin(cls.clients.ca)
        ports = nginx.ports["PORT"], nginx.ports["LATE"]
        mutual = ca | {"cert": "us.pem", "key": "us.key"}
        trusting = mutual | {"verify": False}
        tls = {
            "mutual": mutual,
            "none": ca,
            "strange": mutual | {"ca": str(cls.clients.ca)},
            "name": mutual | {"server_name": "b.example"},
            "late": mutual,
            "pinned": mutual | {"pin": pin(pair.cert)},
            "above": mutual | {"pin": [pin(servers.ca)]},
            "either": mutual | {"pin": [other, pin(pair.cert)]},
            "wrong": mutual | {"pin": other},
            "trusting": trusting | {"pin": pin(pair.cert)},
            "trusting-above": trusting | {"pin": pin(servers.ca)},
        }
        config = {
            "listeners": [
                {"name": "mark", "protocol": "https", "address": "127.0.0.1", "port": "@MARK@",
                 "certificates": [{"self_signed": "a.example"}]},
                {"name": "web", "protocol": "http", "address": "127.0.0.1", "port": "@PORT@"},
            ],
            "routes": [{"match": {"path": f"/{name}"}, "backend": name} for name in tls],
            "backends": {
                name: {"url": f"https://127.0.0.1:{ports[name == 'late']}", "tls": each}
                for name, each in tls.items()
            },
            "access_log": {"path": "@FOLDER@/access.log"},
            "drain": {"limit": "500ms"},
        }  # fmt: skip
        # JSON is YAML too, and there ports are filled in.
        text = "\n".join(f"{key}: {json.dumps(value)}" for key, value in config.items())
        gateway = Gateway(text.replace('"@PORT@"', "@PORT@").replace('"@MARK@"', "@MARK@"))
        cls.gateway = gateway
        cls.show(cls.clients)
        cls.keep(gateway)

    @classmethod
    def show(cls, authority: ClientAuthority) -> None:
        """What the gateway shows is signed by this authority from the next start or reload on."""
        made = authority.client("gateway")
        shutil.copy(made.cert, cls.gateway.folder / "us.pem")
        shutil.copy(made.key, cls.gateway.folder / "us.key")

    def _is_quiet(self) -> bool:
        # Exchanges have one line each.
        return any(line["peer"] == self._mark for line in self.gateway.access())

    def ask(self, name: str) -> tuple[int, bytes]:
        answer = raw_exchange(self.gateway.ports["PORT"], GET % name.encode())
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def test_with_a_certificate_and_without(self) -> None:
        self.assertEqual(self.ask("mutual"), (200, b"CN=gateway,O=Example"))
        status, body = self.ask("none")
        self.assertEqual((status, b"No required SSL certificate" in body), (400, True), "what nginx says")

    def test_pins_that_fit(self) -> None:
        for name in ("pinned", "above", "either", "trusting"):
            self.assertEqual(self.ask(name), (200, b"CN=gateway,O=Example"), name)

    def test_servers_that_are_not_trusted(self) -> None:
        cases = {
            "strange": "the certificate is of an unknown authority",
            "name": "the certificate is not for b.example",
            "late": "the certificate has expired",
            "wrong": "the certificate has a key that is not pinned",
            "trusting-above": "the certificate has a key that is not pinned",
        }
        for name in cases:
            self.assertEqual(self.ask(name)[0], 502, name)
        lines = self.lines(len(cases))
        self.assertEqual({line["reason"] for line in lines}, {"upstream_certificate_invalid"})
        self.assertEqual([line["detail"] for line in lines], list(cases.values()))

    def test_files_are_read_again(self) -> None:
        self.show(ClientAuthority(self.clients.folder, "stranger"))
        self.assertEqual(self.ask("mutual")[0], 200, "not before it is told")
        self.reload()
        status, body = self.ask("mutual")
        self.assertEqual((status, b"SSL certificate error" in body), (400, True))
        self.show(self.clients)
        self.reload()
        self.assertEqual(self.ask("mutual")[0], 200)

    def reload(self) -> None:
        changed = "the configuration was changed"
        before = self.gateway.log().count(changed)
        self.gateway.kill(signal.SIGHUP)
        eventually(lambda: self.gateway.log().count(changed) > before, what="the reload")
