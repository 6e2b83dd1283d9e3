"""Who could use the admin port."""

from __future__ import annotations

from tests.config.case import ConfigCase

LISTENER = "listeners: [{protocol: tcp, port: 80, echo: {}}]\n"
TOKEN = "0123456789abcdef"
OPEN = (
    "2:18: the admin API would be open to other machines: write 127.0.0.1, or set token:, or write "
    "api: false to serve metrics and readiness only"
)
WARNING = "2:18: warning: the admin port is open to other machines: write 127.0.0.1 to keep it to this one"
MAKE = "write one such as `openssl rand -hex 32` prints"


class CheckAdmin(ConfigCase):
    def test_only_this_machine(self) -> None:
        for address in ("127.0.0.1", "127.8.8.8", '"::1"'):
            self.says(f"{LISTENER}admin: {{address: {address}}}\n")

    def test_other_machines_without_a_token(self) -> None:
        for address in ("0.0.0.0", "192.0.2.1", '"::"'):
            self.says(f"{LISTENER}admin: {{address: {address}}}\n", OPEN)

    def test_other_machines_with_one(self) -> None:
        self.says(f"{LISTENER}admin: {{address: 0.0.0.0, token: {TOKEN}}}\n", WARNING)

    def test_other_machines_without_the_api(self) -> None:
        self.says(f"{LISTENER}admin: {{address: 0.0.0.0, api: false}}\n", WARNING)

    def test_tokens_that_are_none(self) -> None:
        admin = f"{LISTENER}admin: {{token: %s}}\n"
        self.says(admin % TOKEN[:-1], f"2:16: the token has 15 characters, and needs 16: {MAKE}")
        for token in (f"'{TOKEN} {TOKEN}'", f"ü{TOKEN}", f"'={TOKEN}'", f"'{TOKEN}\"'"):
            self.says(admin % token, f"2:16: the token has characters that a client can not send: {MAKE}")
        for token in (TOKEN + "==", TOKEN + "-._~+/"):
            self.says(admin % f"'{token}'")

    def test_a_token_in_a_file(self) -> None:
        self.write("token", TOKEN + "\n")
        self.says(f"{LISTENER}admin: {{address: 0.0.0.0, token: {{file: token}}}}\n", WARNING)
        self.write("token", "short\n")
        self.says(
            f"{LISTENER}admin: {{token: {{file: token}}}}\n",
            f"2:16: the token has 5 characters, and needs 16: {MAKE}",
        )
