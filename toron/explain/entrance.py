"""Finds the listener that takes something, and asks its guards and certificates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from toron.composing.entrance import Entrance
from toron.config.load import Loaded
from toron.config.model import TERMINATES_TLS, Listener
from toron.core.refusal import UNKNOWN_NAME, Refusal
from toron.explain.plugins import note
from toron.explain.question import Question
from toron.explain.record import CertificateStep, GuardStep, ListenerTaken
from toron.explain.running import run
from toron.net.tls import TlsInfo

TAKES: dict[str, tuple[str, ...]] = {
    "http": ("http", "tcp"),
    "https": ("https", "tls", "sni", "tcp"),
    "tls": ("tls", "sni", "https", "tcp"),
    "tcp": ("tcp",),
    "udp": ("udp", "sni-udp"),
}
"""The kinds of listeners that take what is asked with a scheme, the likeliest first."""

OVER_QUIC = ("http3", "sni-udp")
"""Those that take a request whose client offers HTTP/3."""


@dataclass(slots=True)
class Caller:
    """A connection that nobody made, with what guards, balancers and requests ask of one."""

    client_ip: str
    listener: str
    local_port: int
    tls: TlsInfo | None
    client_port: int = 0
    local_ip: str = ""

    @property
    def peer_ip(self) -> str:
        """The same as the client: what a PROXY header would say is what was asked about."""
        return self.client_ip

    @property
    def peer_port(self) -> int:
        """As the client's."""
        return self.client_port


def taken(loaded: Loaded, asked: Question) -> tuple[int, ListenerTaken] | str:
    """The place of the listener in the list, with what is to be said of it; or why there is none.

    ValueError when the question names a listener that there is not.
    """
    listeners = list(enumerate(loaded.config.listeners))
    if asked.listener is not None:
        listeners = [(index, spec) for index, spec in listeners if spec.label == asked.listener]
        if not listeners:
            known = ", ".join(spec.label for spec in loaded.config.listeners)
            raise ValueError(f"there is no listener {asked.listener!r}: there are {known}")
    kinds = OVER_QUIC if asked.scheme == "https" and "h3" in asked.alpn else TAKES[asked.scheme]
    fit = sorted(
        ((index, spec) for index, spec in listeners if spec.kind in kinds),
        key=lambda item: kinds.index(item[1].kind),
    )
    found, said = [item for item in fit if asked.listener or item[1].port == asked.port], ""
    if not found and not asked.port_written:
        found = [item for item in fit if item[1].kind in (asked.scheme, "http3")]
        said = f"nothing listens on port {asked.port}; taken as if that port were mapped to this one"
    if not found:
        there = [f"{spec.label} speaks {spec.kind}" for _, spec in listeners if spec.port == asked.port]
        return f"no listener takes {asked.scheme} on port {asked.port}" + "".join(f"; {one}" for one in there)
    (index, spec), *others = found
    step = ListenerTaken(spec.label, spec.kind, spec.port, loaded.place("listeners", index))
    step.others = [other.label for _, other in others]
    notes = [said, "other listeners would do: name one with --listener" if others else ""]
    if spec.proxy_protocol is not None:
        notes.append("the client is taken to be who the PROXY header names")
    step.note = "; ".join(filter(None, notes))
    return index, step


def caller(asked: Question, spec: Listener) -> Caller:
    """The connection that is asked about."""
    tls = None
    if spec.protocol in TERMINATES_TLS:
        tls = TlsInfo("TLSv1.3", "", "", asked.alpn[0] if asked.alpn else "", asked.sni)
    return Caller(asked.client, spec.label, spec.port, tls)


def guards(loaded: Loaded, index: int, entrance: Entrance, connection: Caller) -> list[GuardStep]:
    """What each guard says, up to the first that refuses."""
    steps = []
    for number, (name, guard) in enumerate(entrance.guards):
        path = ("listeners", index, "guards", number)
        step = GuardStep(name, loaded.place(*path), "refuses", note=note(loaded, path, connection))
        steps.append(step)
        served: list[Any] = []

        async def serve(connection: Any, served: list[Any] = served) -> None:
            served.append(connection)

        ran = run(guard(connection, serve))
        if ran.refusal is not None:
            step.reason = ran.refusal.reason.word
        elif served:
            step.verdict = "passes"
        elif ran.unknown:
            step.verdict, step.note = "unknown", ran.unknown
        if step.verdict == "refuses":
            break
    return steps


def certificate(loaded: Loaded, index: int, entrance: Entrance, asked: Question) -> CertificateStep | None:
    """The certificate that is shown; None where there is no TLS. Refusal where none is for the name."""
    if entrance.certificates is None:
        return None
    found = entrance.certificates.which(asked.sni)
    if found is None:
        raise Refusal(UNKNOWN_NAME, asked.sni)
    place = loaded.place("listeners", index, "certificates", found)
    pair = entrance.certificates.sources[found].pair
    assert pair is not None
    return CertificateStep(pair.names(), place, asked.sni)
