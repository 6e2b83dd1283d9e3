"""Says what a state folder has of a certificate, to those who are no gateway: nothing is changed."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from toron.acme.wanted import Wanted

_BEGIN = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is."""

    chain: bytes = b""
    """In PEM; empty where there is none."""
    why: str = ""
    """What was wrong with the last try, or with reading; empty where nothing was."""
    next: float = 0.0
    """After a failure, when the next try may be, in Unix seconds."""


def kept(wanted: Wanted) -> Kept:
    """What the folder has; raises nothing, since `why` says what is wrong."""
    stem = os.path.join(wanted.state, wanted.file)
    try:
        data, notes = _read(f"{stem}.pem"), _read(f"{stem}.json")
    except OSError as error:
        return Kept(why=f"{error.filename}: {error.strerror}")
    chain = data[data.find(_BEGIN) :] if _BEGIN in data else b""
    try:
        found = json.loads(notes or b"{}")
        return Kept(chain, str(found.get("why", "")), float(found.get("next", 0.0)))
    except (ValueError, TypeError, AttributeError):
        return Kept(chain, f"{stem}.json is not well formed")


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except FileNotFoundError:
        return b""
