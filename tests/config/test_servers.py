"""A file of servers is read like a configuration, and every mistake in it has its place."""

from __future__ import annotations

from tests.config.case import ConfigCase
from toron.config.servers import read_servers


class Servers(ConfigCase):
    def read(self, text: str, file: str = "s.yaml", scheme: str = "http") -> list[tuple[str, int, bool]]:
        found = read_servers(self.write(file, text), scheme)
        return [(server.url, server.weight, server.backup) for server in found]

    def wrong(self, text: str, file: str = "s.yaml", scheme: str = "http") -> list[str]:
        error = self.assertRaises(ValueError, read_servers, self.write(file, text), scheme)
        return [line.removeprefix(f"{self.folder}/{file}:") for line in str(error).splitlines()]

    def test_every_form(self) -> None:
        expected = [("http://10.0.0.1:80", 1, False), ("http://[::1]", 3, True)]
        self.assertEqual(
            self.read('servers: ["http://10.0.0.1:80/", {url: "http://[::1]", weight: 3, backup: true}]'),
            expected,
        )
        json = '{"servers": ["http://10.0.0.1:80", {"url": "http://[::1]", "weight": 3, "backup": true}]}'
        self.assertEqual(self.read(json, "s.json"), expected)
        toml = 'servers = ["http://10.0.0.1:80", {url = "http://[::1]", weight = 3, backup = true}]'
        self.assertEqual(self.read(toml, "s.toml"), expected)

    def test_other_schemes(self) -> None:
        self.assertEqual(self.read("servers: ['udp://a:1']", scheme="udp"), [("udp://a:1", 1, False)])

    def test_mistakes(self) -> None:
        for text, *expected in (
            ("", "1:1: the file is empty: write at least one server under servers:"),
            ("- http://a\n", "1:1: not a mapping: write servers: and a list of servers"),
            ("servers: []\n", "1:1: no servers: write one"),
            (
                "servers:\n",
                "1:9: nothing is written here: write a list such as [a, b], or take the key out",
            ),
            ("server: [http://a]\n", "1:1: unknown key 'server': did you mean 'servers'?"),
            (
                "servers:\n  - http://a\n  - {url: http://b, wait: 3}\n",
                "3:21: unknown key 'wait': did you mean 'weight'?",
            ),
            (
                "servers:\n  - http://a:x\n  - {url: 'ftp://b'}\n",
                "2:5: 'x' is not a port: write a number from 1 to 65535",
                "3:11: the scheme 'ftp' is not known here: write http, https, h2, h2c, tcp, tls, udp",
            ),
            (
                "servers:\n  - tcp://a:1\n",
                "2:5: 'tcp' is not what is spoken to these servers: write http://, or in the configuration "
                "scheme: tcp",
            ),
            (
                "servers: [{url: http://a, weight: 0}]\n",
                "1:1: every weight is 0: give one server a weight above 0",
            ),
            (
                "servers: [http://a]\nservers: [http://b]\n",
                "2:1: the key 'servers' is already written at 1:1: take one of the two out",
            ),
        ):  # fmt: skip
            with self.subTest(text):
                self.assertEqual(self.wrong(text), list(expected))

    def test_what_can_not_be_read(self) -> None:
        error = self.assertRaises(ValueError, read_servers, f"{self.folder}/none.yaml", "http")
        self.assertEqual(str(error), f"{self.folder}/none.yaml:1:1: there is no such file: check the path")
        self.assertEqual([line.split(": ")[0] for line in self.wrong("servers: [http://a\n")], ["2:1"])
        self.assertEqual(self.wrong("x", "s.txt")[0].split(":")[:2], ["1", "1"])

    def test_the_same_server_twice_is_no_mistake(self) -> None:
        self.assertEqual(len(self.read("servers: [http://a, http://a]")), 2)
