"""A catalog of plug-ins that exist only for the tests of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, RootModel, model_validator

from toron.config.model import Discovered, Model, OneOrMore, Secret
from toron.config.units import Cidr, Duration, Rate, RateValue

NOW = 1_790_000_000.0
"""What time it is in these tests, in Unix seconds (September 2026)."""


class Jwt(Model):
    """Needs a key."""

    secret: tuple[Secret, ...] | Secret = ()
    issuer: OneOrMore = ()
    leeway: Duration = 30.0

    @model_validator(mode="after")
    def _needs_a_key(self) -> Jwt:
        if not self.secret:
            raise ValueError('jwt has no key: add secret: "${JWT_SECRET}", or set JWT_SECRET')
        return self


class RateLimit(Model):
    """Has defaults."""

    rate: Rate = RateValue(100, 1)
    burst: int = Field(0, ge=0)
    by: str = "ip"


class Changes(Model):
    """What may be nested."""

    set: dict[str, str] = Field({})
    remove: OneOrMore = ()


class Headers(Changes):
    """Has a model inside."""

    response: Changes = Changes()


class Allow(RootModel[Annotated[tuple[Cidr, ...], Field(min_length=1)]]):
    """A list, not a mapping."""


class Connections(Model):
    """Needs a key."""

    total: int = Field(ge=1)
    per_client: int | None = None


class Book(Discovered):
    """Finds servers."""

    page: int = 1


class Nothing(Model):
    """No options."""


DRAWERS: dict[str, dict[str, type[BaseModel] | None]] = {
    "middleware": {"jwt": Jwt, "rate-limit": RateLimit, "headers": Headers, "broken": None},
    "guards": {"allow": Allow, "connections": Connections},
    "discovery": {"book": Book},
    "balancers": dict.fromkeys(("round-robin", "least-conn", "ip-hash", "random", "primary-backup"), Nothing),
}


class FakeCatalog:
    """Knows the words above; `broken` does not import."""

    def words(self, drawer: str) -> list[str]:
        return sorted(DRAWERS[drawer])

    def options(self, drawer: str, word: str) -> type[BaseModel]:
        model = DRAWERS[drawer][word]
        if model is None:
            raise ImportError("No module named 'wurlitzer'")
        return model

    def sentence(self, drawer: str, word: str) -> str:
        return f"What {word} does."
