"""Checks who could use the admin port."""

from __future__ import annotations

import ipaddress
import re

from toron.config.check_listener import check_address
from toron.config.model import Admin
from toron.config.place import Report

TOKEN_LEAST = 16
"""Characters of the token, at least."""

_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*").fullmatch
"""What a client can send (RFC 6750 section 2.1)."""

_MAKE = "write one such as `openssl rand -hex 32` prints"


def check_admin(admin: Admin, report: Report) -> None:
    """Report a port that would let other machines in by mistake, and a token that is none."""
    where = ("admin", "address")
    if check_address(where, admin.address, report) and not ipaddress.ip_address(admin.address).is_loopback:
        if admin.api and admin.token is None:
            report.error(
                where,
                "the admin API would be open to other machines: write 127.0.0.1, or set token:, or write "
                "api: false to serve metrics and readiness only",
            )
        else:
            report.warn(
                where, "the admin port is open to other machines: write 127.0.0.1 to keep it to this one"
            )
    if admin.token is None:
        return
    token = admin.token.get_secret_value()
    if len(token) < TOKEN_LEAST:
        report.error(
            ("admin", "token"), f"the token has {len(token)} characters, and needs {TOKEN_LEAST}: {_MAKE}"
        )
    elif not _BEARER(token):
        report.error(("admin", "token"), f"the token has characters that a client can not send: {_MAKE}")
