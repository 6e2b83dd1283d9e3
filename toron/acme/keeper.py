"""Looks after all certificates of a gateway, from one configuration to the next."""

from __future__ import annotations

import random as randomness
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client.core import Metric
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore, maybeDeferred

from toron.acme.account import Account
from toron.acme.directory import Directory
from toron.acme.dns_01 import Records
from toron.acme.http_01 import Answers
from toron.acme.https import Ask, Https
from toron.acme.numbers import families
from toron.acme.on_demand import OnDemand
from toron.acme.proof import Proof
from toron.acme.state import State
from toron.acme.tls_alpn_01 import Handshakes
from toron.acme.upkeep import Upkeep
from toron.acme.wanted import Wanted
from toron.config.model import OnDemand as OnDemandSpec
from toron.net.certificate_source import Source

AT_ONCE = 4
"""Orders under way at a time, of all certificates."""


class Keeper(MultiService):
    """Has one `Upkeep` for each certificate that is wanted, whoever wants it.

    What is asked of it while composing begins with `settle`; what nobody wants then ends.
    """

    def __init__(
        self,
        reactor: Any,
        random: randomness.Random,
        wall: Callable[[], float],
        answers: Answers,
        https: Callable[[Any, bytes], Ask] = Https,
    ) -> None:
        """`wall` gives Unix seconds, `answers` are those of all plain HTTP listeners.

        `https` makes what asks a directory that `ca` vouches for.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self.setName("acme")  # type: ignore[no-untyped-call]
        self.answers = answers
        self.resting = False
        """Whether nothing is asked for any more."""
        self._reactor = reactor
        self._random = random
        self._wall = wall
        self._https = https
        self._turns = DeferredSemaphore(AT_ONCE)
        self._states: dict[str, State] = {}
        self._accounts: dict[Any, Account] = {}
        self._upkeeps: dict[Wanted, Upkeep] = {}
        self._demands: dict[tuple[Wanted, OnDemandSpec], OnDemand] = {}

    def upkeep(self, wanted: Wanted) -> Upkeep:
        """The one of this certificate; it is not begun here. ValueError for a `ca` without certificates."""
        found = self._upkeeps.get(wanted)
        if found is None:
            state = self._states.setdefault(wanted.state, State(wanted.state))
            source = Source(None, wanted.label, wanted.staples)
            found = self._upkeeps[wanted] = Upkeep(
                wanted, source, self._account(wanted, state), state, self._proof(wanted, source),
                reactor=self._reactor, random=self._random, wall=self._wall, turns=self._turns,
            )  # fmt: skip
        return found

    def source(self, wanted: Wanted) -> Source:
        """Where this certificate is served from: the same whenever it is asked for."""
        return self.upkeep(wanted).source

    def on_demand(self, template: Wanted, spec: OnDemandSpec) -> OnDemand:
        """What gets certificates for names that come: the same whenever it is asked for."""
        found = self._demands.get((template, spec))
        if found is None:
            https = self._https(self._reactor, b"") if spec.ask else None
            found = self._demands[template, spec] = OnDemand(
                self, template, [name.lower() for name in spec.allow], spec.per_hour,
                self._reactor.seconds, spec.ask or "", https,
            )  # fmt: skip
        return found

    def settle(self, wanted: Iterable[Wanted], demands: Iterable[OnDemand] = ()) -> None:
        """Look after these, and no others."""
        demands = list(demands)
        self._demands = {key: one for key, one in self._demands.items() if one in demands}
        keep = {*wanted, *(each for demand in demands for each in demand.wanted)}
        for each in [each for each in self._upkeeps if each not in keep]:
            self._end(self._upkeeps.pop(each))
        for each in keep:
            self.begin(self.upkeep(each))
        states = {each.state for each in keep}
        for folder in [folder for folder in self._states if folder not in states]:
            self._states.pop(folder).unlock()
        self._accounts = {key: one for key, one in self._accounts.items() if key[0] in states}

    def begin(self, upkeep: Upkeep) -> None:
        """Look after this one, too, if that is not done already."""
        if upkeep.parent is None and not self.resting:
            upkeep.setServiceParent(self)  # type: ignore[no-untyped-call]

    def rest(self) -> None:
        """Ask for nothing more, since another process may take this one's place; what is served stays so."""
        self.resting = True
        stopped = [maybeDeferred(each.stopService) for each in self._upkeeps.values() if each.running]
        DeferredList(stopped).addCallback(self._unlock)

    def forget(self, upkeep: Upkeep) -> None:
        """Somebody asked for one that is not wanted after all."""
        if upkeep.parent is None:
            self._upkeeps.pop(upkeep.wanted, None)

    def _end(self, upkeep: Upkeep) -> None:
        if upkeep.parent is not None:
            upkeep.disownServiceParent()  # type: ignore[no-untyped-call]

    def stopService(self) -> Deferred[Any]:
        """Fires when no proof is shown any more; then another process may have the folders."""
        stopped: Deferred[Any] = maybeDeferred(super().stopService)
        return stopped.addBoth(self._unlock)

    def _unlock(self, result: Any) -> Any:
        for state in self._states.values():
            state.unlock()
        return result

    def _account(self, wanted: Wanted, state: State) -> Account:
        """One for all certificates of the same state folder, directory and binding."""
        key = (wanted.state, wanted.directory, wanted.ca, wanted.email, wanted.binding)
        found = self._accounts.get(key)
        if found is None:
            ask = self._https(self._reactor, wanted.ca)
            directory = Directory(wanted.directory, ask, self._wall)
            found = self._accounts[key] = Account(directory, state, wanted.email, wanted.binding)
        return found

    def _proof(self, wanted: Wanted, source: Source) -> Proof:
        if wanted.challenge == "http-01":
            return self.answers
        if wanted.challenge == "tls-alpn-01":
            return Handshakes(source, self._wall)
        return Records(self._reactor, wanted.hook, wanted.hook_seconds)

    # --- for those who ask ------------------------------------------------------------------------

    @property
    def upkeeps(self) -> list[Upkeep]:
        """All that are looked after, by their names; any thread may ask."""
        return sorted(self._upkeeps.values(), key=lambda each: each.wanted.names)

    def renew(self, name: str) -> bool:
        """Renew the certificates for a name now; whether there are any."""
        found = [each for each in self._upkeeps.values() if name.lower() in each.wanted.names]
        for each in found:
            each.renew()
        return bool(found)

    def families(self) -> Iterator[Metric]:
        """What /metrics says of them."""
        return families(self.upkeeps)
