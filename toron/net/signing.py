"""Which clients can verify what a key signs in a handshake."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519

from toron.wire.clienthello import ClientHello

_TLS_1_3 = 0x0304

_RSA_PSS = frozenset({0x0804, 0x0805, 0x0806})
_RSA = _RSA_PSS | {0x0401, 0x0501, 0x0601}
_ECDSA = frozenset({0x0403, 0x0503, 0x0603})
_CURVES = {"secp256r1": 0x0403, "secp384r1": 0x0503, "secp521r1": 0x0603}
_ED25519, _ED448 = frozenset({0x0807}), frozenset({0x0808})
"""Signature schemes (RFC 8446 section 4.2.3)."""

_ECDSA_SUITES = frozenset({0xC009, 0xC00A, 0xC023, 0xC024, 0xC02B, 0xC02C, 0xC0AC, 0xC0AD, 0xCCA9})
_RSA_SUITES = frozenset({
    0x002F, 0x0035, 0x003C, 0x003D, 0x009C, 0x009D,
    0xC013, 0xC014, 0xC027, 0xC028, 0xC02F, 0xC030, 0xCCA8,
})  # fmt: skip
"""Cipher suites of TLS 1.2 by the key that they sign with (RFC 8422, RFC 5289, RFC 7905, RFC 7251)."""


@dataclass(frozen=True, slots=True)
class Signing:
    """What a client has to know for a key; `cost` is smaller where the server signs with less work."""

    schemes: frozenset[int]
    """Any of these, in TLS 1.3."""
    older_schemes: frozenset[int]
    """Any of these, in TLS 1.2."""
    suites: frozenset[int]
    """Any of these, in TLS 1.2."""
    cost: int

    def suits(self, hello: ClientHello) -> bool:
        """Whether this client says that it can verify it."""
        if _TLS_1_3 in hello.versions:
            return not self.schemes.isdisjoint(hello.schemes)
        if self.suites.isdisjoint(hello.suites):
            return False
        # Who says nothing knows SHA-1 alone (RFC 5246 section 7.4.1.4.1), with either key; OpenSSL decides.
        return not hello.schemes or not self.older_schemes.isdisjoint(hello.schemes)


def signing(key: object) -> Signing:
    """What the public key of a certificate asks of clients."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        scheme = _CURVES.get(key.curve.name)
        return Signing(frozenset() if scheme is None else frozenset({scheme}), _ECDSA, _ECDSA_SUITES, 0)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return Signing(_ED25519, _ED25519, _ECDSA_SUITES, 0)
    if isinstance(key, ed448.Ed448PublicKey):
        return Signing(_ED448, _ED448, _ECDSA_SUITES, 0)
    return Signing(_RSA_PSS, _RSA, _RSA_SUITES, 1)
