"""The options of plug-ins."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

from tests.config.case import ConfigCase


class PluginOptions(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_jwt_without_a_key(self) -> None:
        self.says(
            """
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
            """,
            '10:9: jwt has no key: add secret: "${JWT_SECRET}", or set JWT_SECRET',
        )

    def test_jwt_without_a_key_in_other_ways(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - middlewares: [{jwt: {issuer: a}}, one, two]
                echo: {}
            middlewares:
              one: {type: jwt, issuer: a}
              two:
                type: jwt
            """,
            '3:20: jwt has no key: add secret: "${JWT_SECRET}", or set JWT_SECRET',
            '6:3: jwt has no key: add secret: "${JWT_SECRET}", or set JWT_SECRET',
            '7:3: jwt has no key: add secret: "${JWT_SECRET}", or set JWT_SECRET',
        )

    def test_unknown_words(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: http, port: 8080, guards: [allw, {conections: {total: 1}}, deny]}
            routes:
              - middlewares: [rate_limit, {header: {}}, auht]
                backend: {url: "http://a", balance: round-robbin}
            middlewares:
              auth: {type: jvt}
              cors: {}
            """,
            "2:43: unknown guard 'allw': did you mean 'allow'?",
            "2:50: unknown guard 'conections': did you mean 'connections'?",
            "2:75: unknown guard 'deny': known here: allow, connections",
            "4:19: unknown middleware 'rate_limit': did you mean 'rate-limit'?",
            "4:32: unknown middleware 'header': did you mean 'headers'?",
            "4:45: unknown middleware 'auht': did you mean 'auth'?",
            "5:41: unknown balancer 'round-robbin': did you mean 'round-robin'?",
            "7:3: warning: the middleware 'auth' is never used: name it in a route, or take it out",
            "7:16: unknown middleware 'jvt': did you mean 'jwt'?",
            "8:3: warning: the middleware 'cors' is never used: name it in a route, or take it out",
            "8:3: unknown middleware 'cors': known here: broken, headers, jwt, rate-limit"
            " (a name of your own needs a type:)",
        )

    def test_wrong_options(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: http, port: 8080, guards: [allow, {allow: [10.0.0.1/8, x]}, connections, {connections: {total: 0, perclient: 1}}]}
            routes:
              - middlewares: [{rate-limit: {rate: 100}}, {headers: {response: {sett: {}}, set: {a: 1}}}, slow]
                backend: {url: "http://a", balance: {least-conn: {x: 1}}}
            middlewares:
              slow: {type: rate-limit, rate: 100/s, burst: -1, brust: 1}
            """,
            "2:43: not a list: write a list such as [a, b]",
            "2:59: the address has bits beyond the prefix: write 10.0.0.0/8",
            "2:71: not an address or network: write one such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32",
            "2:76: the key 'total' is missing: add total:",
            "2:111: too small: write a number from 1",
            "2:114: unknown key 'perclient': did you mean 'per_client'?",
            "4:39: not a rate: write a count and a time above zero, such as 100/s, 30/m or 1000/h",
            "4:68: unknown key 'sett': did you mean 'set'?",
            "4:88: not text: put it in quotes",
            "5:55: unknown key 'x': nothing is known here",
            "7:48: too small: write a number from 0",
            "7:52: unknown key 'brust': did you mean 'burst'?",
        )

    def test_not_a_use(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080, guards: [5]}]
            routes:
              - middlewares: [{headers: {}, jwt: {}}]
                backend: {url: "http://a", balance: []}
            """,
            "1:51: not understood: write a name, or one name with its options such as {name: {...}}",
            "3:19: not understood: write a name, or one name with its options such as {name: {...}}",
            "4:41: not understood: write a name, or one name with its options such as {name: {...}}",
        )

    def test_does_not_import(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{middlewares: [broken], echo: {}}]
            """,
            "2:25: the middleware 'broken' does not import: No module named 'wurlitzer': install what it needs",
        )

    def test_options_for_a_named_one(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{middlewares: [{slow: {rate: 1/s}}], echo: {}}]
            middlewares:
              slow: {type: rate-limit}
            """,
            "2:26: 'slow' has its options under middlewares: write only its name here",
        )

    def test_a_secret_in_no_message(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{middlewares: [{rate-limit: {rate: "${KEY}", by: [1]}}], echo: {}}]
            """,
            "2:45: not a rate: write a count and a time above zero, such as 100/s, 30/m or 1000/h",
            "2:59: not text: write one word, or text in quotes",
            environ={"KEY": "hunter2-hunter2"},
        )
