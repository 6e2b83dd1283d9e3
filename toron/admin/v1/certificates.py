"""The certificates that listeners show."""

from __future__ import annotations

from msgspec import Struct

from toron.admin.endpoint import Call, Endpoint


class Certificate(Struct):
    """A name that a certificate is for."""

    name: str
    ends: float
    """Unix seconds."""
    seconds_left: float


class Certificates(Struct):
    """All names."""

    certificates: list[Certificate]


async def certificates(call: Call) -> Certificates:
    """The one that ends first comes first."""
    now = call.gateway.wall()
    found = sorted(call.gateway.metrics.certificates.items(), key=lambda each: each[1])
    return Certificates([Certificate(name, end, round(end - now, 3)) for name, end in found])


ENDPOINTS = (
    Endpoint("GET", "/certificates", certificates, Certificates, "The names of certificates, and their ends"),
)
