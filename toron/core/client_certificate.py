"""What the certificate of a client says, and what a route may ask of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from toron.core.expression import expression
from toron.core.message import Request, Response, Service
from toron.core.refusal import CLIENT_CERT_NOT_ALLOWED, CLIENT_CERT_REQUIRED, Refusal
from toron.wire.headers import Field


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate that was verified; all its texts are printable ASCII."""

    subject: str
    """As RFC 4514 writes names: `CN=a,O=Example`; what is no printable ASCII is `\\XX`."""
    issuer: str
    """The same of who signed it."""
    names: tuple[str, ...]
    """Its subject alternative names: `DNS:a.example`, `URI:spiffe://...`, `email:...`, `IP:...`."""
    serial: str
    """Its number, in hexadecimal digits."""
    fingerprint: str
    """SHA-256 of all of it, in hexadecimal digits."""
    fields: tuple[Field, ...] = ()
    """What a server is told of it."""


class Requirement:
    """What a route asks of the client's certificate: all that is given, and any one of a list."""

    __slots__ = ("_fingerprints", "_names", "_subjects")

    def __init__(
        self, subjects: Sequence[str] = (), names: Sequence[str] = (), fingerprints: Sequence[str] = ()
    ) -> None:
        """Subjects and names are exact, or regular expressions where they begin with `^`; `*.x` is a name
        of one label more. Names are without their kind. ValueError for an expression that is none.
        """
        self._subjects = [_test(wanted) for wanted in subjects]
        self._names = [_name_test(wanted) for wanted in names]
        self._fingerprints = frozenset(each.replace(":", "").lower() for each in fingerprints)

    def check(self, request: Request) -> None:
        """Raise Refusal where the client showed no certificate, or another one."""
        shown: ClientCertificate | None = None if request.tls is None else request.tls.client
        if shown is None:
            raise Refusal(CLIENT_CERT_REQUIRED)
        if self._subjects and not any(test(shown.subject) for test in self._subjects):
            raise Refusal(CLIENT_CERT_NOT_ALLOWED, f"the subject is {shown.subject}")
        if self._names and not any(test(name) for name in shown.names for test in self._names):
            names = ", ".join(shown.names) or "none"
            raise Refusal(CLIENT_CERT_NOT_ALLOWED, f"the names of {shown.subject}: {names}")
        if self._fingerprints and shown.fingerprint not in self._fingerprints:
            raise Refusal(CLIENT_CERT_NOT_ALLOWED, f"the fingerprint of {shown.subject}: {shown.fingerprint}")

    def before(self, service: Service) -> Service:
        """The service, for those only who meet the requirement."""

        async def checked(request: Request) -> Response:
            self.check(request)
            return await service(request)

        return checked


def _test(wanted: str) -> Callable[[str], bool]:
    if wanted.startswith("^"):
        pattern = expression(wanted)
        return lambda text: pattern.search(text.encode()) is not None
    return lambda text: text == wanted


def _name_test(wanted: str) -> Callable[[str], bool]:
    """Of a name with its kind in front; hosts are the same in small and capital letters."""
    test, low = _test(wanted), wanted.lower()

    def fits(name: str) -> bool:
        kind, _, text = name.partition(":")
        if test(text):
            return True
        if kind != "DNS":
            return False
        text = text.lower()
        return text == low or (low.startswith("*.") and text.partition(".")[2] == low[2:])

    return fits
