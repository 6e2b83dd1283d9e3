"""What the page about the configuration shows is true."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

from tests.config.case import PluginCase
from toron import plugin
from toron.config.introduction import DRAWERS, INTRODUCTION
from toron.config.load import load
from toron.config.place import Invalid

WHOLE: dict[str, Any] = {
    "listeners": [{"protocol": "http", "port": 8080}],
    "routes": [{"backend": "api"}],
    "backends": {"api": {"url": "http://127.0.0.1:9000"}},
}
"""What the examples of parts are parts of."""


def block(text: str, kind: str = "yaml") -> str:
    """The only example in a text."""
    [found] = re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return str(found)


class Examples(PluginCase):
    """Each loads, or is refused with the words that are shown."""

    def valid(self, text: str) -> None:
        self.assertEqual(load(self.write("a.yaml", text), plugin, {"JWT_SECRET": "x" * 32}).warnings, [])

    def test_the_smallest(self) -> None:
        self.valid(block(INTRODUCTION))

    def test_the_mistakes(self) -> None:
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        mistaken = block(INTRODUCTION).replace("port:", "prot:").replace("http://", "https://")
        Path("toron.yaml").write_text(mistaken.replace("{url", "{tls: {verify: false}, url"))
        invalid = self.assertRaises(Invalid, load, "toron.yaml", plugin, {})
        self.assertEqual(block(INTRODUCTION, "console"), f"$ toron check toron.yaml\n{invalid}\n")

    def test_guards(self) -> None:
        listener = WHOLE["listeners"][0] | yaml.safe_load(block(DRAWERS["guards"]))
        self.valid(yaml.safe_dump(WHOLE | {"listeners": [listener]}))

    def test_middlewares(self) -> None:
        self.valid(yaml.safe_dump(WHOLE | yaml.safe_load(block(DRAWERS["middleware"]))))

    def test_balancers(self) -> None:
        lines = re.findall(r"`(balance: [^`]*)`", DRAWERS["balancers"])
        self.assertEqual(len(lines), 2)
        for line in lines:
            backend = {"servers": ["http://a", "http://b"]} | yaml.safe_load(line)
            self.valid(yaml.safe_dump(WHOLE | {"backends": {"api": backend}}))

    def test_values(self) -> None:
        found = dict(re.findall(r"^\| ([a-z ]+) \| (.*) \|$", INTRODUCTION, re.MULTILINE))
        places = {
            "duration": "listeners: [{protocol: tcp, port: 1, echo: {}, idle: %s}]",
            "size": "listeners: [{protocol: http, port: 1, limits: {body: %s}}]\nroutes: [{echo: {}}]",
            "rate": "listeners: [{protocol: http, port: 1}]\n"
            "routes: [{echo: {}, middlewares: [{rate-limit: {rate: %s}}]}]",
            "share": "listeners: [{protocol: http, port: 1}]\n"
            "routes: [{backend: {url: 'http://a', retries: {budget: %s}}}]",
            "network": "listeners: [{protocol: tcp, port: 1, echo: {}, guards: [{allow: [%s]}]}]",
        }
        for word, text in places.items():
            values = re.findall("`([^`]+)`", found[word])
            self.assertTrue(values)
            for value in values:
                if value not in ("ms", "s", "m", "h", "d", "k", "g"):
                    self.valid(text % value)
