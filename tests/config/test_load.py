"""From a file to validated data, as a user sees it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.config.case import ConfigCase
from tests.config.fakes import FakeCatalog, Headers, Jwt
from toron.config.load import load, load_text
from toron.config.model import Backend, Config, Listener, Route
from toron.config.place import Invalid
from toron.config.shape import fields_of

FIRST = """
listeners:
  - protocol: http
    port: 8080
routes:
  - match:
      path: /api/v1
    backend:
      url: http://localhost:9000
    middlewares:
      - jwt
      - rate-limit
"""

WHOLE = """
listeners:
  - name: web
    protocol: http
    address: 127.0.0.1
    port: 8080
    guards:
      - allow: [10.0.0.0/8, 127.0.0.0/8]
      - connections: {total: 512, per_client: 32}
    proxy_protocol: {trusted: [10.0.0.0/8]}
  - protocol: sni
    port: 9443
    routes:
      - {match: {sni: "*.db.example.com", alpn: [postgresql]}, backend: db}
  - {protocol: tcp, port: 5432, backend: db}
  - {protocol: udp, port: 5353, backend: dns, idle: 30s}
routes:
  - match: {host: api.example.com, path: /v1, methods: [GET, POST], headers: {X-Beta: "1"}}
    listeners: [web]
    middlewares: [auth, {headers: {set: {X-Served-By: toron}}}]
    backend: api
  - match: {path: "^/old/(.*)$"}
    middlewares: [auth, rate-limit]
    redirect: {to: /new/$1, status: 308}
