"""Limits how many connections are open at once, in all and from each client."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from toron.config.model import Model
from toron.core.networks import client_key
from toron.core.refusal import TOO_MANY_CONNECTIONS, TOO_MANY_PER_CLIENT
from toron.interfaces import Connection, Environment, Guard, Refusal, Serve

_ALL = ""
"""What all clients together are counted under."""


class Options(Model):
    """At least one of the two; one that is not written is no limit."""

    total: int | None = Field(None, ge=1)
    """Of this listener."""
    per_client: int | None = Field(None, ge=1)
    """From one IPv4 address, or one IPv6 /64."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.total is None and self.per_client is None:
            raise ValueError("no limit: write total, per_client or both, such as {total: 512}")
        return self


def note(options: Options, asked: Connection) -> str:
    """The limits; how many connections there are only a running gateway knows."""
    limits = {"in all": options.total, f"from {client_key(asked.client_ip)}": options.per_client}
    said = " and ".join(f"{limit} {of}" for of, limit in limits.items() if limit is not None)
    return f"at most {said}; how many there are is not known offline"


def make(options: Options, environment: Environment) -> Guard:
    """A guard that raises Refusal(TOO_MANY_CONNECTIONS) or Refusal(TOO_MANY_PER_CLIENT)."""
    total, per_client = options.total, options.per_client
    counts = environment.limits.counts()

    async def connections(connection: Connection, serve: Serve) -> None:
        client = client_key(connection.client_ip)
        if total is not None and not counts.add(_ALL, total):
            raise Refusal(TOO_MANY_CONNECTIONS)
        try:
            if per_client is not None and not counts.add(client, per_client):
                raise Refusal(TOO_MANY_PER_CLIENT)
            try:
                await serve(connection)
            finally:
                if per_client is not None:
                    counts.remove(client)
        finally:
            if total is not None:
                counts.remove(_ALL)

    return connections
