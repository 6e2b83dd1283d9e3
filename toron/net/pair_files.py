"""A certificate and its key in files: what they are now, and whether they may replace what serves."""

from __future__ import annotations

import datetime
import errno
import os
import stat
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from toron.net.key_pair import KeyPair

MOST = 4 << 20
"""Bytes of a file that are read."""

_State = tuple[int, int, int, int, int]


class PairFiles:
    """The files of a pair, which may be one; they are looked at through links."""

    def __init__(self, cert: str, key: str) -> None:
        self.cert = cert
        self.key = key
        self.was: tuple[_State, _State] | None = None
        """Their state when they were read last, or before."""

    def state(self) -> tuple[_State, _State] | None:
        """What changes when one of them does; None where one is not there."""
        try:
            return _state(self.cert), _state(self.key)
        except OSError:
            return None

    def read(self) -> KeyPair:
        """What is in them, whatever that is; raises OSError."""
        self.was = self.state()
        chain = _read(self.cert)
        return KeyPair(chain, chain if self.key == self.cert else _read(self.key))

    def problem(self) -> str:
        """Why they can not be read by who we are now; empty where they can."""
        try:
            for path in (self.cert, self.key):
                os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
        except OSError as error:
            return str(error)
        return ""

    def readable_by_others(self) -> bool:
        """Whether the key's file lets anybody but its owner read it."""
        try:
            return bool(stat.S_IMODE(os.stat(self.key).st_mode) & 0o077)
        except OSError:
            return False


def _state(path: str) -> _State:
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode


def _read(path: str) -> bytes:
    """What is in a file; OSError where it is none: whoever opens a pipe waits for what is written to it."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(opened, "rb") as file:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file", path)
        return file.read(MOST)


def check(pair: KeyPair, now: float) -> None:
    """Raise ValueError, with the reason in words, unless the pair can be served at `now` (Unix seconds)."""
    try:
        leaf = pair.leaf
        public = leaf.public_key().public_bytes(*_FORM)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise ValueError("it is not a certificate in PEM form") from None
    pair.names()
    try:
        key = serialization.load_pem_private_key(pair.key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("its key is not a private key in PEM form without a passphrase") from None
    if key.public_key().public_bytes(*_FORM) != public:
        raise ValueError("the key belongs to another certificate")
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    if moment > leaf.not_valid_after_utc:
        raise ValueError(f"it expired on {leaf.not_valid_after_utc:%Y-%m-%d}")
    if moment < leaf.not_valid_before_utc:
        raise ValueError(f"it is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC")


_FORM = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def lost_names(before: KeyPair | None, after: KeyPair) -> Iterator[str]:
    """The names that clients can not ask for any more."""
    if before is not None:
        left = set(after.names())
        yield from (name for name in before.names() if name not in left)
