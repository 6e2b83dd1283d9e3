"""The machine is described from what the system says."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bench.machine import describe, parse_cpu_model


class Machine(SynchronousTestCase):
    def test_the_model_is_the_first_cores(self) -> None:
        text = "processor\t: 0\nmodel name\t: Some: CPU @ 3 GHz\n\nprocessor\t: 1\nmodel name\t: Other\n"
        self.assertEqual(parse_cpu_model(text), "Some: CPU @ 3 GHz")
        self.assertEqual(parse_cpu_model("processor\t: 0\n"), "unknown")

    def test_everything_has_a_value(self) -> None:
        facts = describe((2, 3, 5))
        self.assertEqual(
            facts["cores used"],
            "2 for the proxy, 3 for the load and the servers behind, 5 for a second worker",
        )
        self.assertEqual([name for name, value in facts.items() if not value], [])
