"""The JSON Schema takes what loads, and refuses what does not."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
from pydantic import ValidationError

import toron
from tests.config.case import ConfigCase
from tests.config.fakes import FakeCatalog
from tests.config.test_load import FIRST, WHOLE
from toron import plugin
from toron.config.model import Config
from toron.config.place import Document
from toron.config.read_yaml import read_yaml
from toron.config.schema import schema

HEAD = "listeners: [{protocol: http, port: 8080}]\n"


class Schema(ConfigCase):
    """A schema for editors."""

    def setUp(self) -> None:
        super().setUp()
        self.schema = schema(FakeCatalog())
        self.validator = jsonschema.Draft202012Validator(self.schema)

    def test_it_is_a_schema(self) -> None:
        jsonschema.Draft202012Validator.check_schema(self.schema)
        self.assertEqual(self.schema["title"], "toron configuration")

    def test_what_loads(self) -> None:
        texts = [
            FIRST,
            WHOLE,
            'listeners: [{protocol: http, port: "${PORT}", backlog: "${B:-5}"}]',
            HEAD
            + "routes: [{redirect: /x, match: [{path: /a}, {not: {host: a}}]}, {respond: {status: 200}}]",
            HEAD + "routes: [{middlewares: [jwt, anything, {jwt: {secret: {file: x}}}, {headers: }]}]",
            HEAD + 'routes: [{middlewares: [{rate-limit: {burst: "${BURST}", rate: "${RATE}"}}]}]',
            HEAD
            + "middlewares: {a: {type: jwt, secret: [x]}, jwt: {issuer: a}, headers: {type: rate-limit, rate: 5/m}}",
            HEAD + "backends: {a: {balance: {ip-hash: {}}, servers: [http://a, {url: http://b}]}}",
            HEAD
            + "backends: {a: {url: http://a, sticky: {secret: {file: a}}, health: {status: 200, interval: 5s}}}",
            HEAD + "access_log: '-'\nworkers: auto",
        ]
        for text in texts:
            errors = [error.message for error in self.validator.iter_errors(read(text))]
            self.assertEqual(errors, [], text)

    def test_what_does_not(self) -> None:
        texts = [
            "log: {level: info}",
            "listeners: []",
            "listeners: [{protocol: htp, port: 1}]",
            "listeners: [{protocol: http, port: 99999}]",
            "listeners: [{protocol: http, port: http}]",
            "listeners: [{protocol: http, port: 1, prot: 2}]",
            "listners: []\n" + HEAD,
            "listeners: [{protocol: http, port: 1, guards: [nope]}]",
            "listeners: [{protocol: http, port: 1, guards: [{connections: {}}]}]",
            "listeners: [{protocol: http, port: 1, guards: [{allow: 5}]}]",
            HEAD + "routes: [{middlewares: [{nope: {}}]}]",
            HEAD + "routes: [{middlewares: [{rate-limit: {brust: 1}}]}]",
            HEAD + "middlewares: {a: {type: nope}}",
            HEAD + "middlewares: {a: {}}",
            HEAD + "middlewares: {a: {type: rate-limit, brust: 1}}",
            HEAD + "middlewares: {rate-limit: {brust: 1}}",
            HEAD + "backends: {a: {balance: nope}}",
            HEAD + "backends: {a: {timeouts: {connect: 5}}}",
            HEAD + "workers: many",
        ]
        for text in texts:
            self.assertFalse(self.validator.is_valid(read(text)), text)

    def test_a_check_over_grpc(self) -> None:
        for written, good in (("true", True), ("false", True), ("{service: a.B}", True), ("a.B", False)):
            text = HEAD + f"backends: {{a: {{url: http://a, health: {{grpc: {written}}}}}}}"
            self.assertEqual(self.validator.is_valid(read(text)), good, text)

    def test_defaults_are_written_as_a_user_would(self) -> None:
        definitions = self.schema["$defs"]
        self.assertEqual(definitions["Health"]["properties"]["interval"]["default"], "10s")
        self.assertEqual(definitions["Limits"]["properties"]["body"]["default"], "256m")
        options = definitions["middleware-rate-limit-RateLimit"]["properties"]
        self.assertEqual((options["rate"]["default"], options["burst"]["default"]), ("100/s", 0))
        self.assertEqual(definitions["middlewares-rate-limit"]["properties"]["type"], {"const": "rate-limit"})

    def test_every_reference_leads_somewhere(self) -> None:
        for made in (self.schema, schema(plugin)):
            found = {reference.removeprefix("#/$defs/") for reference in references(made)}
            self.assertEqual(found - set(made["$defs"]), set())
            self.assertIn("Variable", found)

    def test_what_readers_are_shown(self) -> None:
        """With our own plug-ins: what an editor shows for the documents' configurations."""
        validator = jsonschema.Draft202012Validator(schema(plugin))
        root = Path(toron.__file__).parents[1]
        readme = re.findall(
            r"^```yaml\n(.*?)^```", (root / "README.md").read_text(), re.DOTALL | re.MULTILINE
        )
        for text in (*readme, (root / "etc" / "demo.yaml").read_text()):
            self.assertEqual([error.message for error in validator.iter_errors(read(text))], [])
        listener = schema(plugin)["$defs"]["Listener"]["properties"]
        self.assertIn("system picks a free one", listener["port"]["description"])

    def test_short_options_of_plug_ins(self) -> None:
        """What stands for a plug-in's options: the schema and the options must agree on it."""
        validator = jsonschema.Draft202012Validator(schema(plugin))
        for text, good in (
            ("body-limit: 10m", True),
            ("body-limit: 5", True),
            ("body-limit: {size: 10m}", True),
            ("body-limit: [1]", False),
            ("body-limit: {sise: 1}", False),
            ("add-prefix: /v2", True),
            ("add-prefix: {prefix: /v2}", True),
            ("add-prefix: 5", False),
            ("strip-prefix: /api", True),
            ("strip-prefix: [/api, /v1]", True),
            ("strip-prefix: {prefix: [/api]}", True),
            ("strip-prefix: []", False),
            ("strip-prefix: [{}]", False),
            ("redirect: /x", True),
            ("redirect: {to: /x, status: 301}", True),
            ("redirect: [/x]", False),
            ("redirect: {to: /x, status: 200}", False),
            ("rewrite: /v2", True),
            ("rewrite: {from: /v1, to: /v2}", True),
            ("rewrite: 5", False),
            ("rewrite: {from: /v1}", False),
            ("headers: {add: {X: a}}", True),
            ("headers: {add: {X: [a, 5]}, response: {set: {Y: 5, Z: true}}}", True),
            ("headers: {add: {X: {a: b}}}", False),
            ("headers: {set: {X: [a]}}", False),
        ):
            with self.subTest(text):
                config = read(HEAD + "routes: [{middlewares: [{" + text + "}]}]")
                self.assertEqual(validator.is_valid(config), good)
                [(word, written)] = config["routes"][0]["middlewares"][0].items()
                options = plugin.options("middleware", word)
                if good:
                    options.model_validate(written)
                else:
                    self.assertRaises(ValidationError, options.model_validate, written)

    def test_a_named_plug_in_has_no_short_options(self) -> None:
        validator = jsonschema.Draft202012Validator(schema(plugin))
        for text, good in (
            ("a: {type: body-limit, size: 10m}", True),
            ("body-limit: {size: 10m}", True),
            ("body-limit: 10m", False),
            ("a: {type: body-limit, sise: 10m}", False),
        ):
            self.assertEqual(validator.is_valid(read(HEAD + "middlewares: {" + text + "}")), good, text)

    def test_the_model_agrees(self) -> None:
        for text in (HEAD, WHOLE):
            Config.model_validate(read(text))
        self.assertRaises(ValidationError, Config.model_validate, {})


def read(text: str) -> Any:
    """The data of a YAML text, as toron reads it (`on` is a word)."""
    document = Document("a.yaml")
    read_yaml(text, document)
    return document.data


def references(value: Any) -> list[str]:
    """Every `$ref` in a schema."""
    if isinstance(value, list):
        return [found for inner in value for found in references(inner)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [found for inner in value.values() for found in references(inner)]
