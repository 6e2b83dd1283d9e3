"""A configuration that was kept is the same afterwards."""

from __future__ import annotations

import os

from tests.config.case import PluginCase
from toron import plugin
from toron.config.kept import SLICE, given_back, kept, with_places
from toron.config.load import load
from toron.config.show import effective

LONG = "x" * 40


class Keeping(PluginCase):
    def test_what_comes_back(self) -> None:
        routes = "".join(
            f"  - {{match: {{path: /{n}}}, middlewares: [few], backend: b}}\n" for n in range(SLICE + 1)
        )
        path = self.write(
            "a.yaml",
            "listeners: [{protocol: http, port: 1}]\n"
            f"admin: {{token: {LONG}}}\n"
            "middlewares: {few: {type: jwt, secret: '${SECRET}'}}\n"
            "backends: {b: {url: 'http://a', sticky: {secret: " + LONG + "}}}\n"
            "routes:\n" + routes,
        )  # fmt: skip
        loaded = load(path, plugin, {**os.environ, "SECRET": LONG})
        back = given_back(kept(loaded))
        self.assertEqual(back.config, loaded.config)
        self.assertEqual(dict(back.plugins), dict(loaded.plugins))
        self.assertEqual(effective(back), effective(loaded))
        self.assertNotIn(LONG, str(effective(back)))
        named = {id(each) for path, each in back.plugins.items() if "middlewares" in path}
        self.assertEqual(len(named), 1, "what was one object is one object")

    def test_the_text_tells_the_places_again(self) -> None:
        text = "listeners: [{protocol: http, port: 1}]\nroutes:\n  - {name: a, respond: {}}\n"
        loaded = load(self.write("a.yaml", text), plugin, {})
        back = given_back(kept(loaded))
        self.assertEqual((back.places.text, back.places.keys), (text.encode(), {}))
        self.assertEqual(with_places(back, {}).place("routes", 0, "name"), loaded.place("routes", 0, "name"))

    def test_one_without_routes(self) -> None:
        loaded = load(self.write("a.yaml", "listeners: [{protocol: tcp, port: 1, echo: {}}]"), plugin, {})
        self.assertEqual(effective(given_back(kept(loaded))), effective(loaded))
        self.assertLess(len(kept(loaded)), 10_000)
