"""A real process that is started to take over: what it is given, what it says, how it ends."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from toron.net.handover import Ready, Running, Serving
from toron.upgrading import successor as module
from toron.upgrading.program import Program
from toron.upgrading.successor import Failed, Successor

reactor: Any = installed


def program(code: str) -> Program:
    """A Python that runs this; `say` writes a line to the process that has started it."""
    prologue = "import os\ndef say(text): os.write(3, text.encode() + b'\\n')\n"
    return Program((sys.executable, "-S", "-c", prologue + code), os.getcwd(), dict(os.environ))


RUNNING = '{"say": "running", "pid": %d}'
READY = """say('{"say": "ready", "version": "9", "takes": 1}')\n"""


class Successors(TestCase):
    """It ends with the test."""

    timeout = 20

    def setUp(self) -> None:
        self.patch(module, "LAST_WORDS", 10.0)

    def started(self, code: str, **more: Any) -> Successor:
        made = Successor(reactor)
        made.start(program(code), more.get("sockets", {}), {}, more.get("known", []), more.get("drained", []))
        self.addCleanup(self.end, made)
        return made

    async def end(self, successor: Successor) -> None:
        successor.kill()
        await successor._how_it_ended()

    async def failure(self, successor: Successor, seconds: float = 10.0) -> str:
        try:
            await successor.hear(Ready, reactor.seconds() + seconds)
        except Failed as error:
            return str(error)
        return self.fail("it is ready")  # type: ignore[no-any-return]

    async def test_what_it_says(self) -> None:
        made = self.started(READY + 'os.read(3, 99)\nsay(\'{"say": "serving"}\')')
        self.assertEqual(await made.hear(Ready, reactor.seconds() + 10), Ready("9", 1))
        made.go()
        self.assertEqual(await made.hear(Serving, reactor.seconds() + 10), Serving())
        made.part()

    async def test_what_it_is_given(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            made = self.started(
                "import socket, json\noffer = json.loads(os.read(3, 9999))\n"
                "name = socket.socket(fileno=6).getsockname()\n"
                "os.write(offer['errors'], b'')\n"
                "more = [fd for fd in range(7, 200) if os.path.exists(f'/proc/self/fd/{fd}')]\n"
                "print(os.environ['TORON_HANDOVER'], offer, list(name), len(os.read(0, 1)), os.getcwd(), "
                "more)\n",
                sockets={(False, "127.0.0.1", 0, "web"): [listening]},
                known=[("b", "http://a", False)],
                drained=[("b", "http://a")],
            )
            await self.failure(made)
            offer = {
                "say": "offer", "version": 1, "output": 4, "errors": 5, "known": [["b", "http://a", False]],
                "drained": [["b", "http://a"]],
                "sockets": [{"datagrams": False, "address": "127.0.0.1", "port": 0, "name": "web",
                             "descriptors": [6], "detour": -1}],
            }  # fmt: skip
            (said,) = made.printed
            number, rest = said.split(" ", 1)
            shown, _, others = rest.rpartition("} ")
            self.assertEqual((number, eval(shown + "}")), ("3", offer))
            self.assertEqual(others, f"{list(listening.getsockname())} 0 {os.getcwd()} []")

    async def test_a_daemon_is_another_process(self) -> None:
        made = self.started(
            "import time\nif os.fork():\n os._exit(0)\n"
            'say(\'{"say": "running", "pid": %d}\' % os.getpid())\n' + READY + "time.sleep(60)"
        )
        first = made.pid
        await made.hear(Ready, reactor.seconds() + 10)
        self.assertNotEqual(made.pid, first)
        made.kill()
        self.assertEqual(await made._how_it_ended(), "it ended with 0")
        while Path(f"/proc/{made.pid}").exists() and ") Z" not in Path(f"/proc/{made.pid}/stat").read_text():
            await deferLater(reactor, 0.01)

    async def test_it_ends(self) -> None:
        made = self.started("os.write(2, b'one\\ntwo')\nos._exit(4)")
        self.assertEqual(await self.failure(made), "it ended with 4")
        self.assertEqual(made.printed, ["one", "two"])

    async def test_it_dies(self) -> None:
        made = self.started("os.kill(os.getpid(), 11)")
        self.assertEqual(await self.failure(made), "it died by signal 11 (Segmentation fault)")

    async def test_it_lets_go_and_stays(self) -> None:
        self.patch(module, "LAST_WORDS", 0.2)
        made = self.started("os.close(3)\nimport time\ntime.sleep(60)")
        self.assertEqual(await self.failure(made), "it has let go of the sockets")

    async def test_it_says_nothing(self) -> None:
        made = self.started("import time\ntime.sleep(60)")
        self.assertEqual(await self.failure(made, 0.2), "it is not ready in time")

    async def test_it_says_what_nobody_understands(self) -> None:
        made = self.started("say('hello')\nimport time\ntime.sleep(60)")
        self.assertIn("can not be understood", await self.failure(made))

    async def test_it_says_the_wrong_word(self) -> None:
        made = self.started('say(\'{"say": "serving"}\')\nimport time\ntime.sleep(60)')
        self.assertIn("'Serving' where 'Ready' is expected", await self.failure(made))

    async def test_much_is_printed(self) -> None:
        made = self.started("for i in range(1000): os.write(2, b'%d\\n' % i)")
        await self.failure(made)
        self.assertEqual((len(made.printed), made.printed[-1]), (20, "999"))

    async def test_a_word_that_came_before_the_end_counts(self) -> None:
        made = self.started(f"say('{RUNNING % os.getpid()}')\n" + READY)
        await made._how_it_ended()
        self.assertEqual((await made.hear(Running, 0)).pid, os.getpid())
        self.assertEqual((await made.hear(Ready, 0)).takes, 1)

    async def test_a_program_that_is_not_there(self) -> None:
        made = Successor(reactor)
        nowhere = Program(("/nonexistent/python",), os.getcwd(), {})
        self.assertRaises(FileNotFoundError, made.start, nowhere, {}, {}, [], [])
        made.kill()
        self.assertEqual(made.pid, 0)
