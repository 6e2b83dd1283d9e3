"""How listeners take their addresses when a composition takes the place of another."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron import serving
from toron.net.sockets import CannotListen


class Binding(SynchronousTestCase):
    def test_all_of_them_or_none(self) -> None:
        log: list[str] = []

        class Listener:
            def __init__(self, name: str, free: bool) -> None:
                self.name, self.free = name, free

            def bind(self) -> None:
                log.append(f"bind {self.name}")
                if not self.free:
                    raise CannotListen(self.name)

            def stopService(self) -> None:
                log.append(f"close {self.name}")

        self.assertRaises(
            CannotListen, serving._bind, [Listener("a", True), Listener("b", False), Listener("c", True)]
        )
        self.assertEqual(log, ["bind a", "bind b", "close a"])
