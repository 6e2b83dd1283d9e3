"""Sends datagrams: many of one connection in one call of the kernel, and what it does not take later."""

from __future__ import annotations

import errno
import socket
import struct
from collections import deque
from collections.abc import Sequence
from typing import Any

IP_PKTINFO, IPV6_RECVPKTINFO, IPV6_PKTINFO = 8, 49, 50
SOL_UDP, _UDP_SEGMENT = 17, 103
"""Have the kernel cut one buffer into datagrams (udp(7))."""
_SEGMENTS_MOST = 64
_BYTES_MOST = 65_000
_WAITING_MOST = 4096
"""Datagrams that wait for the kernel; more are lost, as they might be on their way."""
_UNABLE = frozenset({errno.EIO, errno.EINVAL, errno.EOPNOTSUPP, errno.EMSGSIZE, errno.ENOPROTOOPT})
"""What says that a device does not cut buffers, or that one does not fit there."""

Ancillary = list[tuple[int, int, bytes]]
Sent = tuple[list[bytes], Any, Ancillary]
"""Datagrams of one size, the last at most of that; where they go; where they leave from."""


class Sending:
    """The sending half of a UDP socket that does not block."""

    __slots__ = ("_cuts", "_socket", "_waiting", "dropped")

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._cuts = True
        """Whether the kernel cuts buffers, as far as we know."""
        self._waiting: deque[Sent] = deque()
        self.dropped = 0
        """Datagrams that were not sent and will not be."""

    def send(self, datagrams: Sequence[tuple[bytes, Any]], ancillary: Ancillary) -> bool:
        """Send datagrams, each with its address; whether all are gone. `resume` when there is room again."""
        waiting = self._waiting
        full = bool(waiting)
        for data, address in runs(datagrams) if self._cuts else _singly(datagrams):
            if len(waiting) < _WAITING_MOST:
                waiting.append((data, address, ancillary))
            else:
                self.dropped += len(data)
        return not full and self.resume()

    def resume(self) -> bool:
        """Send what waits; whether all of it is gone."""
        waiting = self._waiting
        while waiting:
            data, address, ancillary = waiting[0]
            try:
                self._send(data, address, ancillary)
            except BlockingIOError:
                return False
            except OSError as error:
                waiting.popleft()
                if len(data) > 1 and error.errno in _UNABLE:
                    self._cuts = False
                    waiting.extendleft(([each], address, ancillary) for each in reversed(data))
                else:
                    # Lost, as it might be on its way.
                    self.dropped += len(data)
            else:
                waiting.popleft()
        return True

    def _send(self, data: list[bytes], address: Any, ancillary: Ancillary) -> None:
        if len(data) > 1:
            cut = [*ancillary, (SOL_UDP, _UDP_SEGMENT, struct.pack("=H", len(data[0])))]
            self._socket.sendmsg(data, cut, 0, address)
        elif ancillary:
            self._socket.sendmsg(data, ancillary, 0, address)
        else:
            self._socket.sendto(data[0], address)


def leaving_from(family: int, via: bytes) -> Ancillary:
    """What has datagrams leave from the address in `via`, which came with one to it (ip(7), ipv6(7))."""
    if not via:
        return []
    if family == socket.AF_INET6:
        return [(socket.IPPROTO_IPV6, IPV6_PKTINFO, via)]
    _, ours, _ = struct.unpack("=I4s4s", via)
    return [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=I4s4s", 0, ours, bytes(4)))]


def runs(datagrams: Sequence[tuple[bytes, Any]]) -> list[tuple[list[bytes], Any]]:
    """Neighbours to one address that one call can send: all of one size, but the last may be smaller."""
    made: list[tuple[list[bytes], Any]] = []
    run: list[bytes] = []
    where: Any = None
    room = 0
    for data, address in datagrams:
        size = len(data)
        if run and address == where and size <= len(run[0]) == len(run[-1]) and size <= room:
            run.append(data)
            room -= size
            if len(run) == _SEGMENTS_MOST:
                room = 0
            continue
        run = [data]
        where = address
        room = _BYTES_MOST - size
        made.append((run, where))
    return made


def _singly(datagrams: Sequence[tuple[bytes, Any]]) -> list[tuple[list[bytes], Any]]:
    return [([data], address) for data, address in datagrams]
