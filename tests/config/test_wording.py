"""What an annotation is called in plain words."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from twisted.trial.unittest import SynchronousTestCase

from toron.config.model import BackendRef, Cidrs, Health, Model, OneOrMore, Port, Scalars, Secrets, ServerSpec
from toron.config.short import TEXT, Also
from toron.config.units import Cidr, Duration, Rate, Share, Size
from toron.config.wording import Word, phrase


def link(model: type[BaseModel]) -> str:
    return f"[{model.__name__.lower()}](#there)"


class Words(SynchronousTestCase):
    """Each: an annotation, and what a reader sees."""

    def test_annotations(self) -> None:
        wanted: list[tuple[Any, str]] = [
            (str, "text"),
            (int, "whole number"),
            (float, "number"),
            (bool, "`true` or `false`"),
            (Any, "anything"),
            (Duration, "duration"),
            (Size, "size"),
            (Rate, "rate"),
            (Share, "share"),
            (Cidr, "network"),
            (Port, "port"),
            (Duration | None, "duration"),
            (Literal["a", "b", 3], "`a`, `b` or `3`"),
            (Literal["v1"] | None, "`v1`"),
            (Annotated[int, Field(ge=1, le=9)] | Literal["auto"], "whole number (1 to 9) or `auto`"),
            (Annotated[int, Field(ge=1)], "whole number (1 or more)"),
            (Annotated[int, Field(le=9)], "whole number (up to 9)"),
            (Annotated[int, "a mark of somebody else's"], "whole number"),
            (Cidrs, "network or list of networks"),
            (OneOrMore, "text or list of texts"),
            (Secrets, "secret or list of secrets"),
            (Scalars, "value or list of values"),
            (list[Literal["a", "b"]], "list of `a` or `b`"),
            (tuple[Annotated[str, Word("statuses")], ...], "list of statuses"),
            (dict[str, str], "mapping of names to texts"),
            (dict[str, OneOrMore], "mapping of names to texts or lists of texts"),
            (dict[str, Health], "mapping of names to [healths](#there)"),
            (tuple[Annotated[ServerSpec, Also(TEXT, "URL")], ...], "list of URLs or [serverspecs](#there)"),
            (BackendRef, "name or [backend](#there)"),
            (Annotated[Health | None, Also(TEXT)], "text or [health](#there)"),
        ]
        for annotation, said in wanted:
            self.assertEqual(phrase(annotation, (), link), said)

    def test_of_a_field(self) -> None:
        """Pydantic keeps the marks of a field apart from its annotation."""

        class Some(Model):
            wait: Duration = 0.0
            most: int = Field(1, ge=0)
            at: Annotated[Cidrs, Field(min_length=1)]

        said = [phrase(field.annotation, field.metadata, link) for field in Some.model_fields.values()]
        self.assertEqual(said, ["duration", "whole number (0 or more)", "network or list of networks"])
