"""Says what is wanted by what a configuration says."""

from __future__ import annotations

import base64
import os
import shutil

from toron.acme.wanted import Binding, Wanted
from toron.config.model import Acme


def wanted(spec: Acme, folder: str, staples: bool | None = None) -> Wanted:
    """The certificate of these words; relative paths start at `folder`.

    With `on_demand` it has no names: they come. `staples` is as in Source. Raises OSError where `ca`
    can not be read.
    """
    ca = b""
    if spec.ca is not None:
        with open(os.path.join(folder, spec.ca), "rb") as file:
            ca = file.read()
    return Wanted(
        names=tuple(name.lower() for name in spec.names),
        # One folder must not be taken for two: its lock would keep us out of it.
        state=os.path.realpath(os.path.join(folder, spec.state)),
        directory=spec.directory,
        ca=ca,
        email=spec.email or "",
        challenge=spec.challenge,
        key=spec.key,
        binding=None
        if spec.eab is None
        else Binding(spec.eab.kid, _decoded(spec.eab.hmac.get_secret_value())),
        hook=(_command(spec.hook[0], folder), *spec.hook[1:]) if spec.hook else (),
        hook_seconds=spec.hook_timeout,
        staples=staples,
    )


def _decoded(text: str) -> bytes:
    """base64url, with or without its padding."""
    bare = text.rstrip("=")
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


def _command(name: str, folder: str) -> str:
    """Where a command is, for a daemon may look elsewhere."""
    found = shutil.which(os.path.join(folder, name) if os.sep in name else name)
    return name if found is None else os.path.abspath(found)
