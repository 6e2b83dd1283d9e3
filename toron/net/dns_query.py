"""Asks name servers for the records of a name, over UDP and where an answer does not fit over TCP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import ClientFactory
from twisted.names import dns
from twisted.python.failure import Failure

Address = tuple[str, int]

RESOLV_CONF = "/etc/resolv.conf"

TIMEOUTS = (1.5, 3.0)
"""Seconds each name server has to answer: in the first round through all of them, and in the second."""

TCP_TIMEOUT = 5.0
"""Seconds for an answer over TCP, the connection included."""

LONGEST_CHAIN = 16
"""Aliases (CNAME) that may lead from one name to another."""

_WHY = {
    dns.EFORMAT: "FORMERR", dns.ESERVER: "SERVFAIL", dns.ENOTIMP: "NOTIMP", dns.EREFUSED: "REFUSED",
}  # fmt: skip


class LookupFailed(Exception):
    """Nobody gave an answer; why, in a few words."""


class NoSuchName(LookupFailed):
    """The name does not exist (NXDOMAIN): that is an answer, and another server has no other."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The records of a name; none when it has none of that type."""

    records: list[Any]
    """The payloads (`dns.Record_A` and so on)."""
    ttl: float
    """Seconds that all of them, and the aliases that led to them, hold."""


def name_servers(path: str = RESOLV_CONF) -> list[Address]:
    """The name servers of a resolv.conf(5); the one of this machine when it names none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            words = [line.split() for line in file]
    except OSError:
        words = []
    found = [(line[1], dns.PORT) for line in words if len(line) > 1 and line[0] == "nameserver"]
    return found or [("127.0.0.1", dns.PORT)]


class NameServers:
    """Asks the name servers in turn; `servers` is called for each question, and gives their addresses.

    Names are taken as they are written: no search list is added to them, nor is /etc/hosts read.
    """

    def __init__(self, reactor: Any, servers: Callable[[], Sequence[Address]] = name_servers) -> None:
        self._reactor = reactor
        self._servers = servers

    async def ask(self, name: str, kind: int) -> Answer:
        """The records of a type (`dns.A`); raises NoSuchName, or LookupFailed with the last reason.

        A server that says nothing, or that it can not say, is followed by the next one.
        """
        query = dns.Query(name.encode("idna") if not name.isascii() else name.encode(), kind, dns.IN)
        why = "no name servers"
        for seconds in TIMEOUTS:
            for server in self._servers():
                try:
                    return _read(await self._of_one(server, query, seconds), query)
                except NoSuchName:
                    raise
                except LookupFailed as failure:
                    why = f"{failure} from {server[0]}"
        raise LookupFailed(why)

    async def _of_one(self, server: Address, query: dns.Query, seconds: float) -> dns.Message:
        try:
            message = await _over_udp(self._reactor, server, query, seconds)
            if message.trunc:
                message = await _over_tcp(self._reactor, server, query)
        except dns.DNSQueryTimeoutError:
            raise LookupFailed("no answer") from None
        except (OSError, ValueError, CannotListenError) as error:
            # No descriptor, no way to it, or an address that is none.
            raise LookupFailed(str(error)) from None
        return message


def _over_udp(reactor: Any, server: Address, query: dns.Query, seconds: float) -> Deferred[dns.Message]:
    protocol = dns.DNSDatagramProtocol(_Nobody(), reactor=reactor)
    # The kernel chooses the port at random, another for each question: RFC 5452 section 9.2.
    port = reactor.listenUDP(0, protocol, interface="::" if ":" in server[0] else "", maxPacketSize=65535)
    answer: Deferred[dns.Message] = protocol.query(server, [query], seconds)

    def close(result: Any) -> Any:
        port.stopListening()
        return result

    return answer.addBoth(close)


def _over_tcp(reactor: Any, server: Address, query: dns.Query) -> Deferred[dns.Message]:
    question = _Question(query, reactor)
    connector = reactor.connectTCP(*server, question, timeout=TCP_TIMEOUT)

    def close(result: Any) -> Any:
        connector.disconnect()
        return result

    return question.answer.addBoth(close)


class _Nobody:
    """Where messages go that nobody asked for."""

    def messageReceived(self, message: Any, protocol: Any, address: Any = None) -> None:  # noqa: N802
        """An answer that is late, or not ours."""


class _Question(ClientFactory, _Nobody):
    """One question over one connection."""

    noisy = False

    def __init__(self, query: dns.Query, reactor: Any) -> None:
        self._query = query
        self._reactor = reactor
        self.answer: Deferred[dns.Message] = Deferred()

    def buildProtocol(self, addr: Any) -> dns.DNSProtocol:  # overrides
        return dns.DNSProtocol(self, self._reactor)

    def connectionMade(self, protocol: dns.DNSProtocol) -> None:
        """Told by the protocol."""
        protocol.query([self._query], TCP_TIMEOUT).addBoth(self._end)

    def connectionLost(self, protocol: dns.DNSProtocol) -> None:
        """Told by the protocol: whoever closes without an answer gives none."""
        self._end(Failure(LookupFailed("closed without an answer")))

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:  # overrides
        self._end(Failure(LookupFailed(f"no TCP connection ({reason.getErrorMessage()})")))

    def _end(self, result: Any) -> None:
        if not self.answer.called:
            self.answer.callback(result)


def _read(message: dns.Message, query: dns.Query) -> Answer:
    """What an answer says to the question; records of other names in it are not believed."""
    asked = [(each.name, each.type) for each in message.queries]
    if not message.answer or message.trunc or asked != [(query.name, query.type)]:
        raise LookupFailed("an answer to something else")
    if message.rCode == dns.ENAME:
        raise NoSuchName("no such name")
    if message.rCode != dns.OK:
        raise LookupFailed(_WHY.get(message.rCode, f"code {message.rCode}"))
    name: Any = query.name
    ttl = float("inf")
    for _ in range(LONGEST_CHAIN):
        found = [each for each in message.answers if each.name == name and each.type == query.type]
        if found:
            return Answer([each.payload for each in found], min(ttl, *(each.ttl for each in found)))
        alias: Any = next((x for x in message.answers if x.name == name and x.type == dns.CNAME), None)
        if alias is None:
            break
        name, ttl = alias.payload.name, min(ttl, alias.ttl)
    return Answer([], 0.0)
