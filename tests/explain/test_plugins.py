"""Notes of plug-ins, and values that nobody is shown."""

from __future__ import annotations

from tests.explain.case import ExplainCase
from toron.explain.entrance import Caller
from toron.explain.plugins import note, shown

TEXT = """
    listeners:
      - protocol: tcp
        port: 1
        guards: [{connections: {total: 5, per_client: 2}}, {deny: [192.0.2.0/24]}]
        backend: {url: "tcp://${HOST}:1"}
    """


class Notes(ExplainCase):
    def test_of_a_guard(self) -> None:
        loaded = self.loaded(TEXT, {"HOST": "secret.test"})
        caller = Caller("2001:db8::1", "tcp-1", 1, None)
        self.assertEqual(
            note(loaded, ("listeners", 0, "guards", 0), caller),
            "at most 5 in all and 2 from 2001:db8::/64; how many there are is not known offline",
        )
        self.assertEqual(note(loaded, ("listeners", 0, "guards", 1), caller), "")

    def test_values_of_the_environment(self) -> None:
        loaded = self.loaded(TEXT, {"HOST": "secret.test"})
        self.assertEqual(shown(loaded, "to tcp://secret.test:1"), "<secret>")
        self.assertEqual(shown(loaded, "to tcp://other.test:1"), "to tcp://other.test:1")
