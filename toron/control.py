"""What the admin API does with the configuration of a gateway that runs: tells it, changes it."""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from msgspec.json import encode
from twisted.internet.threads import deferToThreadPool

from toron import plugin
from toron.admin.listener import AdminListener
from toron.admin.problem import Mistake, stale
from toron.admin.running import Outcome, Written
from toron.changing.confirming import Changing
from toron.compose import Composition
from toron.config.kept import given_back, kept
from toron.config.load import Loaded, load_text
from toron.config.place import Invalid, Problem
from toron.config.show import effective, write_yaml
from toron.explain.live import Live
from toron.net.gateway import Gateway
from toron.net.pauses import short_pauses
from toron.observe.reloads import Reloads
from toron.reload import Overtaken, Reload

T = TypeVar("T")

SENT = "api"
"""What problems of a configuration that was sent call its file, before the extension."""


def attach(root: Gateway, loaded: Loaded, path: str, reload: Reload) -> None:
    """Let the admin port of this gateway tell of the configuration and change it.

    `loaded` is the one that it begins with, from the file at `path`.
    """
    for each in root.bound:
        if isinstance(each, AdminListener):
            each.gateway.control(Control(kept(loaded), path, reload))
            if each.gateway.fleet is None:
                each.gateway.remembering = Live(reload.current.reactor, reload.current.recent)
            changing = Changing(reload, os.path.abspath(path), loaded, each.gateway.connections)
            changing.setServiceParent(root)  # type: ignore[no-untyped-call]
            each.gateway.changing_with(changing)


class Control:
    """The configuration that serves: what `reload` says."""

    def __init__(self, begun: bytes, path: str, reload: Reload) -> None:
        """`begun` is the configuration that serves now, kept."""
        self._reactor = reload.current.reactor
        self._reload = reload
        reload.kept = begun
        self.path = os.path.abspath(path)
        self._known: tuple[bytes, bytes, str] | None = None
        """A configuration that was kept, what it was written as (compressed), and its entity tag."""

    @property
    def serving(self) -> Composition:
        """The composition that serves."""
        return self._reload.current

    @property
    def source(self) -> str:
        """`file`, or `api` where what serves was sent."""
        return self._reload.source

    @property
    def stats(self) -> Reloads:
        """How reloads went."""
        return self._reload.stats

    # --- telling ------------------------------------------------------------------------------

    @property
    def kept(self) -> bytes:
        """The configuration that serves, as `config.kept` has it."""
        return self._reload.kept

    async def etag(self) -> str:
        """The entity tag of the configuration that serves: a hash of what is written of it."""
        return (await self._known_now())[2]

    async def written(self) -> Written:
        """The configuration that serves; worked out beside the loop, once for each configuration."""
        _, data, etag = await self._known_now()
        return Written(await self._beside(partial(zlib.decompress, data)), etag)

    async def _known_now(self) -> tuple[bytes, bytes, str]:
        now = self.kept
        if self._known is None or self._known[0] is not now:
            self._known = now, *await self._beside(partial(_written, now))
        return self._known

    async def yaml(self) -> bytes:
        """The same as YAML."""
        return await self._beside(partial(_yaml, self.kept))

    async def _beside(self, work: Callable[[], T]) -> T:
        reactor = self._reactor
        with short_pauses():
            found: T = await deferToThreadPool(reactor, reactor.getThreadPool(), work)
        return found

    # --- changing -----------------------------------------------------------------------------

    async def load_again(self, *, only: bool = False) -> Outcome:
        """Load the file again; returns when it is in service, or rejected.

        With `only`, Refused where what serves now does not when its turn comes.
        """
        return await self._change(None, only)

    async def apply(self, text: bytes, extension: str, *, only: bool = False) -> Outcome:
        """Take this text into service as if the file said it; `extension` tells its format (`.yaml`)."""
        folder = os.path.dirname(self.path)
        read = partial(load_text, text, SENT + extension, folder, plugin, os.environ)
        return await self._change(read, only)

    async def _change(self, read: Callable[[], Loaded] | None, only: bool) -> Outcome:
        began = time.monotonic()
        try:
            problems = await self._reload.change(read, only=self.kept if only else None)
        except Overtaken:
            raise stale("what it was", await self.etag()) from None
        except Invalid as invalid:
            return Outcome("rejected", time.monotonic() - began, list(map(_mistake, invalid.problems)))
        except OSError as error:
            mistake = Mistake(self.path, 1, 1, "error", str(error))
            return Outcome("rejected", time.monotonic() - began, [mistake])
        return Outcome("applied", time.monotonic() - began, list(map(_mistake, problems)))


def _written(data: bytes) -> tuple[bytes, str]:
    written = encode(effective(given_back(data)))
    return zlib.compress(written + b"\n", 1), f'"{hashlib.sha256(written).hexdigest()[:32]}"'


def _yaml(data: bytes) -> bytes:
    return write_yaml(effective(given_back(data))).encode()


def _mistake(problem: Problem) -> Mistake:
    severity = "warning" if problem.warning else "error"
    return Mistake(problem.path, problem.line, problem.column, severity, problem.message)
