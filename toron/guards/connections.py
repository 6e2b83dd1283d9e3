"""Limits how many connections are open at once, in all and from each client."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from toron.config.model import Model
from toron.core.networks import client_key
from toron.core.refusal import TOO_MANY_CONNECTIONS, TOO_MANY_PER_CLIENT
from toron.interfaces import Connection, Environment, Guard, Refusal, Serve


class Options(Model):
    """At least one of the two; one that is not written is no limit."""

    total: int | None = Field(None, ge=1)
    """Of this listener, in one process."""
    per_client: int | None = Field(None, ge=1)
    """From one IPv4 address, or one IPv6 /64."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.total is None and self.per_client is None:
            raise ValueError("no limit: write total, per_client or both, such as {total: 512}")
        return self


def make(options: Options, environment: Environment) -> Guard:
    """A guard that raises Refusal(TOO_MANY_CONNECTIONS) or Refusal(TOO_MANY_PER_CLIENT)."""
    total, per_client = options.total, options.per_client
    open_now = 0
    by_client: dict[str, int] = {}

    async def connections(connection: Connection, serve: Serve) -> None:
        nonlocal open_now
        client = client_key(connection.client_ip)
        held = by_client.get(client, 0)
        if total is not None and open_now >= total:
            raise Refusal(TOO_MANY_CONNECTIONS)
        if per_client is not None and held >= per_client:
            raise Refusal(TOO_MANY_PER_CLIENT)
        open_now += 1
        by_client[client] = held + 1
        try:
            await serve(connection)
        finally:
            open_now -= 1
            if by_client[client] == 1:
                del by_client[client]
            else:
                by_client[client] -= 1

    return connections
