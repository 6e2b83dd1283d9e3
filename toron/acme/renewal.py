"""Decides when a certificate is renewed, and when a try that failed is made again."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509

from toron.acme.ari import Window

_PART = 2.0 / 3.0
"""Of its life after which a certificate is renewed, where the directory suggests nothing."""

_SPREAD = 1.0 / 30.0
"""Of its life by which that is earlier at most, so that not all are renewed at once."""

_FIRST, _MOST = 60.0, 6 * 3600.0
"""Seconds until a try is made again: after the first failure, and at most."""

_WISHED = 86400.0
"""Seconds that a directory may have us wait, at most."""


@dataclass(frozen=True, slots=True)
class Life:
    """From when to when a certificate is valid, in Unix seconds."""

    begin: float
    end: float


def life_of(chain: bytes) -> Life:
    """That of the first certificate of a chain in PEM."""
    leaf = x509.load_pem_x509_certificate(chain)
    return Life(leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp())


def renew_at(life: Life, window: Window | None, share: float) -> float:
    """When to renew, in Unix seconds; `share`, a random number from 0 to 1, stays with a certificate."""
    if window is not None:
        return window.moment(share)
    whole = life.end - life.begin
    return life.begin + whole * (_PART - _SPREAD * share)


def again_in(failures: int, asked: float | None, share: float) -> float:
    """Seconds until the next try after so many failures in a row.

    Not before the directory wants it, but for a wish of more than a day: one that is a mistake must not
    be the end of a certificate.
    """
    delay = min(_MOST, _FIRST * 2.0 ** min(failures - 1, 30)) * (0.8 + 0.4 * share)
    return max(delay, min(asked or 0.0, _WISHED))
