"""What can be asked for, as an OpenAPI document."""

from __future__ import annotations

from functools import cache
from typing import Any

from toron.admin.endpoint import Call, Endpoint
from toron.admin.openapi import document


@cache
def _document(version: str) -> dict[str, Any]:
    from toron.admin.router import endpoints  # it finds this file

    return document(endpoints(), version)


async def openapi(call: Call) -> dict[str, Any]:
    """The document."""
    return _document(call.gateway.version)


ENDPOINTS = (
    Endpoint("GET", "/openapi.json", openapi, dict, "This API as an OpenAPI 3.1 document"),
)  # fmt: skip
