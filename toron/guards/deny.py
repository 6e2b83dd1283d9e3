"""Keeps out clients from the networks of a list."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, RootModel

from toron.config.model import Cidrs
from toron.core.networks import Networks
from toron.core.refusal import DENIED
from toron.interfaces import Connection, Environment, Guard, Refusal, Serve


class Options(RootModel[Annotated[Cidrs, Field(min_length=1)]]):
    """The networks, such as `[192.0.2.0/24, "2001:db8::/32"]`."""

    model_config = ConfigDict(frozen=True)


def make(options: Options, environment: Environment) -> Guard:
    """A guard that raises Refusal(DENIED)."""
    denied = Networks(options.root)

    async def deny(connection: Connection, serve: Serve) -> None:
        if connection.client_ip in denied:
            raise Refusal(DENIED)
        await serve(connection)

    return deny
