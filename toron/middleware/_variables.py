"""Fills `{client_ip}` and the like in a header value."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from toron.core.message import Request


def _shown(what: str) -> Callable[[Request], bytes]:
    """Something of the certificate that the client showed, empty where it showed none."""

    def value(request: Request) -> bytes:
        shown = None if request.tls is None else request.tls.client
        found = "" if shown is None else getattr(shown, what)
        return (found if isinstance(found, str) else ", ".join(found)).encode()

    return value


VARIABLES: dict[str, Callable[[Request], bytes]] = {
    "client_ip": lambda request: request.client_ip.encode(),
    "host": lambda request: request.host,
    "id": lambda request: request.id.encode(),
    "method": lambda request: request.method,
    "path": lambda request: request.path,
    "route": lambda request: request.route.encode(),
    "scheme": lambda request: request.scheme,
    "client_cert.fingerprint": _shown("fingerprint"),
    "client_cert.issuer": _shown("issuer"),
    "client_cert.san": _shown("names"),
    "client_cert.serial": _shown("serial"),
    "client_cert.subject": _shown("subject"),
}
"""What a value may name; `{{name}}` is the text `{name}`, and other braces are just braces."""

Part = bytes | Callable[[Request], bytes]

_BLANK = re.compile(r"\{\{((?:client_cert\.)?[A-Za-z_]+)\}\}|\{((?:client_cert\.)?[A-Za-z_]+)\}")
_CONTROL = bytes(code for code in range(32) if code != 9) + b"\x7f"


class Value:
    """A header value, plain or to be filled for each request."""

    __slots__ = ("_parts", "plain")

    def __init__(self, text: str) -> None:
        """Raises ValueError, saying what to write, for an unknown variable or a control character."""
        raw = text.encode()
        if raw.translate(None, _CONTROL) != raw:
            raise ValueError(f"{text!r} holds a line break or another control character: take it out")
        parts = _parts(text.strip())
        self.plain = parts[0] if len(parts) == 1 and isinstance(parts[0], bytes) else None
        """The value, where it is the same for every request."""
        self._parts = parts

    def fill(self, request: Request) -> bytes:
        """The value for this request."""
        if self.plain is not None:
            return self.plain
        filled = b"".join([part if isinstance(part, bytes) else part(request) for part in self._parts])
        # What requests bring is validated on its way in; a plug-in may have put anything there.
        return filled.translate(None, _CONTROL)


def _parts(text: str) -> list[Part]:
    parts: list[Part] = []
    end = 0
    literal = ""
    for blank in _BLANK.finditer(text):
        literal += text[end : blank.start()]
        end = blank.end()
        if blank[1]:
            literal += "{" + blank[1] + "}"
            continue
        parts += [literal.encode(), _variable(blank[2])]
        literal = ""
    parts.append((literal + text[end:]).encode())
    return [part for part in parts if part != b""] or [b""]


def _variable(name: str) -> Callable[[Request], bytes]:
    if name in VARIABLES:
        return VARIABLES[name]
    near = get_close_matches(name, VARIABLES, 1)
    known = ", ".join(f"{{{variable}}}" for variable in VARIABLES)
    hint = f"did you mean {{{near[0]}}}?" if near else f"there are {known}."
    raise ValueError(f"{{{name}}} is not a variable: {hint} Write {{{{{name}}}}} for the text itself")
