"""What is said about TOML that cannot be read, and where its keys and values are."""

from __future__ import annotations

from tests.config.case import ConfigCase


class TOML(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_empty(self) -> None:
        self.says(
            "",
            "1:1: the key 'listeners' is missing: add listeners:",
            file="a.toml",
        )

    def test_no_value(self) -> None:
        self.says(
            "listeners =\n",
            "1:12: not TOML: invalid value: check the quotes, the brackets and the = before this place",
            file="a.toml",
        )

    def test_an_open_string(self) -> None:
        self.says(
            'a = "x\n',
            "1:7: not TOML: illegal character '\\n': check the quotes, the brackets and the = before this place",
            file="a.toml",
        )

    def test_an_open_table(self) -> None:
        self.says(
            """
            [listeners
            port = 1
            """,
            "1:11: not TOML: expected ']' at the end of a table declaration: check the quotes, the brackets and the = before this place",
            file="a.toml",
        )

    def test_a_duplicate_key(self) -> None:
        self.says(
            """
            a = 1
            a = 2
            """,
            "2:6: not TOML: cannot overwrite a value: check the quotes, the brackets and the = before this place",
            file="a.toml",
        )

    def test_a_date(self) -> None:
        self.says(
            """
            [[listeners]]
            protocol = "tcp"
            port = 2026-01-01
            echo = {}
            """,
            "3:8: not a port: write a number from 0 to 65535",
            file="a.toml",
        )

    def test_places_in_arrays_of_tables(self) -> None:
        self.says(
            """
            # comment [not] = "a table"
            [[listeners]]
            protocol = "http"
            port = 8080

            [[listeners]]
              protocol = "tcp"
              "port" = 99999   # too many
              backend = 'db'

            [[routes]]
            match.path = "/a"
            match.hots = "x"
            respond = { status = 204, body = \"""
            multi "quoted" ""\\" [[x]] \""", headers = { "X A" = "1" } }

            [backends.db]
            servers = [
              "tcp://127.0.0.1:1",  # ] not the end
              { url = "tcp://127.0.0.1", weight = 1 },
              '''x'y''',
            ]
            [backends.db.timeouts]
            connect = "5 parsecs"
            """,
            "8:12: not a port: write a number from 0 to 65535",
            "13:7: unknown key 'hots': did you mean 'host'?",
            "24:11: not a duration: write a number with a unit, such as 250ms, 10s, 5m or 1h",
            file="a.toml",
        )

    def test_a_table_of_a_listener(self) -> None:
        self.says(
            """
            [[listeners]]
            protocol = "udp"
            port = 53
            backend = "dns"
            [listeners.timeouts]
            idle = "1s"
            [backends]
            [backends.dns]
            url = "udp://127.0.0.1:5300"
            """,
            "6:1: unknown key 'idle': known here: handshake, head, body, keepalive, write",
            file="a.toml",
        )
