"""The configuration in force, without secrets."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.config.case import ConfigCase
from tests.config.test_load import WHOLE
from toron.config.place import Document
from toron.config.read_yaml import read_yaml
from toron.config.show import effective, write_yaml

SECRET = "hunter2-hunter2"
KEYS = st.text("abc.$<\u00e9 1", min_size=1)


class Effective(ConfigCase):
    """What is printed, and what is not."""

    def shown(self, text: str, secret: str = SECRET) -> str:
        found = effective(self.load(text, environ={"JWT_SECRET": secret, "S": secret}))
        return write_yaml(found)

    def test_the_words_of_the_file_and_the_defaults(self) -> None:
        found = effective(self.load(WHOLE, environ={"JWT_SECRET": SECRET}))
        self.assertEqual(found["middlewares"]["auth"], {"type": "jwt", "secret": "<secret>", "leeway": "30s"})
        self.assertEqual(
            found["middlewares"]["rate-limit"],
            {"type": "rate-limit", "rate": "100/s", "burst": 50, "by": "ip"},
        )
        self.assertEqual(
            found["routes"][0]["middlewares"],
            ["auth", {"headers": {"set": {"X-Served-By": "toron"}, "response": {}}}],
        )
        self.assertEqual(found["routes"][1]["middlewares"], ["auth", "rate-limit"])
        self.assertEqual(found["listeners"][0]["guards"][0], {"allow": ["10.0.0.0/8", "127.0.0.0/8"]})
        self.assertEqual(found["backends"]["api"]["sticky"], {"cookie": "toron_sticky", "ttl": "5m"})
        self.assertEqual(found["backends"]["api"]["retries"]["budget"], "20%")
        self.assertEqual(found["backends"]["db"]["health"]["timeout"], "2.5s")
        self.assertEqual(found["backends"]["dns"]["balance"], "round-robin")
        self.assertNotIn("sessions", found["listeners"][0])
        self.assertEqual(found["listeners"][3]["sessions"], 10000)

    def test_it_loads_again_as_the_same(self) -> None:
        loaded = self.load(WHOLE, environ={"JWT_SECRET": SECRET})
        found = effective(loaded)
        again = self.load(write_yaml(found), "b.yaml")
        self.assertEqual(again.warnings, [])
        self.assertEqual(effective(again), found)

    def test_no_secret_in_any_way_it_may_be_written(self) -> None:
        head = "listeners: [{protocol: http, port: 8080}]\n"
        key = self.write("key", SECRET + "\n")
        self.assertTrue(key)
        texts = [
            'routes: [{middlewares: [{jwt: {secret: "${S}"}}], echo: {}}]',
            'routes: [{middlewares: [{jwt: {secret: ["${S}", other]}}], echo: {}}]',
            f"routes: [{{middlewares: [{{jwt: {{secret: {SECRET}}}}}], echo: {{}}}}]",
            "routes: [{middlewares: [{jwt: {secret: {file: key}}}], echo: {}}]",
            'routes: [{middlewares: [{headers: {set: {X-Key: "Bearer ${S}"}}}], echo: {}}]',
            'routes: [{middlewares: [{headers: {remove: "${S}"}}], echo: {}}]',
            'routes: [{middlewares: [{rate-limit: {by: "${S}"}}], echo: {}}]',
            'routes: [{middlewares: [m], echo: {}}]\nmiddlewares: {m: {type: headers, set: {A: "${S}"}}}',
            'routes: [{backend: {url: "http://a", sticky: {secret: "${S}"}}}]',
            "routes: [{backend: {url: 'http://a', sticky: {secret: [{file: key}]}}}]",
        ]
        for text in texts:
            shown = self.shown(head + text)
            self.assertIn("<secret>", shown, text)
            self.assertNotIn("hunter2", shown, text)

    def test_a_number_from_a_variable(self) -> None:
        head = "listeners: [{protocol: http, port: 8080}]\n"
        text = 'routes: [{middlewares: [{rate-limit: {burst: "${S}", rate: "600/${S}s"}}], echo: {}}]'
        shown = self.shown(head + text, secret="7531")
        self.assertEqual(shown.count("<secret>"), 2)
        self.assertNotIn("7531", shown)

    def test_a_variable_elsewhere_is_no_secret(self) -> None:
        text = 'listeners: [{protocol: http, port: "${S}"}]\nroutes: [{echo: {}}]'
        found = effective(self.load(text, environ={"S": "8080"}))
        self.assertEqual(found["listeners"][0]["port"], 8080)
        self.assertEqual(found["routes"][0]["echo"], {})


class Writing(SynchronousTestCase):
    """What is printed reads back as the same data."""

    data = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs", "Cc"]))
        | st.sampled_from(["1e3", "0E0", "0o17", "on", "12:30", "null", "~", ".5", "<<", "- a", "1_0"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
        max_leaves=20,
    )  # fmt: skip

    @settings(deadline=None)
    @given(data)
    def test_any_data(self, data: object) -> None:
        document = Document("a.yaml")
        read_yaml(write_yaml(data), document)
        self.assertEqual(document.data, data)

    def test_words_that_are_numbers_elsewhere(self) -> None:
        self.assertEqual(write_yaml(["1e3", "0o17", "a", 5]), "- '1e3'\n- '0o17'\n- a\n- 5\n")
        part = ["x"]
        self.assertEqual(write_yaml([part, part]), "- - x\n- - x\n")