backends:
  api:
    balance: round-robin
    servers:
      - http://127.0.0.1:9001
      - {url: http://127.0.0.1:9002, weight: 3}
    sticky: {cookie: toron_sticky, ttl: 300s}
    health: {path: /healthz, interval: 10s, timeout: 5s, rise: 2, fall: 3}
    passive_health: {failures: 5, base: 30s}
    timeouts: {connect: 5s, response: 60s, idle: 60s}
    retries: {attempts: 2, budget: 20%, on: [502, 503]}
  db: {servers: [tcp://127.0.0.1:5433], proxy_protocol: v2, health: {interval: 5s}}
  dns: {servers: [udp://127.0.0.1:53]}
middlewares:
  auth: {type: jwt, secret: "${JWT_SECRET}"}
  rate-limit: {rate: 100/s, burst: 50}
access_log: {path: access.log}
log: {level: info}
admin: {address: 127.0.0.1, port: 9901}
workers: 1
"""

WORDS = sorted(
    {word for model in (Config, Listener, Route, Backend) for word in fields_of(model)}
    | {
        "path",
        "host",
        "url",
        "file",
        "type",
        "jwt",
        "headers",
        "allow",
        "http",
        "tcp",
        "udp",
        "${X}",
        "*",
        "^(",
    }
)


class Valid(ConfigCase):
    """What loads, and what it becomes."""

    def test_the_first_file_of_a_user(self) -> None:
        without = 'jwt has no key: add secret: "${JWT_SECRET}", or set JWT_SECRET'
        self.says(FIRST, f"10:9: {without}")
        text = FIRST.replace("- jwt\n", '- jwt: {secret: "${JWT_SECRET}"}\n')
        self.says(text, "10:23: the variable JWT_SECRET is not set: set it, or write ${JWT_SECRET:-default}")
        loaded = self.load(text, environ={"JWT_SECRET": "s3cret"})
        self.assertEqual(loaded.warnings, [])
        self.assertEqual(loaded.config.listeners[0].label, "http-8080")
        self.assertEqual(loaded.config.routes[0].match[0].path, ("/api/v1",))
        self.assertEqual(loaded.plugins[("routes", 0, "middlewares", 1)].word, "rate-limit")
        self.assertEqual(loaded.plugins[("routes", 0, "backend", "balance")].word, "round-robin")

    def test_the_whole_example(self) -> None:
        loaded = self.load(WHOLE, environ={"JWT_SECRET": "s3cret"})
        self.assertEqual(loaded.warnings, [])
        config = loaded.config
        self.assertEqual(
            [listener.label for listener in config.listeners], ["web", "sni-9443", "tcp-5432", "udp-5353"]
        )
        self.assertEqual(config.backends["api"].retries.on, (502, 503))
        self.assertEqual(
            config.backends["api"].passive_health and config.backends["api"].passive_health.base, 30.0
        )
        health = config.backends["db"].health
        self.assertEqual(health and (health.interval, health.timeout), (5.0, 2.5))
        self.assertEqual(config.listeners[3].idle, 30.0)
        allow = loaded.plugins[("listeners", 0, "guards", 0)]
        self.assertEqual((allow.drawer, allow.word, allow.name), ("guards", "allow", "allow"))

    def test_the_same_in_json_and_toml(self) -> None:
        yaml = self.load(WHOLE, environ={"JWT_SECRET": "s3cret"})
        other = self.load(json.dumps(yaml.places.data), "b.json", environ={"JWT_SECRET": "s3cret"})
        self.assertEqual(other.config, yaml.config)
        text = """
            listeners = [{protocol = "http", port = 8080}]
            [[routes]]
            match.path = "/api/v1"
            middlewares = ["rate-limit"]
            backend = {url = "http://localhost:9000"}
        """
        self.assertEqual(self.load(text, "c.toml").config, self.load(FIRST.replace("- jwt\n", "")).config)

    def test_a_text_that_is_in_no_file(self) -> None:
        self.write("secret", "0123456789abcdef")
        text = b"listeners: [{protocol: tcp, port: 80, echo: {}}]\nadmin: {token: {file: secret}}\n"
        loaded = load_text(text, "sent.yaml", self.folder, FakeCatalog(), {})
        assert loaded.config.admin is not None and loaded.config.admin.token is not None
        self.assertEqual(loaded.config.admin.token.get_secret_value(), "0123456789abcdef")
        self.assertEqual((loaded.folder, loaded.place("admin")), (self.folder, "sent.yaml:2:1"))
        error = self.assertRaises(Invalid, load_text, b"[]", "sent.json", self.folder, FakeCatalog(), {})
        self.assertEqual(str(error.problems[0]).partition(" not")[0], "sent.json:1:1:")

    def test_a_named_middleware_is_one_object(self) -> None:
        plugins = self.load(WHOLE, environ={"JWT_SECRET": "s3cret"}).plugins
        auth = plugins[("middlewares", "auth")]
        self.assertIsInstance(auth.options, Jwt)
        self.assertEqual((auth.word, auth.name), ("jwt", "auth"))
        self.assertIs(plugins[("routes", 0, "middlewares", 0)], auth)
        self.assertIs(plugins[("routes", 1, "middlewares", 0)], auth)
        headers = plugins[("routes", 0, "middlewares", 1)].options
        self.assertIsInstance(headers, Headers)
        self.assertEqual(headers.model_dump()["set"], {"X-Served-By": "toron"})

    def test_defaults_of_a_named_middleware(self) -> None:
        text = """
            listeners: [{protocol: http, port: 8080}]
            routes: [{middlewares: [rate-limit, {headers: }], echo: {}}]
            middlewares: {rate-limit: }
        """
        plugins = self.load(text).plugins
        self.assertIs(plugins[("routes", 0, "middlewares", 0)], plugins[("middlewares", "rate-limit")])
        self.assertEqual(plugins[("routes", 0, "middlewares", 1)].word, "headers")

    def test_places(self) -> None:
        loaded = self.load(WHOLE, environ={"JWT_SECRET": "s3cret"})
        self.assertEqual(loaded.folder, self.folder)
        self.assertEqual(loaded.place("routes", 0), f"{self.folder}/a.yaml:17:5")
        self.assertEqual(loaded.place("listeners", 0, "port"), f"{self.folder}/a.yaml:5:5")
        self.assertEqual(loaded.place("listeners", 0, "backlog"), f"{self.folder}/a.yaml:2:5")
        error = loaded.invalid("port 8080 is in use: write another", "listeners", 0, "port")
        self.assertEqual(str(error), f"{self.folder}/a.yaml:5:5: port 8080 is in use: write another")

    def test_no_secret_in_a_repr(self) -> None:
        text = WHOLE.replace("ttl: 300s", 'ttl: 300s, secret: "${JWT_SECRET}"').replace(
            "50}", '50, by: "${JWT_SECRET}"}'
        )
        loaded = self.load(text, environ={"JWT_SECRET": "hunter2-hunter2"})
        shown = f"{loaded} {loaded!r} {loaded.config!s} {loaded.config!r} {list(loaded.plugins.values())!r}"
        shown += f"{loaded.config.model_dump()} {loaded.config.model_dump_json()} {loaded.places!r}"
        self.assertIn("auth", shown)
        self.assertNotIn("hunter2", shown)

    def test_the_context_of_options(self) -> None:
        seen: list[Any] = []

        class Curious(Jwt):
            def __init__(self, **data: Any) -> None:
                super().__init__(**data)

            @classmethod
            def model_validate(cls, obj: Any, **options: Any) -> Any:
                seen.append(options["context"])
                return super().model_validate(obj, **options)

        class Catalog(FakeCatalog):
            def options(self, drawer: str, word: str) -> Any:
                return Curious if word == "jwt" else super().options(drawer, word)

        path = self.write("a.yaml", FIRST.replace("- jwt\n", "- jwt: {secret: x}\n"))
        load(path, Catalog(), {"A": "b"})
        self.assertEqual(seen, [{"environ": {"A": "b"}, "folder": self.folder}])


class AnythingValidOrNot(ConfigCase):
    """Whatever data a file holds, only Invalid is raised."""

    values = st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-5, 70000)
        | st.floats()
        | st.sampled_from(WORDS)
        | st.text(max_size=6),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
        ),
        max_leaves=30,
    )

    def tried(self, data: Any) -> None:
        text = json.dumps(data).replace("NaN", "0").replace("Infinity", "1e999")
        path = self.write("a.json", text)
        try:
            load(path, FakeCatalog(), {"X": "7"}, now=0.0)
        except Invalid as invalid:
            self.assertNotEqual([problem for problem in invalid.problems if not problem.warning], [])

    @settings(max_examples=400, deadline=None)
    @given(st.dictionaries(st.sampled_from(WORDS), values, max_size=6))
    def test_sections_of_anything(self, data: dict[str, Any]) -> None:
        self.tried(data)

    @settings(max_examples=400, deadline=None)
    @given(
        st.dictionaries(st.sampled_from(sorted(fields_of(Listener))), values, max_size=5),
        st.dictionaries(st.sampled_from(sorted(fields_of(Route))), values, max_size=5),
        st.dictionaries(st.sampled_from(sorted(fields_of(Backend))), values, max_size=5),
    )
    def test_parts_of_anything(self, listener: Any, route: Any, backend: Any) -> None:
        listeners = [{"protocol": "http", "port": 0}, {"protocol": "tcp", "port": 0, "name": "x"} | listener]
        self.tried({"listeners": listeners, "routes": [{"echo": {}}, route], "backends": {"b": backend}})
