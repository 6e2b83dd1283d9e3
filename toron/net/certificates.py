"""Which certificate answers to which ClientHello, while they are replaced at run time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from weakref import WeakSet

from OpenSSL import SSL

from toron.net.certificate_source import Source
from toron.net.key_pair import KeyPair
from toron.net.signing import Signing, signing
from toron.net.tls_context import Prepare, server_context
from toron.wire.clienthello import ClientHello

ACME_TLS = b"acme-tls/1"
"""The protocol of who wants to see whether we are who we say (RFC 8737 section 6.2)."""


class Served:
    """One pair, as one listener serves it."""

    __slots__ = ("challenge", "context", "derived", "names", "pair", "signing", "source")

    def __init__(self, source: Source | None, pair: KeyPair, context: SSL.Context) -> None:
        self.source = source
        self.pair = pair
        self.context = context
        self.names = pair.names()
        self.signing: Signing = signing(pair.leaf.public_key())
        self.challenge = source is None
        """Whether it only shows who we are: nothing is served behind it."""
        self.derived: Any = None
        """What `Certificates.derive` made of it."""


class Certificates:
    """Finds what serves a ClientHello: exact name, then a wildcard for one label, then the rest.

    `strict` has nothing for a name no certificate has; otherwise the first certificate serves it. A client
    that names nothing gets the first certificate. Where several certificates have the name, a client gets
    one that it can verify: ECDSA before RSA, since it costs less, and in the order of the configuration.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        policy: str,
        protocols: Iterable[bytes],
        strict: bool,
        *,
        prepare: Prepare | None = None,
    ) -> None:
        """`prepare` is asked for every context that is made. ValueError or SSL.Error for a pair of no use."""
        self.sources = list(sources)
        """In the order of the configuration; those that came later at the end."""
        self.demand: Callable[[str, str], Awaitable[object]] | None = None
        """Awaited for a name that no certificate has, and the client's IP: there may be one afterwards."""
        self._policy = policy
        self._protocols = tuple(protocols)
        self._strict = strict
        self._prepare = prepare
        self._derive: Callable[[KeyPair], Any] | None = None
        self._twins: WeakSet[Certificates] = WeakSet()
        self._served: dict[Source, Served] = {}
        self._challenges: dict[str, Served] = {}
        self._exact: dict[str, list[Served]] = {}
        self._wild: dict[str, list[Served]] = {}
        self._first: list[Served] = []
        self._stale = True
        """Whether the three are not of what is served now: with many changes they are made anew once."""
        for source in self.sources:
            if source.pair is not None:
                self._served[source] = self.made(source, source.pair)
        for source in self.sources:
            source.attach(self)

    def choose(self, hello: ClientHello) -> Served | None:
        """What serves this client; None where nothing does."""
        name = hello.sni
        if self._stale:
            self._index()
        if self._challenges and ACME_TLS in hello.alpn and name in self._challenges:
            return self._challenges[name]
        found = self._exact.get(name)
        if found is None:
            _, dot, parent = name.partition(".")
            found = self._wild.get(parent) if dot else None
        if found is None:
            if self._strict and name:
                return None
            found = self._first
        if len(found) < 2:
            return found[0] if found else None
        return next((served for served in found if served.signing.suits(hello)), found[0])

    def which(self, name: str) -> int | None:
        """The place in `sources` of what serves a client that asks for this name, and verifies anything."""
        found = self.choose(ClientHello(sni=name))
        return None if found is None or found.source is None else self.sources.index(found.source)

    def served(self) -> list[Served]:
        """All that can be served now, in the order of `sources`."""
        return [self._served[source] for source in self.sources if source in self._served]

    # --- changes ------------------------------------------------------------------------------

    def derive(self, function: Callable[[KeyPair], Any]) -> None:
        """Keep what this makes of each pair, also of later ones, beside it.

        ValueError for a pair that it can make nothing of, which is not served then.
        """
        made = {served: function(served.pair) for served in self._served.values()}
        for served, derived in made.items():
            served.derived = derived
        self._derive = function

    def twin(self, prepare: Prepare) -> Certificates:
        """The same certificates, now and later, in contexts of its own, which `prepare` is asked for."""
        made = Certificates(self.sources, self._policy, self._protocols, self._strict, prepare=prepare)
        self._twins.add(made)
        return made

    def add(self, source: Source) -> None:
        """Serve one more; ValueError or SSL.Error where that can not be."""
        if source.pair is not None:
            self._served[source] = self.made(source, source.pair)
        self.sources.append(source)
        self._stale = True
        source.attach(self)
        for twin in self._twins:
            twin.add(source)

    def remove(self, source: Source) -> None:
        """Serve one less."""
        for twin in self._twins:
            twin.remove(source)
        source.detach(self)
        self.sources.remove(source)
        self._served.pop(source, None)
        self._stale = True

    def made(self, source: Source, pair: KeyPair) -> Served:
        """As a `User`: the pair as it would be served; ValueError or SSL.Error where it can not be."""
        context = server_context(pair, self._policy, self._protocols, self._prepare)
        if source.wants_staple(pair):
            context.set_ocsp_server_callback(lambda connection, data: source.staple)
        served = Served(source, pair, context)
        if self._derive is not None:
            served.derived = self._derive(pair)
        return served

    def take(self, source: Source, made: Served) -> None:
        """As a `User`: serve this from now on."""
        self._served[source] = made
        self._stale = True

    def offer_challenge(self, name: str, pair: KeyPair) -> None:
        """As a `User`: show this to who asks by `acme-tls/1` whether we are `name`."""
        self._challenges[name] = Served(None, pair, server_context(pair, self._policy, (ACME_TLS,)))

    def withdraw_challenge(self, name: str) -> None:
        """As a `User`: show it no more."""
        self._challenges.pop(name, None)

    def _index(self) -> None:
        """Find what there is by name."""
        exact: dict[str, list[Served]] = {}
        wild: dict[str, list[Served]] = {}
        everything = self.served()
        for served in everything:
            for name in served.names:
                if name.startswith("*."):
                    wild.setdefault(name[2:], []).append(served)
                else:
                    exact.setdefault(name, []).append(served)
        for found in (*exact.values(), *wild.values()):
            found.sort(key=_cost)
        first = everything[:1]
        if first and first[0].names:
            name = first[0].names[0]
            first = wild[name[2:]] if name.startswith("*.") else exact[name]
        self._exact, self._wild, self._first, self._stale = exact, wild, first, False


def _cost(served: Served) -> int:
    return served.signing.cost
