"""Certificates that change while they serve, and clients that get the one they can verify."""

from __future__ import annotations

import datetime
import http.client
import os
import socket
import ssl
import urllib.request
from pathlib import Path
from typing import Any

from cryptography import x509
from OpenSSL import SSL

from tests.loopback.authority import Authority, Pair
from tests.loopback.case import LoopbackTestCase
from tests.loopback.peers import Gateway, eventually, run
from tests.loopback.process import Peer, find_program

CONFIG = """
listeners:
  - name: web
    protocol: https
    address: 127.0.0.1
    port: @PORT@
    certificates: [{cert: live/tls.crt, key: live/tls.key}, {cert: rsa.pem, key: rsa.key}, @STAPLED@]
  - name: raw
    protocol: tls
    address: 127.0.0.1
    port: @RAW@
    certificates: [{cert: live/tls.crt, key: live/tls.key}]
    echo: {}
routes: [{respond: {body: hello}}]
admin: {port: @ADMIN@}
access_log: {path: "@FOLDER@/access.log"}
drain: {limit: 500ms}
"""


def serial(cert: Path) -> int:
    """Of the certificate in a file."""
    return x509.load_pem_x509_certificate(cert.read_bytes()).serial_number


class Responder(Peer):
    """`openssl ocsp`, which answers for an authority."""

    program = "openssl"

    def __init__(self, authority: Authority) -> None:
        super().__init__()
        self._authority = authority
        self.url = self.fill("http://127.0.0.1:@PORT@/")
        self._index = self.folder / "index.txt"
        self._index.write_text("")

    def knows(self, *pairs: Pair) -> None:
        """It will say that these certificates are good."""
        end = (datetime.datetime.now() + datetime.timedelta(days=2)).strftime("%y%m%d%H%M%SZ")
        numbers = [f"{serial(pair.cert):X}" for pair in pairs]
        padded = [number.zfill(len(number) + len(number) % 2) for number in numbers]
        self._index.write_text("".join(f"V\t{end}\t\t{each}\tunknown\t/CN={each}\n" for each in padded))

    def is_ready(self) -> bool:
        """As it says itself: it can not stand a client that says nothing."""
        return "waiting for OCSP client connections" in self.log()

    def command(self) -> list[str]:
        """What answers, until it is ended."""
        ca, key = str(self._authority.ca), str(self._authority.key())
        return [
            find_program("openssl"), "ocsp", "-index", str(self._index), "-port", str(self.port),
            "-rsigner", ca, "-rkey", key, "-CA", ca, "-ndays", "7", "-ignore_err",
        ]  # fmt: skip


