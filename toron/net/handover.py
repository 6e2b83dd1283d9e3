"""What a process and the one that takes its place tell each other: a JSON object a line, on a socket.

The new process finds the descriptor of the socket in TORON_HANDOVER. The two may be of different versions of
toron, so this changes only together with VERSION; a field that may be missing can be added without that.

    old                                  new
    offer, before it runs        ->
                                 <-      running: its process number, once it is what it will stay
                                 <-      ready: everything is bound, found and checked; it lets nobody in
    go: the old one lets nobody in ->
                                 <-      serving

Where the new one ends, or does not say the next word in time, the old one serves on. Where the old one
ends before `go`, the new one serves as soon as it is ready.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Mapping, MutableMapping
from typing import Annotated, Any

import msgspec

from toron.net.detour import Detoured
from toron.net.sockets import Place

VARIABLE = "TORON_HANDOVER"
"""Names the descriptor of the socket."""

VERSION = 1

LONGEST = 16 << 20
"""Bytes of a line, at most."""


class Left(msgspec.Struct):
    """The sockets of one listener; several where several processes accept from them."""

    datagrams: bool
    address: str | None
    port: int
    name: str
    descriptors: list[int]
    detour: int = -1
    """Where there is one: datagrams that the old process reads from the socket and that are not for it."""


class Offer(msgspec.Struct, tag_field="say", tag="offer"):
    """What the old process leaves; descriptors are numbers in the new one."""

    version: int
    output: int
    """What its own standard output and standard error are."""
    errors: int
    sockets: list[Left]
    known: list[tuple[str, str, bool]] = []
    """Servers that were checked: backend, URL, whether it is well."""
    drained: list[tuple[str, str]] = []
    """Servers that somebody has asked to drain: backend, URL."""


class Running(msgspec.Struct, tag_field="say", tag="running"):
    """The number of the process that will serve: that of a daemon is not the one that was started."""

    pid: Annotated[int, msgspec.Meta(gt=1)]


class Ready(msgspec.Struct, tag_field="say", tag="ready"):
    """It could serve."""

    version: str
    """Of toron."""
    takes: int
    """Addresses whose sockets it takes over."""
    closes: list[str] = []
    """Those that it has no use for."""


class Go(msgspec.Struct, tag_field="say", tag="go"):
    """The old one lets nobody in any more."""


class Serving(msgspec.Struct, tag_field="say", tag="serving"):
    """The new one does."""


FromNew = Running | Ready | Serving
FromOld = Offer | Go

from_new: msgspec.json.Decoder[FromNew] = msgspec.json.Decoder(FromNew)
from_old: msgspec.json.Decoder[FromOld] = msgspec.json.Decoder(FromOld)


class _Any(msgspec.Struct):
    """An offer of any version."""

    version: int


class NotForUs(Exception):
    """What was offered can not be taken; the text says why."""


def encode(message: FromNew | FromOld) -> bytes:
    """The line."""
    return msgspec.json.encode(message) + b"\n"


def left(
    sockets: Mapping[Place, list[socket.socket]], detours: Mapping[Place, socket.socket], first: int
) -> tuple[list[Left], list[int]]:
    """How sockets are told of that get the numbers from `first` on, and the numbers they have here."""
    told: list[Left] = []
    ours: list[int] = []
    for place, opened in sockets.items():
        numbers = range(first + len(ours), first + len(ours) + len(opened))
        told.append(Left(*place, list(numbers)))
        ours += [each.fileno() for each in opened]
        if place in detours:
            told[-1].detour = first + len(ours)
            ours.append(detours[place].fileno())
    return told, ours


def inherited(offer: Offer) -> dict[Place, list[Any]]:
    """The sockets of an offer, which no other process gets from here on; raises NotForUs."""
    return {(each.datagrams, each.address, each.port, each.name): _opened(each) for each in offer.sockets}


def _opened(left: Left) -> list[Any]:
    opened = [_socket(fd) for fd in left.descriptors]
    return opened if left.detour < 0 else [Detoured(opened[0], _socket(left.detour))]


def offered(environ: MutableMapping[str, str]) -> tuple[socket.socket, Offer] | None:
    """What another process leaves to this one, and the socket to that process; None where there is none.

    The variable is gone afterwards. Raises NotForUs.
    """
    said = environ.pop(VARIABLE, None)
    if said is None:
        return None
    if not said.isdecimal():
        raise NotForUs(f"{VARIABLE} is set to {said!r}: unset it, only a gateway sets it for another")
    channel = _socket(int(said))
    line = _line(channel)
    try:
        version = msgspec.json.decode(line, type=_Any).version
        if version != VERSION:
            raise NotForUs(
                f"the process before hands over in version {version}, this one in version {VERSION}: restart"
            )
        offer = from_old.decode(line)
    except msgspec.DecodeError as error:
        raise NotForUs(f"what the process before hands over can not be read: {error}") from None
    if not isinstance(offer, Offer):
        raise NotForUs("the process before does not begin with an offer")
    return channel, offer


def _socket(fd: int) -> socket.socket:
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            raise NotForUs(f"descriptor {fd} is not a socket: unset {VARIABLE}")
        os.set_inheritable(fd, False)
        opened = socket.socket(fileno=fd)
    except OSError as error:
        raise NotForUs(f"descriptor {fd} can not be used ({error.strerror}): unset {VARIABLE}") from None
    opened.setblocking(False)
    return opened


def _line(channel: socket.socket) -> bytes:
    """The first line; the one who starts this process has written it already."""
    channel.settimeout(_SOON)
    data = b""
    try:
        while not data.endswith(b"\n"):
            # One at a time at the end would be slow; the old process waits for us before it says more.
            more = channel.recv(65536)
            if not more or len(data) > LONGEST:
                break
            data += more
    except OSError as error:
        raise NotForUs(f"the process before does not say what it hands over: {error}") from None
    channel.setblocking(False)
    return data


_SOON = 10.0
"""Seconds in which the offer has to be here."""
