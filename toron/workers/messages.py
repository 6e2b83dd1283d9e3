"""What a parent and its workers tell each other, as frames on a socket between them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import msgspec
from twisted.internet.interfaces import IFileDescriptorReceiver
from twisted.protocols.basic import Int32StringReceiver
from zope.interface import implementer

from toron.net.living import Found, Wanted
from toron.observe.deltas import Delta
from toron.observe.recent import Wanted as Remembered

LONGEST = 256 << 20
"""Bytes of a frame at most: a configuration has to fit."""

_HEADER = 4

# --- from the parent ------------------------------------------------------------------------------


class Begin(msgspec.Struct, tag=True):
    """The first frame: who the worker is, and what it serves."""

    number: int
    seats: int
    seat: int
    pickled: bytes
    """The configuration as the parent has loaded it, and what the parent has made of it for all."""
    sockets: dict[str, int]
    """The descriptor of each listener."""
    memories: list[int]
    """The descriptors of what is shared, in the order of the pieces in `pickled`."""
    servers: list[Published | Health | Ejected | Suspected | Drained]
    """Which servers were found, and which are not well, or drain."""
    certificates: list[Certified | Answering] = []
    """Which certificates are others than in `pickled`."""
    wait: bool = False
    """Whether nobody may be let in before `Serve`."""


class Serve(msgspec.Struct, tag=True):
    """Let clients in."""


class Published(msgspec.Struct, tag=True):
    """Discovery has found the servers of a backend: all of them, in this order."""

    backend: str
    servers: list[tuple[str, int, int, str]]
    """Of each the URL, the weight, the tier (`backup`) and the name its certificate must have."""


class Health(msgspec.Struct, tag=True):
    """Active checks have changed their mind about a server; `server` is its URL."""

    backend: str
    server: str
    healthy: bool
    why: str


class Ejected(msgspec.Struct, tag=True):
    """Traffic says that a server is ill; an `until` of 0 says that this does not hold. Sent both ways.

    A server that is not known where it comes to is gone there: then nothing needs to be done.
    """

    backend: str
    server: str
    until: float
    """Seconds of the clock that they share."""
    ejections: int
    why: str


class Suspected(msgspec.Struct, tag=True):
    """A server could not be reached, or asked to be left alone. Sent both ways."""

    backend: str
    server: str
    until: float
    """Seconds of the clock that they share."""


class Drained(msgspec.Struct, tag=True):
    """Somebody wants nobody new to be led to a server, or wants that no more; `server` is its URL."""

    backend: str
    server: str
    draining: bool


class Look(msgspec.Struct, tag=True):
    """Asks for `Lives` with this number."""

    number: int
    wanted: Wanted


class Certified(msgspec.Struct, tag=True):
    """All that a source of certificates has by now."""

    source: str
    """What it is known by in each process."""
    pair: tuple[bytes, bytes] | None
    """The chain and the key, in PEM."""
    staple: bytes
    """What the responder said of it (OCSP, DER); empty for nothing."""
    challenges: dict[str, tuple[bytes, bytes]]
    """Pairs for who wants to see whether we are these names."""


class Answering(msgspec.Struct, tag=True):
    """All that is answered to ACME directories from now on: texts, by their paths."""

    texts: dict[bytes, bytes]


class Recall(msgspec.Struct, tag=True):
    """Asks for `Recalled` with this number: one record, or lines where no id is wanted."""

    number: int
    wanted: Remembered


class Report(msgspec.Struct, tag=True):
    """Asks for the access lines that wait, and then for `Counted` with this number."""

    number: int


class Stop(msgspec.Struct, tag=True):
    """Close the doors, and end gently."""

    handed_over: bool = False
    """Whether another process serves, so that there is time."""


class Hurry(msgspec.Struct, tag=True):
    """Wait no longer for anything."""


class Change(msgspec.Struct, tag=True):
    """Get ready to serve another configuration; answered by `Prepared`.

    The descriptors come beside it (SCM_RIGHTS): first those of `sockets`, then those of `memories`.
    """

    number: int
    pickled: bytes
    """The configuration, and what the parent has made anew for it."""
    sockets: list[str]
    """The listeners that are new, by name."""
    memories: int
    """How many shared memories are new."""


class Swap(msgspec.Struct, tag=True):
    """Serve what was prepared, from now on."""

    number: int
    servers: list[Published | Health | Ejected | Suspected | Drained]
    """Which servers were found, and which are not well, or drain."""
    certificates: list[Certified | Answering] = []
    """Which certificates are others than when the parent composed."""


class Drop(msgspec.Struct, tag=True):
    """What was prepared, or is still, will not be served."""

    number: int


# --- from a worker --------------------------------------------------------------------------------


class Ready(msgspec.Struct, tag=True):
    """It serves."""


class Failed(msgspec.Struct, tag=True):
    """It can not start."""

    why: str


class Prepared(msgspec.Struct, tag=True):
    """The change of that number can be made at any time; or why it can not, where `why` is not empty."""

    number: int
    why: str


class Leaving(msgspec.Struct, tag=True):
    """It was asked to end by somebody else: another may take its place while it drains."""


class Lines(msgspec.Struct, tag=True):
    """Lines for the access log, whole ones."""

    data: bytes


class Said(msgspec.Struct, tag=True):
    """Something for the log."""

    level: str
    namespace: str
    text: str


class Counted(msgspec.Struct, tag=True):
    """What it has counted since it last said so, and how it is."""

    number: int
    """Of the `Report` that this answers; 0 of none."""
    grown: list[Delta]
    dropped: int
    """Access lines, since its start."""
    lag: float
    """Seconds."""
    cpu: float
    """Seconds, since its start."""
    resident: int
    """Bytes."""


class Lives(msgspec.Struct, tag=True):
    """What lives in it: the answer to `Look`."""

    number: int
    found: Found


class Recalled(msgspec.Struct, tag=True):
    """What it remembers: the answer to `Recall`."""

    number: int
    data: bytes
    """JSON: a list of lines, or one record, which may be null."""


OfServers = Published | Health | Ejected | Suspected | Drained
FromParent = (
    Begin
    | Serve
    | OfServers
    | Certified
    | Answering
    | Look
    | Recall
    | Report
    | Change
    | Swap
    | Drop
    | Stop
    | Hurry
)
FromWorker = (
    Ready | Failed | Prepared | Leaving | Ejected | Suspected | Lines | Said | Counted | Lives | Recalled
)

from_parent: msgspec.msgpack.Decoder[FromParent] = msgspec.msgpack.Decoder(FromParent)
from_worker: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)
encode = msgspec.msgpack.encode


@implementer(IFileDescriptorReceiver)
class Channel(Int32StringReceiver):
    """One end of the socket; `heard` gets each message, `lost` is called once when the other end is gone."""

    MAX_LENGTH = LONGEST
    transport: Any

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self.open = False
        self.descriptors: list[int] = []
        """Those that came, and belong to the next message that says so."""

    def connectionMade(self) -> None:
        """The socket is the reactor's now."""
        self.open = True

    def stringReceived(self, string: bytes) -> None:  # noqa: N802  # overrides
        """A frame is whole."""
        self.heard(self._decoder.decode(string))

    def connectionLost(self, reason: Any = None) -> None:
        """The other process has closed its end, which is what its death does, too."""
        self.open = False
        self.lost()

    def tell(self, message: Any) -> None:
        """Send it; to somebody who is gone it is not sent."""
        if self.open:
            self.sendString(encode(message))  # type: ignore[no-untyped-call]

    def fileDescriptorReceived(self, descriptor: int) -> None:  # noqa: N802  # overrides
        """A descriptor came beside a message that is not whole yet."""
        os.set_inheritable(descriptor, False)
        self.descriptors.append(descriptor)

    def give(self, message: Any, descriptors: Sequence[int]) -> None:
        """Send it with descriptors, which stay open here; to somebody who is gone nothing is sent."""
        if self.open:
            for each in descriptors:
                self.transport.sendFileDescriptor(each)
            self.tell(message)

    def heard(self, message: Any) -> None:
        """A message came."""
        raise NotImplementedError

    def lost(self) -> None:
        """There will be no more."""
        raise NotImplementedError


def first_frame(receive: Any) -> bytes:
    """The first frame of a socket; `receive(n)` waits for at most n bytes. Raises EOFError where it ends."""

    def exactly(size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            more = receive(size - len(data))
            if not more:
                raise EOFError("the parent is gone")
            data += more
        return bytes(data)

    return exactly(int.from_bytes(exactly(_HEADER), "big"))
