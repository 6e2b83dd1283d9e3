"""Certificates that renew themselves, from a real directory that does what it can to make it hard."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path
from typing import Any

from cryptography.x509 import load_pem_x509_certificate
from curl_cffi import CurlHttpVersion, CurlOpt, requests

from tests.loopback.authority import Authority
from tests.loopback.case import LoopbackTestCase
from tests.loopback.pebble import ChallengeDns, Pebble
from tests.loopback.peers import Gateway, eventually, free_port, run
from tests.loopback.tls_load import TlsLoad
from tests.loopback.web import ask, metrics
from toron.acme.wanted import Wanted

CONFIG = """
listeners:
  - {{protocol: http, address: 127.0.0.1, port: {http}}}
  - protocol: https
    address: 127.0.0.1
    port: {tls}
    certificates: &certificates [{certificates}]
{listeners}
routes: [{{match: {{not: {{path: /closed}}}}, respond: {{body: hello}}}}]
admin: {{port: @ADMIN@}}
access_log: access.log
drain: {{limit: 500ms}}
{more}
"""


QUIC = "  - {protocol: http3, address: 127.0.0.1, port: @QUIC@, certificates: *certificates}"


class AcmeCase(LoopbackTestCase):
    """A directory that comes to look at our two ports."""

    def setUp(self) -> None:
        self.authority = self.start(Authority())
        self.http, self.tls = free_port(), free_port()

    def gateway(self, *options: str, more: str = "", listeners: str = "") -> Gateway:
        """One that has a certificate with each of these options, which is not started."""
        certificates = ", ".join(f"{{acme: {{{each}}}}}" for each in options)
        text = CONFIG.format(
            http=self.http, tls=self.tls, certificates=certificates, more=more, listeners=listeners
        )
        return Gateway(text)

    def trusted(self, pebble: Pebble) -> str:
        """The options for this directory."""
        return f'directory: "{pebble.url}", ca: {self.authority.ca}, state: state'

    def seed(self, gateway: Gateway, url: str, *names: str, state: str = "state", key: str = "ecdsa") -> Path:
        """Put a certificate into the state folder that is as good as over; returns its file."""
        pair = self.authority.issue(*names, days=1)
        folder = gateway.folder / state
        folder.mkdir(exist_ok=True, mode=0o700)
        wanted = Wanted(names, str(folder), url, key=key)
        file = folder / f"{wanted.file}.pem"
        file.write_bytes(pair.key.read_bytes() + pair.cert.read_bytes())
        file.chmod(0o600)
        return file

    def serial(self, file: Path) -> int:
        """Of the certificate in a file."""
        text = file.read_bytes()
        return load_pem_x509_certificate(text[text.find(b"-----BEGIN CERT") :]).serial_number

    def said(self, gateway: Gateway, text: str, times: int = 1, timeout: float = 20.0) -> None:
        """Wait for the log to say it."""
        eventually(lambda: gateway.log().count(text) >= times, timeout, f"{text!r} in\n{gateway.log()}")

    def get(self, name: str, *trust: Path) -> tuple[int, str]:
        """What curl says to a page of that name: its exit code, and the page or why not."""
        bundle = self.authority.folder / "trust.pem"
        bundle.write_bytes(b"".join(file.read_bytes() for file in trust))
        resolve = f"{name}:{self.tls}:127.0.0.1"
        done = run(
            "curl", "-sS", "--cacert", str(bundle), "--resolve", resolve, f"https://{name}:{self.tls}/"
        )
        return done.returncode, (done.stdout + done.stderr).decode()


class Challenges(AcmeCase):
    """Each of them: an old certificate is replaced under load, by a directory that takes few nonces."""

    def replaced(self, pebble: Pebble, options: str, *names: str, key: str = "ecdsa") -> Gateway:
        gateway = self.gateway(f"{self.trusted(pebble)}, {options}, names: {list(names)}, key: {key}")
        file = self.seed(gateway, pebble.url, *names, key=key)
        first = self.serial(file)
        self.start(gateway)
        load = self.start(TlsLoad(self.tls, "a.test", self.authority.ca, pebble.root()))
        eventually(lambda: load.serials and load.serials[-1] != first, 20.0, f"a new one:\n{gateway.log()}")
        load.close()
        self.assertEqual(load.failures, [])
        self.assertEqual(set(load.serials) - {first}, {self.serial(file)})
        modes = [stat.S_IMODE(each.stat().st_mode) for each in (file.parent, *file.parent.iterdir())]
        self.assertEqual(modes, [0o700] + [0o600] * (len(modes) - 1))
        return gateway

    def proofs(self, gateway: Gateway, count: int) -> list[Any]:
        """The access lines of proofs over HTTP, once there are so many."""
        found = [line for line in gateway.access() if "/.well-known/" in line.get("path", "")]
        return found if len(found) >= count else []

    def test_over_http(self) -> None:
        dns = self.start(ChallengeDns())
        environment = {"PEBBLE_WFE_NONCEREJECT": "40"}
        pebble = self.start(Pebble(self.authority, http=self.http, dns=dns.port, environment=environment))
        gateway = self.replaced(pebble, "challenge: http-01", "a.test", "b.test")
        lines = eventually(lambda: self.proofs(gateway, 2), what="the lines of proofs")
        self.assertEqual({(line["status"], line["route"]) for line in lines}, {(200, "acme")})
        # Its token is gone, and what is like it was never ours.
        self.assertEqual(ask(self.http, lines[0]["path"]).text, "hello")

    def test_in_handshakes(self) -> None:
        dns = self.start(ChallengeDns())
        pebble = self.start(Pebble(self.authority, tls=self.tls, dns=dns.port))
        gateway = self.replaced(pebble, "challenge: tls-alpn-01", "a.test", key="rsa")
        eventually(
            lambda: "acme_challenge" in [line.get("reason") for line in gateway.access()],
            what="the line of a proof",
        )
        done = run(
            "openssl", "s_client", "-connect", f"127.0.0.1:{self.tls}", "-servername", "a.test",
            "-alpn", "acme-tls/1",
        )  # fmt: skip
        self.assertIn(b"no application protocol", done.stderr)

    def test_by_a_hook(self) -> None:
        dns = self.start(ChallengeDns())
        secret = base64.urlsafe_b64encode(b"k" * 32).decode().rstrip("=")
        settings = {"externalAccountBindingRequired": True, "externalAccountMACKeys": {"kid-1": secret}}
        pebble = self.start(Pebble(self.authority, dns=dns.port, settings=settings))
        options = f"challenge: dns-01, hook: [{dns.hook()}], eab: {{kid: kid-1, hmac: {secret}}}"
        self.replaced(pebble, options, "a.test", "*.b.test")
        calls = dns.calls()
        self.assertEqual(sorted(call[:2] for call in calls), [
            ["add", "_acme-challenge.a.test"], ["add", "_acme-challenge.b.test"],
            ["remove", "_acme-challenge.a.test"], ["remove", "_acme-challenge.b.test"],
        ])  # fmt: skip


class Renewals(AcmeCase):
    def test_in_time_in_all_workers(self) -> None:
        dns = self.start(ChallengeDns())
        pebble = self.start(Pebble(self.authority, http=self.http, dns=dns.port, seconds=6))
        gateway = self.gateway(f"{self.trusted(pebble)}, names: a.test", more="workers: 2", listeners=QUIC)
        self.start(gateway)
        self.said(gateway, "ACME: a certificate for a.test")
        load = self.start(TlsLoad(self.tls, "a.test", pebble.root()))
        eventually(lambda: len(set(load.serials)) >= 2, 20.0, "a renewal")
        load.close()
        self.assertEqual(load.failures, [])
        self.assertEqual(gateway.log().count("ACME: account"), 1)
        port = gateway.ports["QUIC"]
        got = requests.get(
            f"https://a.test:{port}/", http_version=CurlHttpVersion.V3ONLY, verify=str(pebble.root()),
            curl_options={CurlOpt.RESOLVE: [f"a.test:{port}:127.0.0.1"]}, timeout=10.0,
        )  # fmt: skip
        self.assertEqual((got.content, got.http_version), (b"hello", CurlHttpVersion.V3))
        # Another certificate, and workers that were there before it.
        gateway.config.write_text(gateway.config.read_text().replace("names: a.test", "names: [c.test]"))
        os.kill(gateway.pid, 1)
        self.said(gateway, "ACME: a certificate for c.test")
        root = pebble.root()
        for _ in range(6):
            eventually(lambda: self.get("c.test", root) == (0, "hello"), what="every worker to have it")


class Trouble(AcmeCase):
    def test_what_may_go_wrong(self) -> None:
        dns = self.start(ChallengeDns())
        pebble = self.start(Pebble(self.authority, http=free_port(), dns=dns.port))
        asleep = self.start(Pebble(self.authority))
        asleep.kill(19)  # SIGSTOP
        self.addCleanup(asleep.kill, 18)
        good = self.trusted(pebble)
        hang = Path(self.authority.folder, "hang")
        hang.write_text("#!/bin/sh\nexec sleep 60\n")
        hang.chmod(0o700)
        other = self.start(Authority(name="another"))
        dead = f"https://127.0.0.1:{free_port()}/dir"
        gateway = self.gateway(
            f"names: old.test, directory: '{dead}', state: old",
            f"names: broken.test, directory: '{dead}', state: broken",
            f"names: slow.test, directory: '{asleep.url}', ca: {self.authority.ca}, state: slow",
            f"names: strange.test, directory: '{pebble.url}', ca: {other.ca}, state: strange",
            f"names: nowhere.test, directory: '{pebble.url}', ca: {self.authority.ca}, state: /proc/acme",
            f"names: unproved.test, {good}",
            f"names: wrong.test, {good}, challenge: dns-01, hook: ['false']",
            f"names: hangs.test, {good}, challenge: dns-01, hook: [{hang}], hook_timeout: 300ms",
        )
        self.seed(gateway, dead, "old.test", state="old")
        file = self.seed(gateway, dead, "broken.test", state="broken")
        file.write_bytes(file.read_bytes()[:-200])
        self.start(gateway)
        self.assertEqual(self.get("old.test", self.authority.ca), (0, "hello"))
        for name, why, kept in (
            ("old.test", f"{dead} can not be asked: Connection was refused", "the one from before is served"),
            ("broken.test", f"{dead} can not be asked", "there is none yet"),
            (
                "strange.test",
                f"{pebble.url} can not be asked: certificate verify failed",
                "there is none yet",
            ),
            ("nowhere.test", "the state folder can not be used: /proc/acme", "there is none yet"),
            (
                "unproved.test",
                "the proof of unproved.test by http-01 is invalid: connection",
                "there is none",
            ),
            ("wrong.test", "false ended with status 1", "there is none yet"),
            ("hangs.test", "hang did not end within 0.3 s", "there is none yet"),
        ):
            self.said(gateway, f"ACME: no certificate for {name}: ")
            [line] = [line for line in gateway.log().splitlines() if f"no certificate for {name}:" in line]
            for each in (why, kept, "and the next try is in"):
                self.assertIn(each, line)
        self.assertNotIn("no certificate for slow.test", gateway.log())
        self.assertTrue(file.with_name(f"{file.name}.bad1").exists())
        self.assertIn("unrecognized name", self.get("broken.test", self.authority.ca)[1])
        self.assertEqual(self.get("old.test", self.authority.ca), (0, "hello"))
        numbers = metrics(gateway.ports["ADMIN"])
        for name, reason in (("old.test", "directory"), ("hangs.test", "hook"), ("unproved.test", "proof"),
                             ("nowhere.test", "state")):  # fmt: skip
            labels = frozenset({("name", name), ("reason", reason)})
            self.assertEqual(numbers["toron_acme_failures_total", labels], 1)
        old = frozenset({("name", "old.test")})
        self.assertGreater(numbers["toron_acme_next_try_timestamp_seconds", old], 1e9)
        self.assertGreater(numbers["toron_certificate_not_after_timestamp_seconds", old], 1e9)


class OnDemand(AcmeCase):
    def test_the_first_request_for_a_name_works(self) -> None:
        dns = self.start(ChallengeDns())
        pebble = self.start(Pebble(self.authority, http=self.http, tls=self.tls, dns=dns.port))
        allow = "{allow: ['*.d.test'], per_hour: 2}"
        good = self.trusted(pebble)
        gateway = self.gateway(
            f"names: a.test, {good}", f"on_demand: {allow}, challenge: tls-alpn-01, {good}"
        )
        self.start(gateway)
        root = pebble.root()
        self.assertEqual(self.get("x.d.test", root), (0, "hello"), gateway.log())
        self.assertIn("unrecognized name", self.get("x.other.test", root)[1])
        self.said(gateway, "ACME: a certificate for a.test")
        # A reload that changes something else: the same account, the same certificates.
        gateway.config.write_text(gateway.config.read_text().replace("body: hello", "body: hi"))
        os.kill(gateway.pid, 1)
        self.said(gateway, "the configuration was changed")
        self.assertEqual([self.get(name, root) for name in ("x.d.test", "a.test")], [(0, "hi")] * 2)
        self.assertEqual(self.get("y.d.test", root), (0, "hi"), gateway.log())
        self.assertIn("unrecognized name", self.get("z.d.test", root)[1])
        self.said(gateway, "no certificate for z.d.test on demand: there were too many")
        log = gateway.log()
        self.assertEqual((log.count("ACME: account"), log.count("ACME: a certificate for")), (1, 3))
        # One that is not wanted any more ends; a new one begins.
        gateway.config.write_text(gateway.config.read_text().replace("names: a.test", "names: c.test"))
        os.kill(gateway.pid, 1)
        self.said(gateway, "ACME: a certificate for c.test")
        self.assertEqual(self.get("c.test", root), (0, "hi"))
        self.assertIn("unrecognized name", self.get("a.test", root)[1])
