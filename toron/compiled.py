"""Chooses between the hot modules as they were compiled and as they are written.

Cython compiles these files as they stand, with the types of the `.pxd` beside some of them: there is
one source, and both ways do the same. All of them are compiled, or none is used: the compiled ones
know each other's insides. What was compiled from another text than the one that lies here is not used.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import ModuleType

MODULES = (
    "toron.core.backend",
    "toron.core.body",
    "toron.core.chain",
    "toron.core.forwarding",
    "toron.core.message",
    "toron.core.path",
    "toron.core.retrying",
    "toron.core.routing",
    "toron.core.server",
    "toron.core.wait",
    "toron.net.http1_client",
    "toron.net.http1_server",
    "toron.net.http2_client",
    "toron.net.http2_exchange",
    "toron.net.http2_server",
    "toron.net.http_exchange",
    "toron.net.http_site",
    "toron.net.http_stream",
    "toron.net.late",
    "toron.net.pool",
    "toron.net.reactor",
    "toron.net.stream",
    "toron.observe.access_lines",
    "toron.observe.access_log",
    "toron.observe.journal",
    "toron.observe.stats",
    "toron.services._exchange",
    "toron.services.proxy",
    "toron.wire.events",
    "toron.wire.headers",
    "toron.wire.hpack_decoder",
    "toron.wire.hpack_encoder",
    "toron.wire.hpack_huffman",
    "toron.wire.http1_client",
    "toron.wire.http1_fields",
    "toron.wire.http1_framing",
    "toron.wire.http1_head",
    "toron.wire.http1_server",
    "toron.wire.http2_client",
    "toron.wire.http2_control",
    "toron.wire.http2_fields",
    "toron.wire.http2_flow",
    "toron.wire.http2_frames",
    "toron.wire.http2_framing",
    "toron.wire.http2_heads",
    "toron.wire.http2_limits",
    "toron.wire.http2_messages",
    "toron.wire.http2_sections",
    "toron.wire.http2_server",
    "toron.wire.http2_streams",
    "toron.wire.scan",
)
"""What every request goes through."""

MANIFEST = "toron/_compiled.json"
"""Written by setup.py: the digest of each source that was compiled."""

SWITCH = "TORON_PURE"
"""The environment variable that asks for pure Python."""

_TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def sources(module: str) -> list[str]:
    """The files a module is compiled from, as paths from the top of the project."""
    path = module.replace(".", "/")
    return [path + end for end in (".py", ".pxd", ".pyx") if os.path.exists(os.path.join(_TOP, path + end))]


def digests() -> dict[str, str]:
    """The SHA-256 of every source of the hot modules, by its path."""
    found = {}
    for path in (path for module in MODULES for path in sources(module)):
        with open(os.path.join(_TOP, path), "rb") as file:
            found[path] = sha256(file.read()).hexdigest()
    return found


def why_not(environ: Mapping[str, str]) -> str | None:
    """Why the compiled modules are not used; None when they are."""
    if environ.get(SWITCH):
        return f"{SWITCH} is set"
    try:
        with open(os.path.join(_TOP, MANIFEST), encoding="utf-8") as file:
            manifest = json.load(file)
    except (OSError, ValueError):
        return "nothing is compiled: install a C compiler, then toron again"
    if manifest.get("python") != sys.implementation.cache_tag:
        return f"compiled for {manifest.get('python')}: install toron again with this Python"
    now = digests()
    if now != manifest.get("sources"):
        changed = sorted(now.items() ^ manifest.get("sources", {}).items())[0][0]
        return f"{changed} has changed since it was compiled: install toron again"
    return None


class _AsWritten(MetaPathFinder):
    """Finds the sources of the hot modules, where Python would take what is compiled."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in MODULES:
            return None
        file = os.path.join(_TOP, fullname.replace(".", "/") + ".py")
        return spec_from_file_location(fullname, file, loader=SourceFileLoader(fullname, file))


def choose(environ: Mapping[str, str]) -> None:
    """Have the hot modules imported as written unless what is compiled fits; called before any is."""
    if why_not(environ) is not None:
        sys.meta_path.insert(0, _AsWritten())


def described(environ: Mapping[str, str]) -> str:
    """Which ones run, in a line for people."""
    why = why_not(environ)
    return "compiled" if why is None else f"pure Python ({why})"
