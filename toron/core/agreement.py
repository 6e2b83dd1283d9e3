"""Says whether a request's host agrees with the name in the TLS handshake of its connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from toron.core.networks import address, plain
from toron.core.refusal import MISDIRECTED, Refusal


def covers(names: Iterable[str], host: str) -> bool:
    """Whether a certificate with these names is for that host; `*.x` is for one label more.

    Both in lower case, addresses in any way to write them.
    """
    if ":" in host:
        host = plain(host)
    _, dot, parent = host.partition(".")
    wild = f"*.{parent}" if dot and address(host) is None else None
    return any(name in (host, wild) for name in names)


class Agreement:
    """The rule of one listener (RFC 9110 sections 7.4 and 15.5.20).

    A request asks for the host that the handshake named; or, as clients do that have several exchanges
    on a connection (RFC 9113 section 9.1.1, RFC 9114 section 3.3), for another host that the certificate
    which was shown is for, if the same is asked of the client's certificate for both. Where the handshake
    named nothing, since a client that connects to an address can not (RFC 6066 section 3), the host is an
    address, or one that the certificate is for.
    """

    __slots__ = ("_any_host", "_rule_of")

    def __init__(self, rule_of: Callable[[str], Any] | None = None, *, any_host: bool = False) -> None:
        """`rule_of` says what is asked of the client's certificate for a name; None: nothing for any.

        With `any_host` only that has to be the same, whatever the certificate is for.
        """
        self._rule_of = rule_of
        self._any_host = any_host

    def check(self, tls: Any, host: bytes) -> None:
        """Raise Refusal where they do not agree; else remember on `tls` that they do.

        `tls` is the connection's `TlsInfo`; `host` is in lower case, without port and trailing dot.
        """
        wanted = host.decode("ascii", "replace")
        # Without a host nothing is claimed: old clients name none.
        if wanted and wanted != tls.sni:
            self._compare(tls, wanted)
        tls.host = host

    def _compare(self, tls: Any, wanted: str) -> None:
        named = tls.sni or "nothing"
        literal = not tls.sni and address(wanted) is not None
        if self._rule_of is not None and self._rule_of("" if literal else wanted) != tls.rule:
            detail = f"the handshake named {named}: for {wanted} another client certificate is asked for"
            raise Refusal(MISDIRECTED, detail)
        if self._any_host or literal:
            return
        if not covers(tls.names, wanted):
            raise Refusal(MISDIRECTED, f"the handshake named {named}, the certificate is not for {wanted}")
