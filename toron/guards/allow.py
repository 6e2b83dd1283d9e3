"""Lets in only clients from the networks of a list."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, RootModel

from toron.config.model import Cidrs
from toron.core.networks import Networks
from toron.core.refusal import NOT_ALLOWED
from toron.interfaces import Connection, Environment, Guard, Refusal, Serve


class Options(RootModel[Annotated[Cidrs, Field(min_length=1)]]):
    """The networks, such as `[10.0.0.0/8, "::1"]`."""

    model_config = ConfigDict(frozen=True)


def make(options: Options, environment: Environment) -> Guard:
    """A guard that raises Refusal(NOT_ALLOWED)."""
    allowed = Networks(options.root)

    async def allow(connection: Connection, serve: Serve) -> None:
        if connection.client_ip not in allowed:
            raise Refusal(NOT_ALLOWED)
        await serve(connection)

    return allow
