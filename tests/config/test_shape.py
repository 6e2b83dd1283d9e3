"""What may stand where, by the annotations of models."""

from __future__ import annotations

from typing import Annotated, Any, Optional, TypeVar

from pydantic import BaseModel, Field, RootModel, SecretStr
from twisted.trial.unittest import SynchronousTestCase

from toron.config.model import Backend, Config, Listener, Match, ServerSpec
from toron.config.shape import alternatives, fields_of, items_of, models_at, models_in

T = TypeVar("T")


class Inner(BaseModel):
    """One key."""

    not_: int = Field(alias="not")


class Roots(RootModel[list[Inner]]):
    """A list of them."""


class Shapes(SynchronousTestCase):
    """The small functions."""

    def test_alternatives(self) -> None:
        wanted: list[tuple[Any, list[Any]]] = [
            (int, [int]),
            (Optional[int], [int, type(None)]),  # noqa: UP045
            (Annotated[int | Annotated[str, 1], 2], [int, str]),
            (list[int], [list[int]]),
            (Roots, [list[Inner]]),
            (T, []),
        ]
        for annotation, found in wanted:
            self.assertEqual(list(alternatives(annotation)), found)

    def test_fields_by_the_names_that_are_written(self) -> None:
        self.assertEqual(fields_of(Inner), {"not": int})
        self.assertIn("not", fields_of(Match))

    def test_items(self) -> None:
        self.assertIs(items_of(list[int]), int)
        self.assertIs(items_of(tuple[str, ...]), str)
        self.assertIs(items_of(dict[str, bool]), bool)
        self.assertIsNone(items_of(int))
        self.assertIsNone(items_of(SecretStr))
        self.assertIsNone(items_of(list))

    def test_models(self) -> None:
        self.assertEqual(list(models_in(list[dict[str, Inner | None]])), [Inner])
        self.assertEqual(models_at(Config, ()), [Config])
        self.assertEqual(models_at(Config, ("listeners", 3)), [Listener])
        self.assertEqual(models_at(Config, ("routes", 0, "backend", "inline", "servers", 1)), [ServerSpec])
        self.assertEqual(models_at(Config, ("backends", "api")), [Backend])
        self.assertEqual(models_at(Roots, (0,)), [Inner])
