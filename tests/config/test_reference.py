"""The page about the configuration says what there is, and says it truly."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, Field

import toron
from tests.config.case import PluginCase
from tests.config.fakes import FakeCatalog
from toron import plugin
from toron.config.model import Config, Model, Named, Use
from toron.config.reference import reference
from toron.config.shape import fields_of, models_in

PAGE = Path(toron.__file__).parents[1] / "docs" / "configuration.md"


class Page(PluginCase):
    """All of it."""

    def setUp(self) -> None:
        super().setUp()
        self.text = reference(plugin)

    def test_the_page_is_current(self) -> None:
        current = PAGE.read_text("utf-8") == self.text
        self.assertTrue(
            current, "docs/configuration.md is not what the models say: renew it with `make docs`"
        )

    def test_every_key_is_there(self) -> None:
        seen: set[type[BaseModel]] = {Named, Use}
        rows = set(re.findall(r"^\| `([^`]+)` \| \*", self.text, re.MULTILINE))

        def visit(model: type[BaseModel]) -> None:
            if model not in seen:
                seen.add(model)
                self.assertEqual(set(fields_of(model)) - rows, set(), model)
                for inner in fields_of(model).values():
                    for part in models_in(inner):
                        visit(part)

        visit(Config)
        self.assertGreater(len(seen), 25)

    def test_every_key_of_a_plug_in_is_explained(self) -> None:
        for drawer in ("guards", "middleware", "balancers"):
            for word in plugin.words(drawer):
                self.assertIn(f"\n### `{word}`\n\n{plugin.sentence(drawer, word)}\n", self.text)
                for name, field in plugin.options(drawer, word).model_fields.items():
                    self.assertTrue(field.description or name == "root", f"{word}: {name}")

    def test_links_lead_somewhere(self) -> None:
        headings = re.findall(
            r"^#+ (.*)$", re.sub(r"```.*?```", "", self.text, flags=re.DOTALL), re.MULTILINE
        )
        anchors = [re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-") for heading in headings]
        self.assertEqual(len(anchors), len(set(anchors)))
        links = re.findall(r"\]\(#([^)]*)\)", self.text)
        self.assertEqual(set(links) - set(anchors), set())
        self.assertGreater(len(links), 30)

    def test_tables_are_whole(self) -> None:
        for row in re.findall(r"^\|.*$", self.text, re.MULTILINE):
            columns = len(re.findall(r"(?<!\\)\|", row)) - 1
            self.assertIn(columns, (2, 3), row)

    def test_what_does_not_import(self) -> None:
        self.assertIn("### `broken`\n\nThis middleware cannot be used: No module", reference(FakeCatalog()))

    def test_options_of_somebody_else(self) -> None:
        class Inner(Model):
            """What is inside."""

            depth: int = 3
            """How | deep."""

        class Options(Model):
            inner: Inner = Inner()
            names: dict[str, bool] = Field({})
            empty: bool = True

        class Catalog(FakeCatalog):
            def options(self, drawer: str, word: str) -> type[BaseModel]:
                return Options if word == "jwt" else super().options(drawer, word)

        expected = (
            "### `jwt`\n\nWhat jwt does.\n\n| key | what | default |\n|---|---|---|\n"
            "| `inner` | *[mapping](#jwtinner)* |  |\n"
            "| `names` | *mapping of names to `true` or `false`* |  |\n"
            "| `empty` | *`true` or `false`* | `true` |\n\n"
            "#### `jwt.inner`\n\nWhat is inside.\n\n| key | what | default |\n|---|---|---|\n"
            "| `depth` | *whole number*. How \\| deep. | `3` |\n"
        )
        self.assertIn(expected, reference(Catalog()))
