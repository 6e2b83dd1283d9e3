"""HTTP/1.1 as a conversation: bytes in, events out; events in, bytes out (RFC 9112).

`ServerCodec` stands where requests arrive, `ClientCodec` where they are sent on. Neither reads
a clock or touches a socket.
"""

from __future__ import annotations

from toron.wire.http1_client import ClientCodec
from toron.wire.http1_framing import FIELDS_MOST, HEAD_MOST, Reading, Writing
from toron.wire.http1_server import ServerCodec

__all__ = ["FIELDS_MOST", "HEAD_MOST", "ClientCodec", "Reading", "ServerCodec", "Writing"]
