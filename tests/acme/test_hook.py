"""Commands are run as they are written, and not for ever."""

from __future__ import annotations

import os
import stat
import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from toron.acme.failure import AcmeFailed
from toron.acme.hook import run_hook
from toron.core.wait import as_deferred


class Hooks(TestCase):
    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.makedirs(self.folder)

    def hook(self, text: str, *arguments: str, seconds: float = 20.0) -> Deferred[None]:
        self.path = os.path.join(self.folder, "hook")
        with open(self.path, "w") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(self.path, stat.S_IRWXU)
        return as_deferred(run_hook(reactor, [self.path, *arguments], seconds))

    async def why(self, text: str, seconds: float = 20.0) -> str:
        try:
            await self.hook(text, seconds=seconds)
        except AcmeFailed as error:
            self.assertEqual(error.word, "hook")
            return str(error).replace(self.path, "HOOK")
        raise AssertionError("it ended well")

    async def test_arguments_are_no_words_of_a_shell(self) -> None:
        odd = ["add", "$(touch x)", "a b;c", "*"]
        await self.hook(f'cd {self.folder}; for each in "$@"; do echo "<$each>"; done > out', *odd)
        with open(os.path.join(self.folder, "out")) as file:
            self.assertEqual(file.read().split("\n")[:-1], [f"<{each}>" for each in odd])

    async def test_nothing_to_read(self) -> None:
        await self.hook('test "$(cat)" = ""')

    async def test_a_bad_end(self) -> None:
        self.assertEqual(
            await self.why("echo no such zone >&2; exit 3"),
            "the hook HOOK ended with status 3: no such zone",
        )
        self.assertEqual(await self.why("kill -TERM $$"), "the hook HOOK was ended by signal 15")

    async def test_only_the_last_words_are_said(self) -> None:
        said = await self.why("yes x | head -c 100000; echo the end; exit 1")
        self.assertTrue(said.endswith("the end"), said)
        self.assertLess(len(said), 310)

    async def test_one_that_hangs(self) -> None:
        begin = time.monotonic()
        self.assertEqual(
            await self.why("echo waiting; exec sleep 60", 0.2),
            "the hook HOOK did not end within 0.2 s: waiting",
        )
        self.assertLess(time.monotonic() - begin, 20)

    async def test_what_it_has_started_ends_with_it(self) -> None:
        said = await self.why("sleep 60 & echo $!; wait", 0.2)
        child = int(said.rpartition(" ")[2])
        end = time.monotonic() + 10
        while self._runs(child) and time.monotonic() < end:
            await deferLater(reactor, 0.01)
        self.assertFalse(self._runs(child))

    def _runs(self, pid: int) -> bool:
        try:
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    async def test_no_command(self) -> None:
        made: Any = as_deferred(run_hook(reactor, ["/nowhere/hook", "x"], 5.0))
        with self.assertRaises(AcmeFailed) as caught:
            await made
        self.assertIn("the hook /nowhere/hook ", str(caught.exception))
