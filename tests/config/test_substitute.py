"""Variables in strings."""

from __future__ import annotations

from tests.config.case import ConfigCase


class Variables(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_an_unset_variable(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: "${PORT}"}]
            routes: [{echo: {}}]
            """,
            "1:36: the variable PORT is not set: set it, or write ${PORT:-default}",
        )

    def test_a_set_variable_that_is_no_port(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: "${PORT}"}]
            routes: [{echo: {}}]
            """,
            "1:36: not a port: write a number from 0 to 65535",
            environ={"PORT": "http"},
        )

    def test_a_number_that_is_no_port(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: "${PORT}"}]
            routes: [{echo: {}}]
            """,
            "1:36: not a port: write a number from 0 to 65535",
            environ={"PORT": "99999"},
        )

    def test_not_the_name_of_a_variable(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - respond: {body: "a ${1x} b ${Y"}
              - {redirect: "/${1}", match: {path: /x}}
            """,
            "3:21: not a variable: write ${NAME} or ${NAME:-default}, or $${ where ${ is meant",
            "4:16: not a variable: write ${NAME} or ${NAME:-default}, or $${ where ${ is meant",
        )

    def test_a_variable_in_a_key(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - respond: {headers: {"X-${NAME}": a}}
            """,
            "3:25: a variable in the key 'X-${NAME}': variables are for values, write the key out",
        )

    def test_two_unset_variables_in_one_string(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - backend: {url: "http://${HOST}:${PORT}"}
            """,
            "3:20: the variable HOST is not set: set it, or write ${HOST:-default}",
            "3:20: the variable PORT is not set: set it, or write ${PORT:-default}",
        )
