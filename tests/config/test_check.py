"""Parts that do not fit together."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

from tests.config.case import ConfigCase


class Fitting(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_unknown_backends(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: http, port: 8080}
              - {protocol: tcp, port: 5432, backend: bd}
            routes:
              - {match: {path: /a}, backend: appi}
              - {match: {path: /b}, backend: x}
            backends:
              api: {url: "http://a"}
              db: {url: "tcp://a:1"}
            """,
            "3:42: unknown backend 'bd': known here: api, db",
            "5:34: unknown backend 'appi': did you mean 'api'?",
            "6:34: unknown backend 'x': known here: api, db",
            "8:3: warning: the backend 'api' is never used: name it in a route, or take it out",
            "9:3: warning: the backend 'db' is never used: name it in a route, or take it out",
        )

    def test_no_backends_at_all(self) -> None:
        self.says(
            "listeners: [{protocol: tcp, port: 5432, backend: db}]\n",
            "1:50: unknown backend 'db': nothing is known here",
        )

    def test_unused(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes: [{echo: {}}]
            backends:
              api: {url: "http://a"}
            middlewares:
              slow: {type: rate-limit}
            """,
            "4:3: warning: the backend 'api' is never used: name it in a route, or take it out",
            "6:3: warning: the middleware 'slow' is never used: name it in a route, or take it out",
        )

    def test_wrong_kinds(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: http, port: 8080}
              - {protocol: tcp, port: 1, backend: api}
              - {protocol: udp, port: 1, backend: db}
              - {protocol: sni, port: 2, routes: [{match: {sni: a.b}, backend: {url: "udp://a:1"}}]}
            routes:
              - {match: {path: /a}, backend: db}
              - {match: {path: /b}, backend: api}
            backends:
              api: {url: "http://a"}
              db: {url: "tcp://a:1"}
            """,
            "3:39: its servers (line 10) are http: tcp or tls is needed here, correct one of the two",
            "4:39: its servers (line 11) are tcp: udp is needed here, correct one of the two",
            "5:68: its servers (line 5) are udp: tcp or tls is needed here, correct one of the two",
            "7:34: its servers (line 11) are tcp: http, https, h2 or h2c is needed here, correct one of the two",
        )

    def test_routes_without_http(self) -> None:
        self.says(
            """
            listeners: [{protocol: tcp, port: 1, echo: {}}]
            routes: [{echo: {}}]
            """,
            "2:1: warning: no listener speaks http or https: these routes are never used",
        )

    def test_http_without_routes(self) -> None:
        self.says(
            "listeners: [{protocol: http, port: 1}]\n",
            "1:13: warning: there are no routes: every request is answered 404, add routes:",
        )

    def test_the_rest(self) -> None:
        self.says(
            """
            listeners: [{protocol: tcp, port: 1, echo: {}}]
            admin: {address: 0.0.0.0, port: 9901, api: false}
            access_log: {path: logs/access.log}
            history: {path: state/history}
            """,
            "2:18: warning: the admin port is open to other machines: write 127.0.0.1 to keep it to this one",
            "3:20: there is no folder logs: make it, or write another path",
            "4:17: there is no folder state: make it, or write another path",
        )

    def test_a_history_that_nobody_can_ask_for(self) -> None:
        self.says(
            "listeners: [{protocol: tcp, port: 1, echo: {}}]\nhistory: {path: past}\n",
            "2:1: warning: nothing is remembered without an admin port, which is where it is asked for: "
            "add admin: {}",
        )

    def test_an_admin_that_is_no_address(self) -> None:
        self.says(
            """
            listeners: [{protocol: tcp, port: 1, echo: {}}]
            admin: {address: localhost}
            access_log: "-"
            """,
            "2:18: 'localhost' is not an IP address: write one such as 127.0.0.1 or ::1",
        )

    def test_checks_go_on_beside_wrong_shapes(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: http, port: 8080}
              - {protocol: tcp, port: 8080, bakend: x}
              - {protocol: udp, port: 8080}
            routes:
              - {match: {path: a}, backend: api}
              - {match: {path: /b}, backend: api, x: 1}
              - {match: {path: "^("}, backend: good}
            backends:
              api: {servers: 5}
              good: {url: "ftp://a"}
            """,
            "3:33: unknown key 'bakend': did you mean 'backend'?",
            "4:5: this udp listener leads nowhere: add backend: or echo: {}",
            "6:20: 'a' is not a path: begin with / or, for a regular expression, with ^",
            "7:39: unknown key 'x': known here: name, match, priority, listeners, client_cert, middlewares, backend, redirect, respond, echo",
            "8:20: not a regular expression: missing ): ^(: correct it (the syntax is RE2's)",
            "10:18: not a list: write a list such as [a, b]",
            "11:15: the scheme 'ftp' is not known here: write http, https, h2, h2c, tcp, tls, udp",
        )
