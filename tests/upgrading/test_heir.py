"""The new process says when it could serve, and serves when it is told to, or when nobody else does."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from toron.net.gateway import Gateway
from toron.net.handover import (
    VARIABLE,
    VERSION,
    FromNew,
    Go,
    Left,
    Offer,
    Ready,
    Running,
    Serving,
    encode,
    from_new,
)
from toron.observe.readiness import Readiness
from toron.upgrading import heir as module
from toron.upgrading.heir import Heir

reactor: Any = installed


class Heirs(TestCase):
    """With the other end in the test's hands."""

    timeout = 20

    def setUp(self) -> None:
        self.old, self.channel = socket.socketpair()
        self.old.setblocking(False)
        self.addCleanup(self.old.close)
        self.addCleanup(self.channel.close)
        self.steps: list[str] = []
        self.told: list[str] = []
        self.known: list[Any] = []
        self.root = Gateway(reactor, Readiness(), delay=0.0, limit=1.0, fatal=self.steps.append)
        self.root.notify = self.told.append
        self.root.recall = self.root.drain_servers = self.known.extend

    def heir(self, *listening: socket.socket) -> Heir:
        left = [
            Left(False, "127.0.0.1", n, "", [os.dup(each.fileno())]) for n, each in enumerate(listening, 80)
        ]
        known, drained = [("web", "http://a", False)], [("web", "http://b")]
        heir = Heir(self.channel, Offer(VERSION, -1, -1, left, known, drained))
        self.patch(heir, "_take", lambda fd, place: self.steps.append(f"{fd} is {place}"))
        heir.join(self.root, reactor)
        return heir

    async def heard(self) -> FromNew:
        data = b""
        while not data.endswith(b"\n"):
            try:
                data += self.old.recv(1)
            except BlockingIOError:
                await deferLater(reactor, 0.01)
        return from_new.decode(data)

    async def until(self, *steps: str) -> None:
        while tuple(self.steps) != steps:
            await deferLater(reactor, 0.01)

    def ask(self) -> None:
        assert self.root.permit is not None
        self.root.permit(lambda: self.steps.append("serves"))

    async def test_one_after_the_other(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            heir = self.heir(one, two)
        heir.served.append(lambda: self.steps.append("told"))
        self.assertEqual(self.known, [("web", "http://a", False)])
        self.addCleanup(heir.sockets.open("web", "127.0.0.1", 80).close)
        heir.running()
        self.assertEqual(await self.heard(), Running(os.getpid()))
        self.ask()
        ready = await self.heard()
        self.assertEqual(self.known[1:], [("web", "http://b")])
        self.assertEqual((type(ready), ready.takes, ready.closes), (Ready, 1, ["TCP 127.0.0.1:81"]))  # type: ignore[union-attr]
        self.root.notify("READY=1")
        self.assertEqual((self.steps, self.told), ([], []))
        self.old.sendall(encode(Go()))
        self.assertEqual(await self.heard(), Serving())
        self.assertEqual(self.steps, ["serves", "told"])
        self.root.notify("STOPPING=1")
        self.assertEqual(self.told, ["STOPPING=1"])
        self.old.close()
        await self.until("serves", "told", "-1 is 2")

    async def test_the_old_one_is_gone(self) -> None:
        heir = self.heir()
        self.old.close()
        heir.running()
        self.ask()
        await self.until("serves", "-1 is 2")

    async def test_the_old_one_dies_before_it_says_go(self) -> None:
        self.heir()
        self.ask()
        await self.heard()
        self.assertEqual(self.steps, [])
        self.old.close()
        await self.until("serves", "-1 is 2")

    async def test_the_old_one_makes_no_sense(self) -> None:
        self.heir()
        self.ask()
        await self.heard()
        self.old.sendall(b"hello\n")
        await self.until("-1 is 2")

    async def test_servers_are_waited_for(self) -> None:
        self.heir()
        unsure = [True]
        self.root.unsure = lambda: unsure[0]
        self.ask()
        await deferLater(reactor, 0.1)
        self.assertRaises(BlockingIOError, self.old.recv, 1)
        unsure[0] = False
        self.assertIsInstance(await self.heard(), Ready)
        self.old.close()
        await self.until("serves", "-1 is 2")

    async def test_but_not_for_ever(self) -> None:
        self.patch(module, "CHECKED", 0.05)
        self.heir()
        self.root.unsure = lambda: True
        self.ask()
        self.assertIsInstance(await self.heard(), Ready)
        self.old.close()
        await self.until("serves", "-1 is 2")

    def test_none(self) -> None:
        self.assertIsNone(Heir.of({}))

    def test_what_is_printed_goes_where_it_did(self) -> None:
        with open(os.devnull, "wb") as nothing:
            fds = os.dup(nothing.fileno()), os.dup(nothing.fileno())
        os.set_inheritable(fds[1], True)
        self.addCleanup(os.close, fds[1])
        self.patch(Heir, "_take", staticmethod(lambda fd, place: self.steps.append(f"{fd} is {place}")))
        self.old.sendall(encode(Offer(VERSION, *fds, [])))
        heir = Heir.of({VARIABLE: str(self.channel.detach())})
        assert heir is not None
        self.addCleanup(heir._channel.close)
        self.addCleanup(os.close, fds[0])
        self.assertEqual((self.steps, os.get_inheritable(fds[1])), ([f"{fds[0]} is 1"], False))
