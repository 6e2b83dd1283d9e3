"""What there is to say of a certificate that renews itself, by what its state folder has."""

from __future__ import annotations

import datetime
from typing import Any

from toron.acme.kept import kept
from toron.acme.written import wanted
from toron.cli._certificates import facts
from toron.config.model import Acme


def of_acme(spec: Acme, folder: str) -> dict[str, Any]:
    """As data; relative paths start at `folder`. `trouble` says why the last try failed."""
    said: dict[str, Any] = {"directory": spec.directory, "challenge": spec.challenge}
    if spec.on_demand is not None:
        return said | {"names": list(spec.on_demand.allow), "note": "got on demand"}
    try:
        one = wanted(spec, folder)
    except OSError as error:
        return said | {"names": list(spec.names), "problem": f"{error.filename}: {error.strerror}"}
    found = kept(one)
    said["names"] = list(one.names)
    if found.why:
        said["trouble"] = found.why
        if found.next:
            said["next_try"] = datetime.datetime.fromtimestamp(found.next, datetime.UTC).isoformat()
    try:
        return said | (facts(found.chain) if found.chain else {"note": "renews itself, there is none yet"})
    except ValueError:
        return said | {"problem": f"what {spec.state} has is not a certificate in PEM form"}
