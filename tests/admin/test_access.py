"""Who may use the API."""

from __future__ import annotations

from typing import Any

from tests.admin.case import CONFIG, TOKEN, ApiCase, Got
from toron.admin.access import ADDRESSES, FAILURES, SLOW, WITHIN

BEARER = f"Bearer {TOKEN}"
AWAY = "192.0.2.1"


class WithoutToken(ApiCase):
    def test_whoever_is_on_this_machine(self) -> None:
        self.assertEqual(self.ask("GET /status").status, 200)
        self.assertEqual(self.ask("GET /status", authorization="Bearer of news").status, 200)

    def test_nobody_where_others_could_come(self) -> None:
        self.serve(CONFIG, loopback=False)
        self.refused(403, "no_token_set", "GET /status", ip=AWAY)
        self.refused(403, "no_token_set", "GET /status", ip="127.0.0.1")


class WithToken(ApiCase):
    config = CONFIG.replace("admin: {}", f"admin: {{token: {TOKEN}}}")

    def wrong(self, authorization: str, ip: str = "127.0.0.1") -> Got:
        """A wrong token, whose answer takes its time."""
        asked = self.begin("GET /status", ip=ip, authorization=authorization)
        self.assertNoResult(asked)
        self.reactor.advance(SLOW)
        page = self.successResultOf(asked)
        return Got(page.status, dict(page.headers), page.body)

    def test_with_it(self) -> None:
        for said in (BEARER, f"bearer {TOKEN}", f"Bearer   {TOKEN}"):
            self.assertEqual(self.ask("GET /status", authorization=said).status, 200)
        self.serve(self.config, loopback=False)
        self.assertEqual(self.ask("GET /status", ip=AWAY, authorization=BEARER).status, 200)

    def test_without_it_not_even_on_this_machine(self) -> None:
        got = self.refused(401, "token_missing", "GET /status")
        self.assertEqual(got.headers["www-authenticate"], 'Bearer realm="toron"')
        self.refused(401, "token_missing", "GET /nothing-that-is-there")

    def test_wrong_ones(self) -> None:
        for said in (
            f"Basic {TOKEN}",
            TOKEN,
            f"Bearer {TOKEN[:-1]}",
            f"Bearer {TOKEN}x",
            "Bearer",
            "Bearer \xff\u20ac",
        ):
            self.assertEqual(self.wrong(said).status, 401, said)
        entries = [(entry.who, entry.status) for entry in self.api.audit.latest(10)]
        self.assertEqual(entries, [("?", 401)], "the first of them, and then each tenth")

    def test_who_guesses_from_another_machine_is_not_heard_for_a_while(self) -> None:
        for _ in range(FAILURES):
            self.assertEqual(self.wrong("Bearer guess", AWAY).status, 401)
        got = self.refused(429, "too_many_failures", "GET /status", ip=AWAY, authorization=BEARER)
        self.assertEqual(got.headers["retry-after"], "60")
        self.assertEqual(self.ask("GET /status", ip="192.0.2.2", authorization=BEARER).status, 200)
        self.reactor.advance(WITHIN)
        self.assertEqual(self.ask("GET /status", ip=AWAY, authorization=BEARER).status, 200)
        self.assertEqual(self.wrong("Bearer guess", AWAY).status, 401, "it begins anew")

    def test_on_this_machine_it_only_takes_its_time(self) -> None:
        for _ in range(FAILURES + 1):
            self.wrong("Bearer guess")
        self.assertEqual(self.ask("GET /status", authorization=BEARER).status, 200)

    def test_an_address_is_forgotten_for_another(self) -> None:
        failed: Any = self.api.access._failed
        for number in range(ADDRESSES):
            failed[str(number)] = (1, 1e9)
        self.wrong("Bearer guess", AWAY)
        self.assertEqual(len(failed), ADDRESSES)
        self.assertNotIn("0", failed)

    def test_another_token_after_a_reload(self) -> None:
        self.write(self.config.replace(TOKEN, "another-token-0123"))
        self.assertEqual(self.ask("POST /reload", authorization=BEARER).status, 200)
        self.assertEqual(self.wrong(BEARER).status, 401)
        self.assertEqual(self.ask("GET /status", authorization="Bearer another-token-0123").status, 200)


class SwitchedOff(ApiCase):
    config = CONFIG.replace("admin: {}", "admin: {api: false}")

    def test_nothing_is_there(self) -> None:
        self.refused(404, "no_api", "GET /status")
