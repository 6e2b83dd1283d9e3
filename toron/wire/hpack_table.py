"""The static table of HPACK (RFC 7541 appendix A)."""

from __future__ import annotations

from typing import Final

from toron.wire.headers import Field

_TEXT = b"""
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate
"""


def _entry(line: bytes) -> Field:
    name, _, value = line.partition(b" ")
    return name, value


STATIC: Final[list[Field]] = [_entry(line) for line in _TEXT.strip().split(b"\n")]
"""Its entries; the first has the index 1."""

PLACES: Final[dict[Field, int]] = {field: index for index, field in enumerate(STATIC, 1)}
"""The index of each entry."""

NAMES: Final[dict[bytes, int]] = {name: index for index, (name, _) in reversed(list(enumerate(STATIC, 1)))}
"""The first index of each name."""

TABLE_MOST: Final = 4096
"""Size of a dynamic table at most: what both sides begin with, and we stay with (section 4.2)."""

OVERHEAD: Final = 32
"""What each entry of it counts above its octets (section 4.1)."""

OWN: Final = len(STATIC) + 1
"""The index of its newest entry."""
