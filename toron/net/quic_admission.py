"""Decides about datagrams of no connection: whether one begins, or what the sender is answered."""

from __future__ import annotations

import os
from dataclasses import dataclass

from toron.core.token_bucket import TokenBuckets
from toron.net.quic_packet import ID_LENGTH, retry, stateless_reset, token, version_negotiation
from toron.net.quic_session import Address
from toron.net.quic_token import RetryTokens
from toron.wire.quic import VERSION_1, LongHeader, long_header
from toron.wire.quic_initial import SMALLEST, begins

_SHUNNED_SECONDS = 1.0
"""How long a refused client's datagrams are dropped without another look."""
_SHUNNED_MOST = 10_000
_RETRY_ABOVE = 100
"""Handshakes under way, from which on a client has to prove its address."""
_ANSWERS = 100.0
"""Stateless resets and Version Negotiation packets a second, at most."""


@dataclass(slots=True)
class Newcomer:
    """A client whose first packet is here."""

    header: LongHeader
    original: bytes
    """The connection id it came to first."""
    retried: bytes | None
    """The one it was told to come to, where it has proved its address."""


class Admission:
    """Keeps nothing of anybody who is not let in, but for a while who was refused."""

    def __init__(self, reset_key: bytes, *, always_retry: bool, handshakes: int) -> None:
        """So many `handshakes` may be under way; above 100, or always, a client has to prove its address."""
        self._reset_key = reset_key
        self._retry_above = 0 if always_retry else _RETRY_ABOVE
        self._handshakes = handshakes
        self._tokens = RetryTokens(os.urandom(16))
        self._shunned: dict[Address, float] = {}
        self._answers = TokenBuckets(_ANSWERS, _ANSWERS)

    def switch(self, other: Admission) -> None:
        """Be as strict as `other`; the tokens that clients were given stay good."""
        self._reset_key = other._reset_key
        self._retry_above = other._retry_above
        self._handshakes = other._handshakes

    def look(self, data: bytes, address: Address, half_open: int, now: float) -> Newcomer | bytes:
        """Who may begin a connection, or what is answered; b"" is nothing. `half_open` shake hands now."""
        header = long_header(data)
        if header is None:
            return stateless_reset(self._reset_key, data) if self._may_answer(now) else b""
        if len(data) < SMALLEST:
            return b""
        if header.version != VERSION_1:
            return version_negotiation(header) if header.version and self._may_answer(now) else b""
        if not begins(header, data) or self._is_shunned(address, now):
            return b""
        peer = (address[0], address[1])
        original = self._tokens.original(token(header, data), peer, header.dcid, now)
        if original is None and half_open >= self._retry_above:
            source = os.urandom(ID_LENGTH)
            return retry(header, source, self._tokens.make(peer, source, header.dcid, now))
        if half_open >= self._handshakes:
            return b""
        if original is None:
            return Newcomer(header, header.dcid, None)
        return Newcomer(header, original, header.dcid)

    def _may_answer(self, now: float) -> bool:
        return self._answers.take(None, now).allowed

    def shun(self, address: Address, now: float) -> None:
        """Do not look for a while at what comes from there."""
        if len(self._shunned) >= _SHUNNED_MOST:
            self._shunned.clear()
        self._shunned[address] = now + _SHUNNED_SECONDS

    def _is_shunned(self, address: Address, now: float) -> bool:
        until = self._shunned.get(address) if self._shunned else None
        if until is None:
            return False
        if until > now:
            return True
        del self._shunned[address]
        return False
