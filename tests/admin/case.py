"""The admin API over a gateway that is bound to nothing; each answer is as its schema says."""

from __future__ import annotations

import gc
import json
import random
import textwrap
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from twisted.internet.defer import Deferred
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.test_reload import Reactor
from toron import plugin
from toron.admin.api import Api, Asked
from toron.admin.endpoint import Endpoint
from toron.admin.listener import AdminListener
from toron.admin.openapi import document
from toron.admin.pages import JSON, Page
from toron.admin.problem import PROBLEM, Refused
from toron.admin.router import Router, endpoints
from toron.compose import Composition
from toron.config.load import load
from toron.control import attach
from toron.core.wait import as_deferred
from toron.reload import Reload
from toron.serving import Serving

CLOCK = 1_800_000_000.0

TOKEN = "0123456789abcdef0123"

CONFIG = """
listeners:
  - {name: web, protocol: http, address: 127.0.0.1, port: 8080}
  - {name: dns, protocol: udp, address: 127.0.0.1, port: 5353, backend: dns}
admin: {}
routes:
  - {name: api, match: {host: a.example, path: /api}, middlewares: [{rate-limit: {rate: 5/s}}], backend: api}
  - {match: {path: /old}, redirect: /new}
  - {respond: {body: rest}}
backends:
  api: {servers: ["http://127.0.0.1:1", "http://127.0.0.1:2"], health: {path: /}, passive_health: {}}
  dns: {url: "udp://127.0.0.1:9"}
"""


class Got(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: Any
    """What the JSON says; text where it is none."""


@cache
def openapi() -> dict[str, Any]:
    """The document of the whole API."""
    return json.loads(json.dumps(document(endpoints(), "1")))


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """For a schema of the document, whose references begin at its top."""
    return Draft202012Validator({**schema, "components": openapi()["components"]})


class ApiCase(SynchronousTestCase):
    """A test that asks the API."""

    maxDiff = None
    config = CONFIG

    def setUp(self) -> None:
        self.addCleanup(gc.unfreeze)
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "a.yaml"
        self.reactor = Reactor()
        self.wall = CLOCK
        self.said: list[str] = []
        globalLogPublisher.addObserver(self._note)
        self.addCleanup(globalLogPublisher.removeObserver, self._note)
        self.serve(self.config)

    def _note(self, event: Any) -> None:
        self.said.append(formatEvent(event))

    def serve(self, text: str, *, loopback: bool = True) -> None:
        """Compose this configuration, and have the API tell of it."""
        self.write(text)
        loaded = load(str(self.path), plugin, {}, now=CLOCK)
        self.composition = Composition(loaded, self.reactor, random.Random(1), lambda: self.wall)
        self.root = self.composition.whole(self.fail)
        for service in [*self.composition.listeners, *self.root.services]:
            self.patch(service, "startService", lambda: None)
        self.root.running, self.root.opened = 1, True
        self.readiness = self.composition.readiness
        self.readiness.release("starting")
        self.reload = Reload(Serving(self.root, self.composition), str(self.path))
        attach(self.root, loaded, str(self.path), self.reload)
        (admin,) = [each for each in self.root.bound if isinstance(each, AdminListener)]
        self.gateway = admin.gateway
        self.api = Api(self.gateway, loopback=loopback)

    def write(self, text: str) -> None:
        """Have the file say this."""
        self.path.write_text(textwrap.dedent(text).lstrip("\n"))

    def begin(
        self,
        what: str,
        body: bytes | str = b"",
        *,
        ip: str = "127.0.0.1",
        too_large: bool = False,
        let_go: bool = False,
        **headers: str,
    ) -> Deferred[Page]:
        """Ask `METHOD path?query`, where the path is below /api/v1; `if_match=` is a header."""
        method, _, target = what.partition(" ")
        path, _, query = target.partition("?")
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if method not in ("GET", "HEAD"):
            fields.setdefault("content-type", JSON)
        data = body.encode() if isinstance(body, str) else body
        return as_deferred(
            self.api.answer(
                Asked(method, f"/api/v1{path}", query, fields, ip, f"{ip}:7", data, too_large, let_go)
            )
        )

    def ask(self, what: str, body: bytes | str = b"", **more: Any) -> Got:
        """The answer, which is as the OpenAPI document says."""
        asked = self.begin(what, body, **more)
        for _ in range(100):
            self.reactor.advance(0)
        page = self.successResultOf(asked)
        self._is_as_promised(what, page)
        is_json = page.content_type in (JSON, PROBLEM)
        text = json.loads(page.body) if is_json and page.body else page.body.decode()
        return Got(page.status, dict(page.headers), text)

    def refused(self, status: int, word: str, what: str, body: bytes | str = b"", **more: Any) -> Got:
        """Ask for something that is refused, with what to do about it."""
        got = self.ask(what, body, **more)
        self.assertEqual((got.status, got.body["word"]), (status, word), got.body)
        self.assertEqual(got.body["status"], status)
        self.assertTrue(got.body["detail"] and got.body["next"], got.body)
        return got

    def _is_as_promised(self, what: str, page: Page) -> None:
        method, _, target = what.partition(" ")
        try:
            endpoint, _ = Router(endpoints()).find(method, f"/api/v1{target.partition('?')[0]}")
        except Refused:
            schema: dict[str, Any] = {"$ref": "#/components/schemas/ProblemDetails"}
        else:
            schema = self._schema(endpoint, page)
        if page.body and page.content_type in (JSON, PROBLEM):
            validator(schema).validate(json.loads(page.body))

    def _schema(self, endpoint: Endpoint, page: Page) -> dict[str, Any]:
        operation = openapi()["paths"][f"/api/v1{endpoint.path}"][endpoint.method.lower()]
        if page.status == 304:
            return {}
        self.assertIn(str(page.status), operation["responses"], endpoint)
        content = operation["responses"][str(page.status)]["content"]
        self.assertIn(page.content_type, content)
        found: dict[str, Any] = content[page.content_type]["schema"]
        return found