class Changing(LoopbackTestCase):
    """Files that are replaced."""

    def setUp(self) -> None:
        self.authority = self.start(Authority())
        responder = Responder(self.authority)
        stapled = self.authority.issue("two.test", responder=responder.url)
        responder.knows(stapled)
        self.start(responder)
        keys = f"cert: {stapled.cert}, key: {stapled.key}, ocsp: true, ocsp_cache: two.ocsp"
        self.gateway = Gateway(CONFIG.replace("@STAPLED@", f"{{{keys}}}"))
        self.folder = self.gateway.folder
        self.rsa = self.authority.issue("one.test", kind="rsa")
        self.copy(self.rsa, self.folder / "rsa.pem", self.folder / "rsa.key")
        self.first = self.authority.issue("one.test")
        self.lead(self.first)
        self.start(self.gateway)

    def copy(self, pair: Pair, cert: Path, key: Path) -> None:
        """Write a pair where it is to serve, over what is there, the certificate first."""
        cert.write_bytes(pair.cert.read_bytes())
        key.write_bytes(pair.key.read_bytes())
        key.chmod(0o600)

    def lead(self, pair: Pair) -> None:
        """As Kubernetes does it: a new folder, and a link that is led there."""
        fresh = self.folder / f"..{serial(pair.cert)}"
        fresh.mkdir()
        self.copy(pair, fresh / "tls.crt", fresh / "tls.key")
        (self.folder / "..next").symlink_to(fresh.name)
        os.rename(self.folder / "..next", self.folder / "..data")
        if not (self.folder / "live").exists():
            (self.folder / "live").mkdir()
            for name in ("tls.crt", "tls.key"):
                (self.folder / "live" / name).symlink_to(f"../..data/{name}")

    def shown(self, *options: str, port: str = "PORT") -> int:
        """The serial number of what openssl is shown."""
        to = f"127.0.0.1:{self.gateway.ports[port]}"
        done = run("openssl", "s_client", "-connect", to, "-servername", "one.test", *options)
        pem = done.stdout[done.stdout.find(b"-----BEGIN") :]
        return x509.load_pem_x509_certificate(pem).serial_number

    def metrics(self) -> str:
        """What Prometheus reads."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.gateway.ports['ADMIN']}/metrics") as answer:
            return str(answer.read(), "utf-8")

    def test_files_are_replaced_and_nothing_drops(self) -> None:
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        context.check_hostname = False
        old = http.client.HTTPSConnection("127.0.0.1", self.gateway.port, context=context, timeout=5)
        self.addCleanup(old.close)
        old.request("GET", "/", headers={"Host": "one.test"})
        self.assertEqual(old.getresponse().read(), b"hello")
        self.each_client_gets_what_it_can_verify()
        self.log_says_what_was_agreed()
        self.what_the_responder_says_is_shown()
        second = self.authority.issue("one.test")
        self.lead(second)
        eventually(lambda: self.shown() == serial(second.cert), what="the second pair")
        self.assertEqual(self.shown(port="RAW"), serial(second.cert))
        old.request("GET", "/", headers={"Host": "one.test"})
        self.assertEqual(old.getresponse().read(), b"hello")

        def requests() -> list[Any]:
            return [
                line["peer"]
                for line in self.gateway.access()
                if line["kind"] == "http" and "user_agent" not in line
            ]

        eventually(lambda: len(requests()) == 2, what="both lines")
        self.assertEqual(len(set(requests())), 1, "the connection from before has not dropped")

        cert, key = (self.folder / "live" / name for name in ("tls.crt", "tls.key"))
        cert.write_bytes(b"garbage")
        why = "the new certificate is not served: it is not a certificate in PEM form; the one from before"
        eventually(lambda: why in self.gateway.log(), 15, why)
        self.assertEqual(self.shown(), serial(second.cert))

        third = self.authority.issue("one.test")
        self.copy(third, cert, key)
        eventually(lambda: self.shown() == serial(third.cert), what="the third pair")
        text = self.metrics()
        self.assertIn('toron_certificate_reloads_total{name="one.test",result="applied"} 2.0', text)
        self.assertIn('toron_certificate_reloads_total{name="one.test",result="rejected"} 1.0', text)
        self.assertIn('toron_certificate_not_after_timestamp_seconds{name="one.test"} ', text)

    def log_says_what_was_agreed(self) -> None:
        """The best is agreed on with a client that knows it."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        with socket.create_connection(("127.0.0.1", self.gateway.port), 5) as sock:
            client = SSL.Connection(context, sock)
            client.set_tlsext_host_name(b"one.test")
            sock.settimeout(None)
            client.set_connect_state()
            client.sendall(b"GET / HTTP/1.1\r\nHost: one.test\r\nUser-Agent: new\r\n\r\n")
            self.assertEqual(client.recv(8), b"HTTP/1.1")

        def lines() -> list[Any]:
            return [line for line in self.gateway.access() if line.get("user_agent") == "new"]

        line = eventually(lines, what="the line")[0]
        self.assertEqual(line["tls"]["version"], "TLSv1.3")
        self.assertTrue(line["tls"]["cipher"].startswith("TLS_"))
        self.assertEqual(line["tls"]["group"], "X25519MLKEM768")

    def what_the_responder_says_is_shown(self) -> None:
        """To clients that ask, and it is kept for the next start."""
        to = f"127.0.0.1:{self.gateway.port}"

        def shown(name: str) -> str:
            done = run("openssl", "s_client", "-connect", to, "-servername", name, "-status")
            return done.stdout.decode(errors="replace")

        eventually(lambda: "Cert Status: good" in shown("two.test"), what="that it is good")
        text = shown("two.test")
        self.assertIn("OCSP Response Status: successful (0x0)", text)
        self.assertIn("OCSP response: no response sent", shown("one.test"))
        self.assertEqual(os.stat(self.folder / "two.ocsp").st_mode & 0o777, 0o600)

    def each_client_gets_what_it_can_verify(self) -> None:
        """By the signatures and, in TLS 1.2, the cipher suites that it knows."""
        ecdsa, rsa = serial(self.first.cert), serial(self.rsa.cert)
        self.assertEqual(self.shown(), ecdsa)
        self.assertEqual(self.shown("-tls1_2"), ecdsa)
        self.assertEqual(self.shown("-sigalgs", "rsa_pss_rsae_sha256"), rsa)
        self.assertEqual(self.shown("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"), rsa)
        self.assertEqual(self.shown("-tls1_2", "-sigalgs", "RSA+SHA256"), rsa)
