"""HTTP/2 as a conversation: bytes in, events of streams out; events in, bytes out (RFC 9113).

`Http2ServerCodec` stands where requests arrive, `Http2ClientCodec` where they are sent on. Neither
reads a clock or touches a socket.
"""

from __future__ import annotations

from toron.wire.http2_client import Http2ClientCodec
from toron.wire.http2_flow import StreamEvent
from toron.wire.http2_limits import Http2Limits
from toron.wire.http2_server import Http2ServerCodec

__all__ = ["Http2ClientCodec", "Http2Limits", "Http2ServerCodec", "StreamEvent"]
