"""Secrets in files."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

from tests.config.case import ConfigCase


class Secrets(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_missing_files(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - middlewares: [auth]
                backend: {url: "http://127.0.0.1:1", sticky: {secret: {file: cookie.key}}}
            middlewares:
              auth: {type: jwt, secret: {file: keys/jwt}}
            """,
            "4:66: the file cookie.key cannot be read: No such file or directory: check the path and its mode",
            "6:36: the file keys/jwt cannot be read: No such file or directory: check the path and its mode",
        )

    def test_readable_by_others(self) -> None:
        self.write("cookie.key", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0o644)
        self.write("keys/jwt", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n", 0o640)
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - middlewares: [auth]
                backend: {url: "http://127.0.0.1:1", sticky: {secret: {file: cookie.key}}}
            middlewares:
              auth: {type: jwt, secret: {file: keys/jwt}}
            """,
            "4:66: warning: the file cookie.key can be read by other users: run chmod 600 cookie.key",
            "6:36: warning: the file keys/jwt can be read by other users: run chmod 600 keys/jwt",
        )

    def test_empty_and_binary(self) -> None:
        self.write("cookie.key", "\n", 0o600)
        self.write("keys/jwt", b"\xff\xfe", 0o600)
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - middlewares: [auth]
                backend: {url: "http://127.0.0.1:1", sticky: {secret: {file: cookie.key}}}
            middlewares:
              auth: {type: jwt, secret: {file: keys/jwt}}
            """,
            "4:66: the file cookie.key is empty: write the secret into it",
            "6:36: the file keys/jwt is not UTF-8 text: write the secret as text",
        )

    def test_a_file_where_no_secret_stands(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080}]
            routes:
              - respond: {body: {file: x}}
            """,
            "3:21: not text: write one word, or text in quotes",
        )
