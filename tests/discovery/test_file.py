"""A file of servers is read again when it has changed and rests, however it was changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.balancers import environment
from toron.core.wait import Task
from toron.discovery.file import EVERY, Options, make


class Threads:
    """A thread pool that does its work at once."""

    def callInThreadWithCallback(self, told: Any, function: Any, *arguments: Any) -> None:
        try:
            result = function(*arguments)
        except Exception:
            told(False, Failure())
        else:
            told(True, result)


class Reactor(Clock):
    def getThreadPool(self) -> Threads:
        return Threads()

    def callFromThread(self, function: Any, *arguments: Any) -> None:
        function(*arguments)


class Published:
    """What was published, as words."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def publish(self, servers: Any) -> None:
        self.said.append(" ".join(f"{each.name}*{each.weight}{'b' * each.backup}" for each in servers))

    def failed(self, why: str) -> None:
        self.said.append(f"failed: {why}")


class Files(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "servers.yaml"
        self.clock = Reactor()
        self.published = Published()

    def write(self, *hosts: str, path: Path | None = None) -> None:
        (path or self.path).write_text(f"servers: [{', '.join(f'http://{host}' for host in hosts)}]\n")

    def start(self) -> None:
        surroundings = environment()
        surroundings.reactor, surroundings.folder = self.clock, str(self.folder)
        discover: Any = make(Options(path="servers.yaml"), surroundings)
        task = Task(discover(self.published), lambda result, error: None)
        task.start()
        self.addCleanup(task.cancel)

    def said(self, looks: int = 2) -> list[str]:
        """What it says within so many looks."""
        self.clock.pump([EVERY] * looks)
        said, self.published.said = self.published.said, []
        return said

    def test_what_is_there_at_the_start(self) -> None:
        self.path.write_text("servers: [{url: http://a, weight: 3}, {url: http://b, backup: true}]")
        self.start()
        self.assertEqual(self.said(0), ["a:80*3 b:80*1b"])
        self.assertEqual(self.said(10), [])

    def test_a_start_needs_a_good_file(self) -> None:
        error = self.assertRaises(ValueError, self.start)
        self.assertIn("servers.yaml:1:1: there is no such file", str(error))
        self.path.write_text("servers: [x]")
        error = self.assertRaises(ValueError, self.start)
        self.assertIn("servers.yaml:1:11: 'x' is not a server", str(error))

    def test_written_anew(self) -> None:
        self.write("a")
        self.start()
        self.said()
        self.write("a", "b")
        self.assertEqual(self.said(1), [], "it may not be whole yet")
        self.assertEqual(self.said(1), ["a:80*1 b:80*1"])
        self.assertEqual(self.said(10), [])

    def test_while_it_changes_it_is_not_read(self) -> None:
        self.write("a")
        self.start()
        self.said()
        for number in range(1, 6):
            self.write(*["b"] * number)
            self.assertEqual(self.said(1), [])
        self.assertEqual(len(self.said(1)), 1)

    def test_replaced_by_another_of_the_same_size_and_age(self) -> None:
        self.write("a")
        self.start()
        self.said()
        self.write("b", path=self.folder / "new")
        os.utime(self.folder / "new", ns=(0, self.path.stat().st_mtime_ns))
        (self.folder / "new").rename(self.path)
        self.assertEqual(self.said(), ["b:80*1"])

    def test_a_link_on_the_way_is_swapped(self) -> None:
        # As Kubernetes does it: servers.yaml -> ..data/servers.yaml, ..data -> ..one
        for name in ("one", "two"):
            (self.folder / f"..{name}").mkdir()
            self.write(name, path=self.folder / f"..{name}" / "servers.yaml")
        (self.folder / "..data").symlink_to("..one")
        self.path.symlink_to("..data/servers.yaml")
        self.start()
        self.assertEqual(self.said(), ["one:80*1"])
        (self.folder / "..tmp").symlink_to("..two")
        (self.folder / "..tmp").rename(self.folder / "..data")
        self.assertEqual(self.said(), ["two:80*1"])

    def test_a_bad_file_is_told_once_and_a_good_one_is_read(self) -> None:
        self.write("a")
        self.start()
        self.said()
        self.path.write_text("servers:\n  - http://a\n  - {url: http://b, wait: 1}\n")
        [said] = self.said(10)
        self.assertEqual(
            said.replace(str(self.folder), ""),
            "failed: /servers.yaml:3:21: unknown key 'wait': did you mean 'weight'?",
        )
        self.write("b")
        self.assertEqual(self.said(), ["b:80*1"])

    def test_a_file_that_is_gone_for_a_while(self) -> None:
        self.write("a")
        self.start()
        self.said()
        self.path.rename(self.folder / "away")
        [said] = self.said(10)
        self.assertIn("there is no such file", said)
        (self.folder / "away").rename(self.path)
        self.assertEqual(self.said(), ["a:80*1"])
