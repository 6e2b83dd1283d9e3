"""What OpenSSL is told before it serves a certificate: versions, ciphers, groups, and what is forbidden."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL

from toron.net.key_pair import KeyPair

# Of TLS 1.2; all those of 1.3 are good. AES-GCM first, which processors help with; no finite fields anywhere,
# where a client makes the server work for nothing; CBC and RSA key exchange in legacy alone.
_CIPHERS = {
    "modern": b"ECDHE+AESGCM:ECDHE+CHACHA20",
    "intermediate": b"ECDHE+AESGCM:ECDHE+CHACHA20",
    "legacy": b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:RSA+AESGCM:RSA+AES:!AESCCM",
}
_FLOOR = {"modern": SSL.TLS1_3_VERSION, "intermediate": SSL.TLS1_2_VERSION, "legacy": SSL.TLS1_2_VERSION}

Prepare = Callable[[SSL.Context], object]
"""Tells a context more, before anybody is served with it."""


_GROUPS = (
    b"?X25519MLKEM768 / ?X25519:?secp256r1 / ?X448:?secp384r1:?secp521r1",
    b"X25519:secp256r1:X448:secp384r1:secp521r1",
)
"""Key exchanges, the best first: as OpenSSL 3.5 and later read it, with the hybrid that quantum computers
do not break; as those before do. OpenSSL's own choice is the same with finite fields at the end."""

_inside: Any = SSL
_lib: Any = getattr(_inside, "_lib", None)
_set_groups: Any = getattr(_lib, "SSL_CTX_set1_curves_list", None)
_clear_errors: Any = getattr(_lib, "ERR_clear_error", None)


def _groups() -> bytes:
    """What this OpenSSL understands of `_GROUPS`; b"" where pyOpenSSL does not let us say so."""
    context: Any = SSL.Context(SSL.TLS_SERVER_METHOD)
    if _set_groups is None or _clear_errors is None or not hasattr(context, "_context"):
        return b""
    for groups in _GROUPS:
        if _set_groups(context._context, groups) == 1:
            return groups
        _clear_errors()
    return b""


GROUPS = _groups()


def server_context(
    pair: KeyPair, policy: str, protocols: Iterable[bytes], prepare: Prepare | None = None
) -> SSL.Context:
    """A context that serves this pair; `protocols` are offered by ALPN in this order.

    It has ticket keys of its own, and remembers no sessions: nobody resumes with it what was begun with
    another, and nothing is resumed where `prepare` sets OP_NO_TICKET. Raises ValueError or SSL.Error where
    the pair can not be served.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(_FLOOR[policy])
    context.set_options(
        SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE
        | SSL.OP_SINGLE_ECDH_USE
    )  # fmt: skip
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_cipher_list(_CIPHERS[policy])
    if GROUPS:
        inside: Any = context
        _set_groups(inside._context, GROUPS)
    first, *others = x509.load_pem_x509_certificates(pair.chain)
    context.use_certificate(first)
    for other in others:
        context.add_extra_chain_cert(other)
    context.use_privatekey(serialization.load_pem_private_key(pair.key, None))  # type: ignore[arg-type]
    context.check_privatekey()
    context.set_session_id(b"toron")
    offered = tuple(protocols)
    if offered:
        context.set_alpn_select_callback(
            lambda _, wanted: next((name for name in offered if name in wanted), SSL.NO_OVERLAPPING_PROTOCOLS)
        )
    if prepare is not None:
        prepare(context)
    return context
