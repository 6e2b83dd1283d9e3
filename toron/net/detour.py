"""Lets two processes have one UDP socket: one reads from it, and passes on what is not for those it knows."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.internet.interfaces import IReadDescriptor, IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

_SIZE = 4
"""Bytes before each datagram that tell how long it is, with its address."""

_ROOM = 1 << 16
"""Bytes that are read at once."""

MOST = 4 << 20
"""Bytes that may wait for the other process; what comes then is lost, as on the way here."""

Passed = tuple[bytes, tuple[Any, ...], bytes]
"""A datagram, its sender, and the ancillary data that tells where it was sent to."""

_encode = msgspec.msgpack.encode
_decoder = msgspec.msgpack.Decoder(Passed)


@implementer(IReadWriteDescriptor)
class PassingOn:
    """The end of the process that reads; `lost` is called when there is nobody at the other one."""

    def __init__(self, reactor: Any, opened: socket.socket, lost: Callable[[], None]) -> None:
        self._reactor = reactor
        self._socket: Any = opened
        self._lost = lost
        self._waiting = bytearray()
        opened.setblocking(False)
        reactor.addReader(self)

    def send(self, data: bytes, address: tuple[Any, ...], via: bytes) -> bool:
        """Pass a datagram on; whether that was possible."""
        if self._socket is None or len(self._waiting) > MOST:
            return False
        packed = _encode((data, address, via))
        idle = not self._waiting
        self._waiting += len(packed).to_bytes(_SIZE, "big")
        self._waiting += packed
        if idle:
            self._reactor.addWriter(self)
            self.doWrite()
        return True

    def doWrite(self) -> None:
        if self._socket is None:
            return
        try:
            sent = self._socket.send(self._waiting)
        except BlockingIOError:
            return
        except OSError:
            self._gone()
            return
        del self._waiting[:sent]
        if not self._waiting:
            self._reactor.removeWriter(self)

    def doRead(self) -> None:
        # The other one never says anything.
        self._gone()

    def _gone(self) -> None:
        if self._socket is not None:
            self.close()
            self._lost()

    def close(self) -> None:
        """There is nothing more to pass on."""
        opened, self._socket = self._socket, None
        if opened is not None:
            self._reactor.removeReader(self)
            self._reactor.removeWriter(self)
            opened.close()

    def fileno(self) -> int:
        return -1 if self._socket is None else int(self._socket.fileno())

    def logPrefix(self) -> str:
        return "detour"

    def connectionLost(self, reason: Failure) -> None:
        self._gone()


class Detoured:
    """A UDP socket from which another process reads, until it ends; in place of the socket itself."""

    def __init__(self, opened: socket.socket, detour: socket.socket) -> None:
        self._opened = opened
        self._detour: Any = detour
        self._buffer = b""
        self._follower: _Follower | None = None
        detour.setblocking(False)

    def __getattr__(self, name: str) -> Any:
        # To send, to ask, to hand it over: all that is not reading is that of the socket.
        return getattr(self._opened, name)

    def follow(self, reactor: Any, listener: Any) -> None:
        """Have `listener.doRead` called for what is passed on, and for all that comes once that is over."""
        if self._detour is None:
            reactor.addReader(listener)
        else:
            self._follower = _Follower(reactor, self, listener, self._detour)
            reactor.addReader(self._follower)

    def leave(self, reactor: Any, listener: Any) -> None:
        """Be read from no more."""
        reactor.removeReader(listener)
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.stop()

    def recvmsg(self, size: int, ancillary: int) -> Any:
        """As of the socket; raises BlockingIOError where nothing is there."""
        if self._detour is None:
            return self._opened.recvmsg(size, ancillary)
        data, address, via = self._next()
        return data, [(0, 0, via)] if via else [], 0, address

    def recvfrom(self, size: int) -> Any:
        """The same without ancillary data."""
        if self._detour is None:
            return self._opened.recvfrom(size)
        data, address, _ = self._next()
        return data, address

    def close(self) -> None:
        """Close both."""
        detour, self._detour = self._detour, None
        if detour is not None:
            detour.close()
        self._opened.close()

    @property
    def more(self) -> bool:
        """Whether something was passed on that nobody has asked for yet."""
        return self._detour is not None and self._whole() is not None

    def _next(self) -> Passed:
        size = self._whole()
        while size is None:
            try:
                more = self._detour.recv(_ROOM)
            except ConnectionError:
                more = b""
            if not more:
                self._end()
                raise BlockingIOError
            self._buffer += more
            size = self._whole()
        packed, self._buffer = self._buffer[_SIZE:size], self._buffer[size:]
        passed: Passed = _decoder.decode(packed)
        return passed

    def _whole(self) -> int | None:
        """Where the first datagram ends, if all of it is here."""
        if len(self._buffer) < _SIZE:
            return None
        end = _SIZE + int.from_bytes(self._buffer[:_SIZE], "big")
        return end if len(self._buffer) >= end else None

    def _end(self) -> None:
        """The other process reads no more: from here on this one does."""
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.stop()
            follower.reactor.addReader(follower.listener)
        detour, self._detour = self._detour, None
        detour.close()


@implementer(IReadDescriptor)
class _Follower:
    """Sees what is passed on, for as long as something is."""

    def __init__(self, reactor: Any, source: Detoured, listener: Any, detour: socket.socket) -> None:
        self.reactor = reactor
        self.listener = listener
        self._source = source
        self._detour = detour
        self._again: Any = None

    def doRead(self) -> None:
        self._again = None
        self.listener.doRead()
        if self._source.more and self._again is None:
            # The kernel has nothing to tell of it any more.
            self._again = self.reactor.callLater(0, self.doRead)

    def stop(self) -> None:
        """See nothing more."""
        self.reactor.removeReader(self)
        if self._again is not None and self._again.active():
            self._again.cancel()

    def fileno(self) -> int:
        return self._detour.fileno()

    def logPrefix(self) -> str:
        return "detour"

    def connectionLost(self, reason: Failure) -> None:
        # An end that the reactor has seen before us: the next read finds it.
        self.listener.doRead()


class Detouring(Service):
    """A listener for datagrams whose socket another process may have, too."""

    reactor: Any
    _socket: Any
    _detour: PassingOn | None
    _paused: bool

    def _listen(self) -> None:
        if isinstance(self._socket, Detoured):
            self._socket.follow(self.reactor, self)
        else:
            self.reactor.addReader(self)

    def _leave(self) -> None:
        if isinstance(self._socket, Detoured):
            self._socket.leave(self.reactor, self)
        else:
            self.reactor.removeReader(self)

    @property
    def opened(self) -> Any:
        """Its socket."""
        return self._socket

    def pass_on(self, detour: PassingOn | None) -> None:
        """Begin nothing any more, and pass on what is for nobody here; None ends that."""
        self._detour = detour

    def pause(self) -> None:
        """Read nothing for now: whoever shares the socket may. Answers to clients go on."""
        if self._detour is not None:
            return  # what is for the other one it gets
        self._paused = True
        if self._socket is not None:
            self._leave()

    def resume(self) -> None:
        """Read again."""
        if self._paused and self._socket is not None:
            self._listen()
        self._paused = False
