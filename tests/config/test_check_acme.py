"""Certificates that renew themselves: each mistake, and what is said about it."""

from __future__ import annotations

from tests.config.case import ConfigCase


class AcmeChecks(ConfigCase):
    """`one` has the options of the one certificate; its line is the sixth, where `acme` begins at 16."""

    def setUp(self) -> None:
        super().setUp()
        self.write("hook", "#!/bin/sh\n", 0o700)

    def one(
        self,
        options: str,
        *expected: str,
        protocol: str = "https",
        web: str = "http",
        more: str = "",
        top: str = "",
    ) -> None:
        self.says(
            f"listeners:\n  - {{protocol: {web}, port: 8080}}\n  - protocol: {protocol}\n    port: 8443\n"
            f"    certificates:\n      - {{acme: {{{options}}}{more}}}\nroutes: [{{echo: {{}}}}]\n{top}",
            *expected,
        )

    def test_good_ones(self) -> None:
        for options in (
            "names: [a.example], state: s",
            "names: A.example, email: me@a.example, directory: 'https://ca.example/dir', state: s",
            "names: [a.example, b.example], state: s, challenge: tls-alpn-01, key: rsa",
            "names: ['*.a.example'], state: s, challenge: dns-01, hook: [./hook, x], hook_timeout: 5s",
            "on_demand: {allow: ['*.a.example'], ask: 'http://127.0.0.1/may', per_hour: 3}, state: s",
            "names: xn--bcher-kva.example, state: s, eab: {kid: k, hmac: c2VjcmV0LXNlY3JldA}",
        ):
            self.one(options)

    def test_names(self) -> None:
        self.one("state: s", "6:10: no name is written: add names: [a.example], or on_demand:")
        names = [
            "a_b.example", "b\u00fccher.example", "127.0.0.1", "a..example", "-a.example", "a.example:443",
            "*.*.example", "*", "a.*.example", "x" * 64 + ".example", "https://a.example",
        ]  # fmt: skip
        for name in names:
            said = self.said_of(f"state: s, challenge: dns-01, hook: ./hook, names: ['{name}']")
            self.assertEqual(len(said), 1, name)
            self.assertIn("is not a DNS name: write one such as a.example", said[0])

    def said_of(self, options: str) -> list[str]:
        return self.said(
            "listeners:\n  - {protocol: http, port: 8080}\n  - protocol: https\n    port: 8443\n"
            f"    certificates: [{{acme: {{{options}}}}}]\nroutes: [{{echo: {{}}}}]\n"
        )

    def test_a_name_twice(self) -> None:
        self.one("state: s, names: [a.example, A.example]", "6:46: A.example is there twice: take one out")

    def test_wildcards(self) -> None:
        self.one(
            "state: s, names: ['*.a.example']",
            "6:35: *.a.example needs another challenge: write challenge: dns-01, or names without *",
        )

    def test_names_and_demand(self) -> None:
        self.one(
            "state: s, names: a.example, on_demand: {allow: b.example}",
            "6:45: there are names already: write either names or on_demand",
        )

    def test_demand(self) -> None:
        self.one(
            "state: s, on_demand: {allow: ['a b'], ask: 'ftp://x'}",
            "6:47: 'a b' is not a DNS name: write one such as a.example, with letters, digits and - "
            "(xn--... for all others)",
            "6:60: 'ftp://x' is not a URL: write one that begins with https:// or http://",
        )
        self.one(
            "state: s, on_demand: {allow: a.example}",
            "6:27: certificates on demand need one process: write workers: 1, or names",
            top="workers: 2\n",
        )

    def test_demand_twice(self) -> None:
        self.says(
            "listeners:\n  - {protocol: http, port: 8080}\n  - protocol: https\n    port: 8443\n"
            "    certificates:\n      - acme: {state: s, on_demand: {allow: a.example}}\n"
            "      - acme: {state: s, on_demand: {allow: b.example}}\nroutes: [{echo: {}}]\n",
            "7:26: this listener has certificates on demand already: write all names there",
        )

    def test_demand_over_quic(self) -> None:
        self.one(
            "state: s, on_demand: {allow: a.example}",
            "6:27: an http3 listener can not wait for certificates: write names, or use an https listener",
            protocol="http3",
        )

    def test_no_listener_for_the_proof(self) -> None:
        self.one(
            "names: a.example, state: s",
            "6:10: http-01 needs an http listener, port 80 to the world: add one, or write another"
            " challenge:",
            web="tcp, echo: {}",
        )
        self.one(
            "names: a.example, state: s, challenge: tls-alpn-01",
            "6:56: tls-alpn-01 is shown by https and tls listeners only: write another challenge:",
            protocol="http3",
        )

    def test_hooks(self) -> None:
        self.one(
            "names: a.example, state: s, challenge: dns-01",
            "6:10: dns-01 needs a command that writes the TXT record: add hook: [command, argument]",
        )
        self.one(
            "names: a.example, state: s, challenge: dns-01, hook: [nowhere/hook, x]",
            "6:71: there is no command 'nowhere/hook' that can be run: write its whole path",
        )
        self.write("text", "x", 0o600)
        self.one(
            "names: a.example, state: s, challenge: dns-01, hook: ./text",
            "6:70: there is no command './text' that can be run: write its whole path",
        )
        self.one(
            "names: a.example, state: s, hook: ./hook, hook_timeout: 5s",
            "6:45: only dns-01 has a hook: take it out",
            "6:59: only dns-01 has a hook_timeout: take it out",
        )

    def test_the_directory(self) -> None:
        for url in ("http://ca.example/", "ca.example", "https://", "https:///dir", "", "https://a b"):
            self.one(
                f"names: a.example, state: s, directory: '{url}'",
                f"6:56: {url!r} is not the URL of a directory: write one that begins with https://",
            )

    def test_its_authority(self) -> None:
        self.one(
            "names: a.example, state: s, ca: nowhere.pem",
            "6:49: nowhere.pem cannot be read: No such file or directory: check the path and its mode",
        )

    def test_an_address_to_write_to(self) -> None:
        for email in ("me", "me@", "a@b, c@d", "me@a.example?subject=x"):
            self.one(
                f"names: a.example, state: s, email: '{email}'",
                f"6:52: {email!r} is not one e-mail address: write one, or none",
            )

    def test_the_state(self) -> None:
        self.write("file", "x")
        self.one(
            "names: a.example, state: file",
            "6:42: file is not a folder: write the path of one, or of none yet",
        )

    def test_a_binding(self) -> None:
        for key in ("not base64url!", "a+b/", "a", "="):
            self.one(
                f"names: a.example, state: s, eab: {{kid: k, hmac: '{key}'}}",
                "6:65: the key is not in base64url: write it as the directory's owner gives it",
            )

    def test_two_kinds_of_certificates(self) -> None:
        self.one(
            "names: a.example, state: s",
            "6:46: acme gets a certificate of its own: write either acme or self_signed",
            more=", self_signed: a.example",
        )
        self.one(
            "names: a.example, state: s",
            "6:46: acme gets a certificate of its own: write either acme or cert",
            "6:59: acme gets a certificate of its own: write either acme or key",
            more=", cert: a.pem, key: b.pem",
        )
