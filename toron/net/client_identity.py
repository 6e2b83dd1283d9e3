"""What the certificate of a client says, read for routes and written for servers."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from toron.core.client_certificate import ClientCertificate
from toron.wire.headers import Field

UNREADABLE = (ValueError, x509.InvalidVersion)
"""What is raised where a certificate that OpenSSL could read is not as it has to be."""
_UNPRINTABLE = re.compile(rb"[^ -~]")
_LISTED = re.compile(rb"[^!-+\--~]")
"""What may not stand in a list of names: blanks, commas, and what is not printable."""
_DER = serialization.Encoding.DER

FIELDS = ("subject", "issuer", "san", "serial", "fingerprint", "cert", "chain")
"""What a server may be told."""


def identity(chain: Sequence[x509.Certificate], fields: Iterable[str]) -> ClientCertificate:
    """What the first certificate of a verified chain says, and the header fields that tell a server."""
    leaf = chain[0]
    der = leaf.public_bytes(_DER)
    subject, issuer = distinguished(leaf.subject), distinguished(leaf.issuer)
    names = tuple(_alternatives(leaf))
    serial, fingerprint = f"{leaf.serial_number:x}", hashlib.sha256(der).hexdigest()
    texts = {
        "subject": ("X-Client-Cert-Subject", subject),
        "issuer": ("X-Client-Cert-Issuer", issuer),
        "san": ("X-Client-Cert-San", ", ".join(names)),
        "serial": ("X-Client-Cert-Serial", serial),
        "fingerprint": ("X-Client-Cert-Fingerprint", fingerprint),
        "cert": ("Client-Cert", _binary(leaf)),
        "chain": ("Client-Cert-Chain", ", ".join(map(_binary, _between(chain)))),
    }
    told: list[Field] = [
        (texts[each][0].encode(), texts[each][1].encode()) for each in fields if texts[each][1]
    ]
    return ClientCertificate(subject, issuer, names, serial, fingerprint, tuple(told))


def distinguished(name: x509.Name) -> str:
    """As RFC 4514 writes it; what is not printable ASCII in hexadecimal, so that it ends no header line."""
    raw = name.rfc4514_string().encode()
    return _UNPRINTABLE.sub(lambda byte: b"\\%02X" % byte[0][0], raw).decode("ascii")


def _alternatives(leaf: x509.Certificate) -> Iterable[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return
    for kind, word in ((x509.DNSName, "DNS"), (x509.UniformResourceIdentifier, "URI"),
                       (x509.RFC822Name, "email"), (x509.IPAddress, "IP")):  # fmt: skip
        for value in found.get_values_for_type(kind):
            # A comma would make two names of one.
            escaped = _LISTED.sub(lambda byte: b"%%%02X" % byte[0][0], str(value).encode())
            yield f"{word}:{escaped.decode('ascii')}"


def _between(chain: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Those above the client's own, without one that signed itself (RFC 9440 section 2.3)."""
    return [each for each in chain[1:] if each.issuer != each.subject]


def _binary(certificate: x509.Certificate) -> str:
    """A byte sequence of RFC 9651, as RFC 9440 section 2.1 has it."""
    return f":{b64encode(certificate.public_bytes(_DER)).decode()}:"
