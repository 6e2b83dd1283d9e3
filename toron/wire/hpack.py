"""Header lists as HTTP/2 compresses them (HPACK, RFC 7541).

Own, since the library with a compiled core panics on a block that is cut short, and takes what the RFC
calls a decoding error.
"""

from __future__ import annotations

from toron.wire.hpack_decoder import Decoder, HpackError, TooLarge
from toron.wire.hpack_encoder import SECRETS, Encoder

__all__ = ["SECRETS", "Decoder", "Encoder", "HpackError", "TooLarge"]
