"""Gets the certificates that renew themselves, by a keeper that goes on from one composition to the next."""

from __future__ import annotations

import datetime
import hashlib
import random as randomness
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from toron.acme.http_01 import Answers
from toron.acme.wanted import Wanted
from toron.acme.written import wanted
from toron.composing.ground import Ground
from toron.config import model
from toron.core.message import Service
from toron.net.certificate_source import Source
from toron.net.certificates import Certificates
from toron.net.gateway import Gateway
from toron.net.inheritance import Inherited
from toron.net.key_pair import self_signed
from toron.observe.metrics import Metrics

if TYPE_CHECKING:
    from toron.acme.keeper import Keeper
    from toron.acme.on_demand import OnDemand

Path = tuple[str | int, ...]


class AcmeParts:
    """What one composition wants of the keeper, who begins with nothing before it is settled."""

    def __init__(
        self,
        ground: Ground,
        config: model.Config,
        random: randomness.Random,
        wall: Callable[[], float],
        metrics: Metrics,
        before: AcmeParts | None,
    ) -> None:
        self._ground = ground
        self._random = random
        self._wall = wall
        self._metrics = metrics
        self.keeper: Keeper | None = None if before is None else before.keeper
        """None where nothing was ever wanted of it, and in workers, who are told by the parent."""
        self.answers: Answers = Answers() if before is None else before.answers
        """What is answered to directories over plain HTTP."""
        self._asked = any(each.acme for spec in config.listeners for each in spec.certificates)
        self._wanted: list[Wanted] = []
        self._demands: list[OnDemand] = []
        self._shown: list[tuple[Source, Sequence[str]]] = []
        self.shared: dict[str, Source] = {}
        """The sources, by what they are known by in each process."""

    def source(self, path: Path, spec: model.Acme, staples: bool | None = None) -> Source:
        """Where the certificate at `path` is served from: the same for all listeners and compositions.

        One on demand has a place in the list, and others are served: see `demands`. `staples` is as in
        Source.
        """
        one, ground = self._one(path, spec, staples), self._ground
        if spec.on_demand is not None:
            source = ground.same(("on demand", one, spec), None, lambda: Source(label="on demand"))
            self._shown.append((source, spec.on_demand.allow))
            return source
        key = ("acme", one)
        if isinstance(ground.inheritance, Inherited):
            source = ground.same(key, None, lambda: Source(None, one.label, staples))
        else:
            self._wanted.append(one)
            with ground.located("ACME can not be used", *path):
                source = ground.same(key, None, lambda: self._known(path).source(one))
        self._shown.append((source, one.names))
        self.shared[f"acme {hashlib.sha256(repr(one).encode()).hexdigest()}"] = source
        return source

    def demands(self, path: Path, certificates: Sequence[model.Certificate]) -> list[OnDemand]:
        """What gets certificates on demand, of those in the list at `path`."""
        found: list[OnDemand] = []
        if isinstance(self._ground.inheritance, Inherited):
            return found
        for index, certificate in enumerate(certificates):
            spec, here = certificate.acme, (*path, index, "acme")
            if spec is not None and spec.on_demand is not None:
                with self._ground.located("ACME can not be used", *here):
                    found.append(self._known(here).on_demand(self._one(here, spec), spec.on_demand))
        self._demands += found
        return found

    def before(self, spec: model.Listener, service: Service) -> Service:
        """What a listener serves, over plain HTTP after what directories ask for, if any do."""
        return self.answers.before(service) if self._asked and spec.protocol == "http" else service

    def attend(self, root: Gateway) -> None:
        """Be part of a tree, if that is not so already."""
        if self.keeper is not None and self.keeper.parent is None:
            self.keeper.setServiceParent(root)  # type: ignore[no-untyped-call]
            self._metrics.more.append(self.keeper.families)
            # A parent is told of nothing else, and this stays there.
            root.draining.append(self.keeper.rest)

    @property
    def draining(self) -> list[Callable[[], None]]:
        """Who is to be told when the gateway drains."""
        return [] if self.keeper is None else [self.keeper.rest]

    def settle(self) -> None:
        """Be the composition that serves: what others wanted ends."""
        if self.keeper is not None:
            self.keeper.settle(self._wanted, self._demands)

    def pretend(self) -> None:
        """Serve something for each name, since it is asked what would be served, and nothing ever is."""
        now = datetime.datetime.fromtimestamp(self._wall(), datetime.UTC)
        for source, names in self._shown:
            if source.pair is None:
                source.serve(self_signed([name.lower() for name in names], now))

    def _one(self, path: Path, spec: model.Acme, staples: bool | None = None) -> Wanted:
        ground = self._ground
        with ground.located("ACME can not be used", *path):
            one = ground.same(
                ("wanted", spec, staples), ground.contents(spec),
                lambda: ground.once(lambda: wanted(spec, ground.folder, staples)),
            )  # fmt: skip
        return one  # noqa: RET504  # mypy takes a return inside for one that may not happen

    def _known(self, path: Path) -> Keeper:
        if self.keeper is None:
            try:
                from toron.acme.keeper import Keeper
            except ImportError:
                message = "ACME needs an extra that is not installed here: pip install 'toron[acme]'"
                raise self._ground.loaded.invalid(message, *path) from None
            self.keeper = Keeper(self._ground.reactor, self._random, self._wall, self.answers)
        return self.keeper


def serve_on_demand(demands: Iterable[OnDemand], certificates: Certificates, care: Any) -> None:
    """Let these get certificates for the names that clients ask a listener for; `care` looks after them."""
    for demand in demands:
        demand.told = care
        demand.attach(certificates)
