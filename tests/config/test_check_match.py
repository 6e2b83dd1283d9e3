"""Patterns of a match."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

from tests.config.case import ConfigCase


class Matches(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_paths(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - match: {path: [a, /a*, /a/*/b, "*", "/a?b=1", "^/(a", "/ok/*", "^/ok$"]}
                echo: {}
            """,
            "3:20: 'a' is not a path: begin with / or, for a regular expression, with ^",
            "3:23: '/a*' has a * that is not a trailing /*: write a regular expression after ^",
            "3:28: '/a/*/b' has a * that is not a trailing /*: write a regular expression after ^",
            "3:36: '*' is not a path: begin with / or, for a regular expression, with ^",
            "3:41: '/a?b=1' has a ? or #: a path is matched without its query, use query:",
            "3:51: not a regular expression: missing ): ^/(a: correct it (the syntax is RE2's)",
        )

    def test_a_lookahead(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - match: {path: "^/(?!admin)"}
                echo: {}
            """,
            "3:19: lookaheads, lookbehinds and backreferences are not supported: write the expression without",
        )

    def test_a_backreference(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - match: {path: "^/(a)/\\\\1"}
                echo: {}
            """,
            "3:19: lookaheads, lookbehinds and backreferences are not supported: write the expression without",
        )

    def test_hosts(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - match: {host: ["*", "a.*", "*.*.a", "a:80", "a/b", "ä.de", "a b", "^(", "*.ok.example", "127.0.0.1", "[::1]", "-a.b"]}
                echo: {}
            """,
            "3:20: '*' is no host: leave host out to match every one, or write *.example.com",
            "3:25: 'a.*' has a * that is not its first label: write *.example.com, or ^ and an expression",
            "3:32: '*.*.a' has a * that is not its first label: write *.example.com, or ^ and an expression",
            "3:41: 'a:80' has a port: a host is matched without its port, write only the name",
            "3:49: 'a/b' is not a host: write only the name, such as example.com",
            "3:56: 'ä.de' is not ASCII: write its xn-- form",
            "3:64: 'a b' is not a host: write a name such as example.com or *.example.com",
            "3:71: not a regular expression: missing ): ^(: correct it (the syntax is RE2's)",
            "3:115: '-a.b' is not a host: write a name such as example.com or *.example.com",
        )

    def test_methods_and_values(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - match: {methods: [get, "A B"], headers: {"a b": x, X: "^["}, query: {"a b": "^(?=x)"}, cookies: {"a;": y}, client_ip: 10.0.0.0/8}
                echo: {}
            """,
            "3:23: 'get' is not a method: write it in capitals, such as GET",
            "3:28: 'A B' is not a method: write it in capitals, such as GET",
            "3:46: 'a b' is not a name for headers: write letters, digits and -",
            "3:59: not a regular expression: missing ]: [: correct it (the syntax is RE2's)",
            "3:81: lookaheads, lookbehinds and backreferences are not supported: write the expression without",
            "3:102: 'a;' is not a name for cookies: write letters, digits and -",
        )

    def test_under_not(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - match: {not: {path: x, host: "*"}}
                echo: {}
            """,
            "3:25: 'x' is not a path: begin with / or, for a regular expression, with ^",
            "3:34: '*' is no host: leave host out to match every one, or write *.example.com",
        )

    def test_a_list_of_matches(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - match: [{path: /a}, {path: b}]
                echo: {}
            """,
            "3:32: 'b' is not a path: begin with / or, for a regular expression, with ^",
        )
