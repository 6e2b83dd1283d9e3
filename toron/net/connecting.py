"""One attempt to connect a socket to an address: it stands, or fails with the reason."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.internet.interfaces import IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from toron.core.refusal import CONNECT_FAILED, CONNECT_REFUSED, CONNECT_TIMEOUT, UpstreamFailed
from toron.core.wait import Wait
from toron.net.stream import Stream

_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK})
_STANDS = frozenset({0, errno.EISCONN})
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
"""Of these no server is to blame."""
_KIND = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC


def why(code: int) -> UpstreamFailed:
    """Name what the system says."""
    if code == errno.ECONNREFUSED:
        return UpstreamFailed(CONNECT_REFUSED, untouched=True)
    if code == errno.ETIMEDOUT:
        return UpstreamFailed(CONNECT_TIMEOUT, untouched=True)
    return UpstreamFailed(CONNECT_FAILED, os.strerror(code), untouched=True, ours=code in _OURS)


@implementer(IWriteDescriptor)
class Attempt:
    """A socket on its way to an address; `stands` says whether it is connected already.

    Once `stands` is true or `wait` returns, the caller has to take the transport; in all other cases the
    socket is closed.
    """

    __slots__ = ("_done", "_peer", "_reactor", "socket", "stands")

    def __init__(self, reactor: Any, address: str, port: int) -> None:
        """Begin; raises UpstreamFailed. `address` is an IP literal, where IPv6 may have a zone."""
        self._reactor = reactor
        self._peer = (address, port)
        six = ":" in address
        try:
            self.socket = opened = socket.socket(socket.AF_INET6 if six else socket.AF_INET, _KIND)
        except OSError as error:
            raise why(error.errno or 0) from None
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            code = opened.connect_ex(self._peer)
            if code == errno.EINPROGRESS and (address.startswith("127.") or address == "::1"):
                # A server on this machine has answered by now: no need to wait to be told so.
                code = opened.connect_ex(self._peer)
        except OSError as error:
            # A zone that there is not (socket.gaierror), for one.
            opened.close()
            raise UpstreamFailed(CONNECT_FAILED, str(error.strerror), untouched=True) from None
        self.stands = code in _STANDS
        if not self.stands and code not in _UNDER_WAY:
            opened.close()
            raise why(code)

    async def wait(self, seconds: float) -> None:
        """Until it stands, so many seconds at most; raises UpstreamFailed."""
        if self.stands:
            return
        self._done: Wait[None] = Wait()
        reactor = self._reactor
        reactor.addWriter(self)
        timer = reactor.callLater(seconds, self._done.fail, why(errno.ETIMEDOUT))
        try:
            await self._done
        except BaseException:
            reactor.removeWriter(self)
            self.socket.close()
            raise
        finally:
            if timer.active():
                timer.cancel()

    def transport(self, protocol: Any) -> Stream:
        """The transport of the connection; nothing is read from it before it is asked for."""
        address, port = self._peer
        peer = self._peer if ":" not in address else (address, port, 0, 0)
        return Stream(self.socket, protocol, peer, self._reactor)

    def fileno(self) -> int:
        return self.socket.fileno()

    def logPrefix(self) -> str:
        return f"connecting to {self._peer[0]}"

    def doWrite(self) -> None:
        """It stands, or is broken."""
        code = self.socket.connect_ex(self._peer)
        if code in _UNDER_WAY:
            return
        if code in _STANDS:
            self.stands = True
            self._reactor.removeWriter(self)
            self._done.fire(None)
        else:
            self._done.fail(why(code))

    def connectionLost(self, reason: Failure) -> None:
        """The reactor sees that it is broken before it could be written to."""
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._done.fail(why(code or errno.ECONNABORTED))
