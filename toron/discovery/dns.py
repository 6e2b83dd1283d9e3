"""Asks the DNS for the servers, and again when its answer no longer holds."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Literal

from pydantic import field_validator, model_validator
from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore
from twisted.internet.task import deferLater
from twisted.names import dns

from toron.config.model import Discovered, OneOrMore, Port
from toron.config.units import Duration
from toron.core.wait import as_deferred
from toron.interfaces import Discover, Environment, Publisher, Server
from toron.net.dns_query import Address, Answer, LookupFailed, NameServers, NoSuchName, name_servers
from toron.wire.schemes import PORTS

BACK_OFF = (1.0, 30.0)
"""Seconds until the next look after one that failed, at first and at most; each time twice as long."""

AT_ONCE = 16
"""Questions that wait for an answer at one time, at most."""

_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"(?=.{{1,253}}\.?\Z){_LABEL}(?:\.{_LABEL})*\.?")
_RESOLVER = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::([0-9]{1,5}))?|([0-9a-fA-F:.]+)")


class Options(Discovered):
    """Every address of a name is a server.

    With SRV records (RFC 2782) their targets are: those of the lowest priority are asked, the others only
    while none of a lower one can be; weights count as weights. An answer that is too long for a datagram is
    asked for over TCP.
    """

    name: str
    """Taken as it is written: no search list is added, and `/etc/hosts` is not read."""
    port: Port | None = None
    """Of every server; without it the usual one of the scheme. SRV records have their own."""
    type: Literal["auto", "A", "AAAA", "SRV"] = "auto"
    """`auto` asks for SRV where the name begins with `_`, else for A and AAAA."""
    min_ttl: Duration = 5.0
    """The next look is not sooner than this, however short an answer holds."""
    max_ttl: Duration = 300.0
    """Nor is it later than this."""
    resolvers: OneOrMore = ()
    """Name servers to ask, in this order, such as `127.0.0.1:5353`; without it those of resolv.conf."""

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value) or re.fullmatch(r"[0-9.]+", value):
            raise ValueError("not a name of the DNS: write one such as api.internal")
        return value.rstrip(".")

    @field_validator("resolvers")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            _address(each)
        return value

    @model_validator(mode="after")
    def _fits(self) -> Options:
        if not 0 < self.min_ttl <= self.max_ttl:
            raise ValueError("min_ttl is above 0 and not longer than max_ttl: correct one of the two")
        if self.port == 0:
            raise ValueError("0 is not the port of a server: write a number from 1 to 65535")
        if self.of_services and self.port is not None:
            raise ValueError("SRV records have ports of their own: take port: out")
        if not self.of_services and self.port is None and not PORTS[self.scheme]:
            raise ValueError(f"{self.scheme} servers need a port: add port:")
        return self

    @property
    def of_services(self) -> bool:
        """Whether SRV records are asked for."""
        return self.type == "SRV" or (self.type == "auto" and self.name.startswith("_"))


class DnsDiscovery:
    """Looks, publishes, and waits for as long as the answer holds."""

    def __init__(self, options: Options, environment: Environment, servers: NameServers) -> None:
        self._options = options
        self._environment = environment
        self._servers = servers
        self._kinds = {"A": [dns.A], "AAAA": [dns.AAAA]}.get(options.type, [dns.A, dns.AAAA])
        # What was asked for is to be trusted, not what an answer leads to (RFC 6125 section 6.2.1).
        self._tls_name = re.sub(r"^(_[^.]*\.)+", "", options.name)
        self._missing: set[str] = set()

    async def __call__(self, publisher: Publisher) -> None:
        """Publish what is found, until cancelled."""
        options, environment = self._options, self._environment
        failures = 0
        while True:
            try:
                servers, ttl = await (self._services() if options.of_services else self._addresses())
            except LookupFailed as failure:
                first, most = BACK_OFF
                delay = min(most, options.max_ttl, first * 2.0 ** min(failures, 30))
                delay *= 0.9 + 0.2 * environment.random.random()
                failures += 1
                publisher.failed(str(failure))
            else:
                delay = min(max(ttl, options.min_ttl), options.max_ttl)
                failures = 0
                publisher.publish(servers)
            await deferLater(environment.reactor, delay)

    async def _addresses(self) -> tuple[list[Server], float]:
        name = self._options.name
        addresses, ttl = await self._of(name)
        if not addresses:
            raise LookupFailed(f"{name} has no addresses")
        port = self._options.port or PORTS[self._options.scheme]
        return [self._server(address, port) for address in addresses], ttl

    async def _services(self) -> tuple[list[Server], float]:
        name = self._options.name
        [answer] = await self._ask([(name, dns.SRV)])
        records = [each for each in answer.records if each.target.name not in (b"", b".") and each.port]
        if not records:
            raise LookupFailed(f"{name} has no SRV records that name a server")
        records.sort(key=lambda each: (each.priority, each.target.name, each.port))
        targets = list(dict.fromkeys(each.target.name.decode("ascii", "replace") for each in records))
        found, ttl = await self._targets(targets)
        tiers = sorted({each.priority for each in records})
        servers = [
            self._server(address, each.port, each.weight, tiers.index(each.priority))
            for each in records
            for address in found[each.target.name.decode("ascii", "replace")]
        ]
        if not servers:
            raise LookupFailed(f"no target of {name} has an address")
        return servers, min(ttl, answer.ttl)

    async def _targets(self, targets: list[str]) -> tuple[dict[str, list[str]], float]:
        """The addresses of each; none of those that do not exist, which the log names once."""
        asked = DeferredSemaphore(AT_ONCE)
        results = await _all([asked.run(lambda t: as_deferred(self._of_target(t)), t) for t in targets])
        found = {target: addresses for target, (addresses, _) in zip(targets, results, strict=True)}
        missing = {target for target in targets if not found[target]}
        for target in sorted(missing - self._missing):
            self._environment.log.warn(
                "{name} leads to {target}, which has no address", name=self._options.name, target=target
            )
        self._missing = missing
        return found, min(ttl for addresses, ttl in results)

    async def _of_target(self, target: str) -> tuple[list[str], float]:
        try:
            return await self._of(target)
        except NoSuchName:
            return [], self._options.min_ttl

    async def _of(self, name: str) -> tuple[list[str], float]:
        """The addresses of a name, sorted, for name servers turn them; and how long they hold."""
        answers = await self._ask([(name, kind) for kind in self._kinds])
        found = {ipaddress.ip_address(each.address) for answer in answers for each in answer.records}
        addresses = sorted(found, key=lambda each: (each.version, each.packed))
        ttl = min((answer.ttl for answer in answers if answer.records), default=self._options.min_ttl)
        return list(map(str, addresses)), ttl

    async def _ask(self, questions: list[tuple[str, int]]) -> list[Answer]:
        return await _all([as_deferred(self._one(*question)) for question in questions])

    async def _one(self, name: str, kind: int) -> Answer:
        try:
            return await self._servers.ask(name, kind)
        except LookupFailed as failure:
            raise type(failure)(f"{dns.QUERY_TYPES[kind]} of {name}: {failure}") from None

    def _server(self, address: str, port: int, weight: int = 1, tier: int = 0) -> Server:
        host = f"[{address}]" if ":" in address else address
        server = Server(f"{self._options.scheme}://{host}:{port}", weight, tier)
        server.tls_name = self._tls_name
        return server


async def _all(asked: list[Deferred[Any]]) -> list[Any]:
    """Every result, once all are there; raises what the first that failed did."""
    results = await DeferredList(asked, consumeErrors=True)
    for good, result in results:
        if not good:
            raise result.value
    return [result for _, result in results]


def _address(written: str) -> Address:
    found = _RESOLVER.fullmatch(written)
    try:
        if found is None:
            raise ValueError
        host, port = str(ipaddress.ip_address(found[1] or found[2] or found[4])), int(found[3] or dns.PORT)
        if not 0 < port < 65536:
            raise ValueError
    except ValueError:
        raise ValueError("not a name server: write an address, such as 127.0.0.1:5353 or [::1]:53") from None
    return host, port


def make(options: Options, environment: Environment) -> Discover:
    """Nothing is asked before the start."""
    resolvers = [_address(each) for each in options.resolvers]
    servers = NameServers(environment.reactor, (lambda: resolvers) if resolvers else name_servers)
    return DnsDiscovery(options, environment, servers)
