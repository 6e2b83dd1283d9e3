"""Routes that can never match."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

from tests.config.case import ConfigCase


class Shadows(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_the_same_twice(self) -> None:
        self.says(
            """
            listeners: [{name: a, protocol: http, port: 1}, {name: b, protocol: http, port: 2}]
            routes:
              - {match: {path: /a}, echo: {}}
              - {match: {path: /b}, echo: {}}
              - {match: {path: /a}, echo: {}}
            """,
            "5:5: never matches, the route at line 3 takes all of it: take one out, or change priority",
        )

    def test_no_match_twice(self) -> None:
        self.says(
            """
            listeners: [{name: a, protocol: http, port: 1}, {name: b, protocol: http, port: 2}]
            routes:
              - {name: x, echo: {}}
              - {name: y, echo: {}}
            """,
            "4:5: never matches, the route at line 3 takes all of it: take one out, or change priority",
        )

    def test_more_specific_is_asked_first(self) -> None:
        self.says(
            """
            listeners: [{name: a, protocol: http, port: 1}, {name: b, protocol: http, port: 2}]
            routes:
              - {match: {path: /}, echo: {}}
              - {match: {path: /a}, echo: {}}
              - {match: {path: /a, methods: [GET]}, echo: {}}
              - {match: {host: a.b}, echo: {}}
              - {name: rest, echo: {}}
            """,
        )

    def test_a_wider_one_with_priority(self) -> None:
        self.says(
            """
            listeners: [{name: a, protocol: http, port: 1}, {name: b, protocol: http, port: 2}]
            routes:
              - {match: {path: /a}, priority: 1, echo: {}}
              - {match: {path: /a/b}, echo: {}}
              - {match: {path: "/a/b/*", methods: [GET]}, echo: {}}
              - {match: {path: /ab}, echo: {}}
              - {match: {host: x.y, path: /a/c}, echo: {}}
            """,
            "4:5: never matches, the route at line 3 takes all of it: take one out, or change priority",
            "5:5: never matches, the route at line 3 takes all of it: take one out, or change priority",
            "7:5: never matches, the route at line 3 takes all of it: take one out, or change priority",
        )

    def test_a_wildcard_with_priority(self) -> None:
        self.says(
            """
            listeners: [{name: a, protocol: http, port: 1}, {name: b, protocol: http, port: 2}]
            routes:
              - {match: {host: "*.x.y"}, priority: 1, echo: {}}
              - {match: {host: A.x.y}, echo: {}}
              - {match: {host: a.b.x.y}, echo: {}}
            """,
            "4:5: never matches, the route at line 3 takes all of it: take one out, or change priority",
        )

    def test_a_later_one_with_priority(self) -> None:
        self.says(
            """
            listeners: [{name: a, protocol: http, port: 1}, {name: b, protocol: http, port: 2}]
            routes:
              - {match: {path: /a}, echo: {}}
              - {match: {path: /a}, priority: 5, echo: {}}
            """,
            "3:5: never matches, the route at line 4 takes all of it: take one out, or change priority",
        )

    def test_other_listeners(self) -> None:
        self.says(
            """
            listeners: [{name: a, protocol: http, port: 1}, {name: b, protocol: http, port: 2}]
            routes:
              - {match: {path: /a}, listeners: a, echo: {}}
              - {match: {path: /a}, listeners: b, echo: {}}
              - {match: {path: /a}, echo: {}}
            """,
        )

    def test_fewer_listeners(self) -> None:
        self.says(
            """
            listeners: [{name: a, protocol: http, port: 1}, {name: b, protocol: http, port: 2}]
            routes:
              - {match: {path: /a}, echo: {}}
              - {match: {path: /a}, listeners: b, echo: {}}
            """,
            "4:5: never matches, the route at line 3 takes all of it: take one out, or change priority",
        )

    def test_the_one_that_is_asked_first_is_named(self) -> None:
        self.says(
            """
            listeners: [{name: a, protocol: http, port: 1}, {name: b, protocol: http, port: 2}]
            routes:
              - {match: {path: /a}, priority: 3, echo: {}}
              - {match: {path: /a}, priority: 2, echo: {}}
              - {match: {path: /a}, priority: 1, listeners: [a], echo: {}}
              - {match: {path: /a}, priority: 4, listeners: [b, a], echo: {}}
              - {match: {path: /a}, priority: 4, listeners: [a], echo: {}}
            """,
            "3:5: never matches, the route at line 4 takes all of it: take one out, or change priority",
            "6:5: never matches, the route at line 4 takes all of it: take one out, or change priority",
            "7:5: never matches, the route at line 4 takes all of it: take one out, or change priority",
        )

    def test_listeners_of_several(self) -> None:
        self.says(
            """
            listeners: [{name: a, protocol: http, port: 1}, {name: b, protocol: http, port: 2}, {name: c, protocol: http, port: 3}]
            routes:
              - {match: {path: /a}, listeners: [a, b], echo: {}}
              - {match: {path: /a}, listeners: [b, a], echo: {}}
              - {match: {path: /a}, listeners: [b], echo: {}}
              - {match: {path: /a}, listeners: [b, c], echo: {}}
            """,
            "4:5: never matches, the route at line 3 takes all of it: take one out, or change priority",
            "5:5: never matches, the route at line 3 takes all of it: take one out, or change priority",
        )

    def test_other_conditions(self) -> None:
        self.says(
            """
            listeners: [{name: a, protocol: http, port: 1}, {name: b, protocol: http, port: 2}]
            routes:
              - {match: {path: /a, headers: {X: "1"}}, echo: {}}
              - {match: {path: /a, headers: {X: "2"}}, echo: {}}
              - {match: {path: /a, query: {q: true}}, echo: {}}
              - {match: {path: /a, not: {host: b}}, echo: {}}
              - {match: {path: /a, not: {host: c}}, echo: {}}
            """,
        )

    def test_the_same_conditions_in_another_order(self) -> None:
        self.says(
            """
            listeners: [{name: a, protocol: http, port: 1}, {name: b, protocol: http, port: 2}]
            routes:
              - {match: {path: [/a, /b], methods: [GET, POST]}, echo: {}}
              - {match: {path: /b, methods: [POST, GET]}, echo: {}}
            """,
            "4:5: never matches, the route at line 3 takes all of it: take one out, or change priority",
        )

    def test_taken_by_two_together(self) -> None:
        self.says(
            """
            listeners: [{name: a, protocol: http, port: 1}, {name: b, protocol: http, port: 2}]
            routes:
              - {match: {path: /a}, echo: {}}
              - {match: {path: /b}, echo: {}}
              - {match: {path: [/b, /a]}, echo: {}}
              - {match: {path: [/b, /c]}, echo: {}}
            """,
            "5:5: never matches, the route at lines 3, 4 takes all of it: take one out, or change priority",
        )
