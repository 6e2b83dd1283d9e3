"""What OpenSSL is told before it serves a certificate: versions, ciphers, groups, and what is forbidden."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL

from toron.net.key_pair import KeyPair

_CIPHERS = {
    "modern": b"ECDHE+AESGCM:ECDHE+CHACHA20",
    "intermediate": b"ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!SHA1:!CAMELLIA:!ARIA:!AESCCM",
    "legacy": b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:RSA+AESGCM:RSA+AES:!aNULL:!3DES:!CAMELLIA",
}
_FLOOR = {"modern": SSL.TLS1_3_VERSION, "intermediate": SSL.TLS1_2_VERSION, "legacy": SSL.TLS1_2_VERSION}

Prepare = Callable[[SSL.Context], object]
"""Tells a context more, before anybody is served with it."""


def server_context(
    pair: KeyPair, policy: str, protocols: Iterable[bytes], prepare: Prepare | None = None
) -> SSL.Context:
    """A context that serves this pair; `protocols` are offered by ALPN in this order.

    It has ticket keys of its own: nobody resumes with it what was begun with another. Raises ValueError
    or SSL.Error where the pair can not be served.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(_FLOOR[policy])
    context.set_options(
        SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE
        | SSL.OP_SINGLE_ECDH_USE
    )  # fmt: skip
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_cipher_list(_CIPHERS[policy])
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
