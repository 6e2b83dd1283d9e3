"""The guard `allow`, found by its word and asked with addresses."""

from __future__ import annotations

from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.guards.seen import ENVIRONMENT, Outcome, Seen
from toron import plugin


class Allow(SynchronousTestCase):
    def word(self, options: object, ip: str) -> str:
        module = plugin.find("guards", "allow")
        guard = module.make(module.Options.model_validate(options), ENVIRONMENT)
        served: list[Seen] = []

        async def serve(connection: Seen) -> None:
            served.append(connection)

        connection = Seen(ip)
        outcome = Outcome(guard(connection, serve))
        self.assertTrue(outcome.done)
        self.assertEqual(served, [] if outcome.error else [connection])
        return outcome.word

    def test_inside(self) -> None:
        for ip in ("10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "2001:db8::1"):
            self.assertEqual(self.word(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"], ip), "")

    def test_outside(self) -> None:
        for ip in ("11.1.2.3", "::ffff:11.1.2.3", "192.0.2.8", "2001:db9::1", "::1", "/run/socket"):
            self.assertEqual(
                self.word(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"], ip), "address_not_allowed"
            )

    def test_what_serves_may_fail(self) -> None:
        module = plugin.find("guards", "allow")
        guard = module.make(module.Options.model_validate(["10.0.0.0/8"]), ENVIRONMENT)

        async def serve(connection: Seen) -> None:
            raise RuntimeError("broken")

        self.assertIsInstance(Outcome(guard(Seen("10.0.0.1"), serve)).error, RuntimeError)

    def test_options(self) -> None:
        options = plugin.options("guards", "allow")
        self.assertEqual(options.model_validate(["10.0.0.0/8"]).model_dump(), ("10.0.0.0/8",))
        self.assertEqual(options.model_validate("10.0.0.0/8").model_dump(), ("10.0.0.0/8",))
        wrong: object
        for wrong in ([], None, {}, ["10.0.0.1/8"], ["a"], [1], [None]):
            self.assertRaises(ValidationError, options.model_validate, wrong)
