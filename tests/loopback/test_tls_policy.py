"""Each TLS policy speaks the versions it says, and tells others so with an alert."""

from __future__ import annotations

from tests.loopback.peers import Gateway, run
from tests.loopback.shared import SharedTestCase

POLICIES = ("modern", "intermediate", "legacy")


def listener(policy: str) -> str:
    """A listener of that policy, which echoes."""
    return f"""
  - name: {policy}
    protocol: tls
    address: 127.0.0.1
    port: @{policy.upper()}@
    certificates: [{{self_signed: [localhost]}}]
    tls: {{policy: {policy}}}
    echo: {{}}
"""


CONFIG = f"""
listeners:
{"".join(map(listener, POLICIES))}
access_log: {{path: "@FOLDER@/access.log"}}
drain: {{limit: 500ms}}
"""

AT_ALL_LEVELS = ("-cipher", "ALL:@SECLEVEL=0")
"""What lets openssl offer versions and ciphers that its own defaults forbid."""


class Policies(SharedTestCase):
    """openssl against each of them."""

    @classmethod
    def prepare(cls) -> None:
        cls.gateway = cls.keep(Gateway(CONFIG))

    def agreed(self, policy: str, *options: str, stdin: bytes = b"") -> str:
        """What openssl prints of the session."""
        to = f"127.0.0.1:{self.gateway.ports[policy.upper()]}"
        done = run("openssl", "s_client", "-connect", to, "-servername", "localhost", *options, stdin=stdin)
        return (done.stdout + done.stderr).decode()

    def test_no_version_below_1_2(self) -> None:
        for policy in POLICIES:
            for version in ("-tls1_1", "-tls1"):
                text = self.agreed(policy, version, *AT_ALL_LEVELS)
                self.assertIn("alert protocol version", text)
                self.assertIn("Cipher is (NONE)", text)
        lines = self.lines(6)
        self.assertEqual({line["reason"] for line in lines}, {"handshake_failed"})
        self.assertEqual({line["detail"] for line in lines}, {"unsupported protocol"})

    def test_modern_is_1_3_alone(self) -> None:
        self.assertIn("alert protocol version", self.agreed("modern", "-tls1_2"))
        self.assertEqual(self.lines(1)[0]["detail"], "unsupported protocol")
        self.assertIn("New, TLSv1.3, Cipher is TLS_", self.agreed("modern"))

    def test_the_others_speak_1_2_with_forward_secrecy(self) -> None:
        for policy in POLICIES[1:]:
            self.assertIn("New, TLSv1.3", self.agreed(policy))
            self.assertIn("New, TLSv1.2, Cipher is ECDHE-", self.agreed(policy, "-tls1_2"))
            self.assertIn("Secure Renegotiation IS supported", self.agreed(policy, "-tls1_2"))

    def test_cbc_is_for_legacy(self) -> None:
        cbc = ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA")
        self.assertIn("alert handshake failure", self.agreed("intermediate", *cbc))
        self.assertIn("Cipher is ECDHE-ECDSA-AES128-SHA", self.agreed("legacy", *cbc))
        self.assertIn("no shared cipher", self.lines(1)[0]["detail"])

    def test_no_finite_fields(self) -> None:
        for policy in POLICIES:
            self.assertIn("alert handshake failure", self.agreed(policy, "-groups", "ffdhe2048:ffdhe3072"))
        text = self.agreed("legacy", "-tls1_2", "-cipher", "DHE:@SECLEVEL=0")
        self.assertIn("alert handshake failure", text)

    def test_no_compression(self) -> None:
        self.assertIn("Compression: NONE", self.agreed("legacy", "-tls1_2", "-comp"))

    def test_sessions_are_resumed_by_ticket_alone(self) -> None:
        text = self.agreed("intermediate", "-tls1_2", "-reconnect")
        self.assertEqual((text.count("New, TLSv1.2"), text.count("Reused, TLSv1.2")), (1, 5))
        self.assertIn("TLS session ticket lifetime hint: 7200", text)
        text = self.agreed("intermediate", "-tls1_2", "-reconnect", "-no_ticket")
        self.assertEqual((text.count("New, TLSv1.2"), text.count("Reused")), (6, 0))

    def test_no_renegotiation(self) -> None:
        text = self.agreed("legacy", "-tls1_2", stdin=b"R\n")
        self.assertIn("RENEGOTIATING", text)
        self.assertIn("no renegotiation", text)
