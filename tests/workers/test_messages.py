"""Messages arrive as they were sent, one frame each."""

from __future__ import annotations

import io
from typing import Any

import msgspec
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.workers.case import ONE, TWO
from toron.workers.messages import (
    LONGEST,
    Begin,
    Certified,
    Change,
    Channel,
    Counted,
    Drop,
    Ejected,
    Failed,
    Health,
    Hurry,
    Leaving,
    Lines,
    Prepared,
    Published,
    Ready,
    Report,
    Said,
    Stop,
    Suspected,
    Swap,
    encode,
    first_frame,
    from_parent,
    from_worker,
)

HEALTH = Health("api", ONE, False, "no answer")
SUSPECTED = Suspected("api", ONE, 1.7e9)
EJECTED = Ejected("api", TWO, 1.7e9, 2, "upstream_reset")
PUBLISHED = Published("api", [(ONE, 3, 0, "api.internal"), (TWO, 1, 2, "127.0.0.1")])
CERTIFIED = Certified("a", (b"chain", b"key"), b"", {"a.test": (b"chain", b"key")})
BEGIN = Begin(2, 4, 1, b"\0pickled", {"web": 4}, [5, 6], [PUBLISHED, HEALTH, EJECTED, SUSPECTED], [CERTIFIED])
DELTAS: Any = [
    (("listener", "web"), "connections", (), 1),
    (("route", ""), "requests", ("web", 200), 3),
    (("server", "api", "a:1"), "seconds", (), 0.25),
]
PARENTS = (
    BEGIN, HEALTH, EJECTED, SUSPECTED, Report(7), Change(3, b"\0pickled", ["web"], 2),
    Swap(3, [PUBLISHED, HEALTH], [CERTIFIED]), CERTIFIED, Drop(3), Stop(), Hurry(),
)  # fmt: skip
WORKERS = (
    Ready(), Failed("no port"), Prepared(3, "why"), Leaving(), EJECTED, SUSPECTED, Lines(b'{"a":1}\n'),
    Said("info", "toron", "hello"), Counted(7, DELTAS, 1, 0.5, 1.5, 1 << 33),
)  # fmt: skip


class End(Channel):
    """An end that keeps what it hears."""

    def __init__(self, decoder: Any) -> None:
        super().__init__(decoder)
        self.said: list[Any] = []

    def heard(self, message: Any) -> None:
        self.said.append(message)

    def lost(self) -> None:
        self.said.append("lost")


class Messages(SynchronousTestCase):
    def test_there_and_back(self) -> None:
        for decoder, messages in ((from_parent, PARENTS), (from_worker, WORKERS)):
            for message in messages:
                self.assertEqual(decoder.decode(encode(message)), message)

    def test_what_nobody_says(self) -> None:
        self.assertRaises(msgspec.ValidationError, from_parent.decode, encode(Ready()))
        self.assertRaises(msgspec.ValidationError, from_worker.decode, encode(Stop()))
        self.assertRaises(msgspec.DecodeError, from_worker.decode, b"\xc1")


class Channels(SynchronousTestCase):
    def end(self, decoder: Any) -> End:
        end = End(decoder)
        end.makeConnection(StringTransport())
        return end

    def test_frames(self) -> None:
        parent, worker = self.end(from_worker), self.end(from_parent)
        for message in PARENTS:
            parent.tell(message)
        sent = parent.transport.value()
        for place in range(len(sent)):
            worker.dataReceived(sent[place : place + 1])
        self.assertEqual(worker.said, list(PARENTS))

    def test_a_frame_that_is_not_whole_is_none(self) -> None:
        worker, parent = self.end(from_parent), self.end(from_worker)
        worker.tell(Ready())
        worker.tell(Lines(b"one\ntwo\n"))
        parent.dataReceived(worker.transport.value()[:-1])
        parent.connectionLost()
        self.assertEqual(parent.said, [Ready(), "lost"])

    def test_nobody_is_told_who_is_gone(self) -> None:
        end = End(from_worker)
        end.tell(Stop())
        end.makeConnection(StringTransport())
        end.connectionLost()
        end.tell(Stop())
        self.assertEqual(end.transport.value(), b"")

    def test_a_configuration_fits(self) -> None:
        parent, worker = self.end(from_worker), self.end(from_parent)
        parent.tell(Begin(1, 2, 0, bytes(5 << 20), {}, [], []))
        worker.dataReceived(parent.transport.value())
        self.assertEqual(len(worker.said[0].pickled), 5 << 20)
        self.assertGreater(LONGEST, 100 << 20)


class FirstFrame(SynchronousTestCase):
    def test_it_takes_no_byte_more(self) -> None:
        data = io.BytesIO(b"\0\0\0\5hello" + b"\0\0\0\1x")
        self.assertEqual(first_frame(lambda size: data.read(min(size, 2))), b"hello")
        self.assertEqual(data.read(), b"\0\0\0\1x")

    def test_a_parent_that_is_gone(self) -> None:
        for said in (b"", b"\0\0", b"\0\0\0\5hell"):
            self.assertRaises(EOFError, first_frame, io.BytesIO(said).read)
