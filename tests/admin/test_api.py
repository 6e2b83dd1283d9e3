"""What is the same for every endpoint: bad requests, conditions, turns, and what is written down."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from tests.admin.case import CONFIG, ApiCase
from toron.admin.api import BODY_LIMIT
from toron.admin.router import endpoints

DRAIN = "POST /backends/api/servers/127.0.0.1:1/drain"


class Requests(ApiCase):
    """Each kind of bad request, once."""

    def test_paths_and_methods(self) -> None:
        got = self.refused(404, "unknown_path", "GET /nothing")
        self.assertIn("/api/v1/status", got.body["known"])
        self.refused(404, "unknown_path", "GET ")
        got = self.refused(405, "wrong_method", "DELETE /config")
        self.assertEqual(got.headers["allow"], "GET, POST, HEAD")
        self.refused(405, "wrong_method", "OPTIONS /status")

    def test_queries(self) -> None:
        got = self.refused(400, "bad_query", "GET /connections?colour=red")
        self.assertIn("listener", got.body["known"])
        self.refused(400, "bad_query", "GET /status?x")
        self.refused(400, "bad_query", "GET /connections?limit=many")
        self.refused(400, "bad_query", "GET /connections?limit=-1")
        self.refused(400, "bad_query", "GET /connections?limit=1001")
        self.refused(400, "bad_query", "GET /audit?limit=1001")
        self.refused(400, "bad_query", "GET /routes?offset=-1")
        self.refused(400, "bad_query", "GET /routes?limit=1e9")

    def test_content_types(self) -> None:
        """Those that a form of a web page can send are among them."""
        for kind in (
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "json",
        ):
            got = self.refused(415, "wrong_content_type", DRAIN, "{}", content_type=kind)
            self.assertEqual(got.headers["accept-post"], "application/json")
        self.refused(415, "wrong_content_type", "POST /config", "{}", content_type="text/plain")
        self.refused(415, "wrong_content_type", "POST /reload", "a: 1", content_type="application/yaml")
        self.assertFalse(self.composition.groups[0].backend.servers[0].draining)
        self.assertEqual(self.ask(DRAIN, content_type="Application/JSON; charset=utf-8").status, 200)

    def test_bodies(self) -> None:
        for body in ("{", "[]", '{"a": 1}', "null", b"\xff", "{}{}"):
            self.refused(400, "bad_body", DRAIN, body)
        self.refused(413, "too_large", "POST /config", too_large=True)
        self.refused(503, "busy", "POST /config", let_go=True)
        self.assertEqual(BODY_LIMIT, 16 * 1024 * 1024)
        for body in ("", "{}", " { } "):
            self.assertEqual(self.ask(DRAIN, body).status, 200)

    def test_head(self) -> None:
        self.assertEqual(self.ask("HEAD /status").status, 200)
        self.refused(405, "wrong_method", f"HEAD {DRAIN.partition(' ')[2]}")

    def test_a_mistake_of_ours(self) -> None:
        def broken() -> Any:
            raise RuntimeError("out of paper")

        self.patch(self.gateway, "refresh", broken)
        self.refused(500, "failed", "GET /status")
        (error,) = self.flushLoggedErrors(RuntimeError)
        self.assertEqual(error.value.args, ("out of paper",))


class Anything(ApiCase):
    """Whatever is asked, the answer is as its schema says, and never that something went wrong."""

    PATHS = tuple(each.path for each in endpoints())
    parts = st.sampled_from(
        ("api", "dns", "127.0.0.1:1", "127.0.0.1%3A2", "%2F", "%", "\xfc", "{backend}", "..")
    )

    @settings(max_examples=150, deadline=None)
    @given(
        method=st.sampled_from(("GET", "HEAD", "POST", "PUT", "OPTIONS", "\0")),
        path=st.sampled_from(PATHS) | st.text(max_size=20).map("/".__add__),
        names=st.lists(parts, min_size=2, max_size=2),
        query=st.sampled_from(("", "limit=1", "limit=-1", "limit=\xff", "backend=api", "&&=;", "offset=9")),
        media=st.sampled_from(
            ("application/json", "application/yaml", "application/toml", "text/plain", "", ";")
        ),
        body=st.sampled_from((b"", b"{}", b"{", b"[1]", b"\xff\x00", b'{"listeners": 5}'))
        | st.binary(max_size=20),
    )
    def test_anything(
        self, method: str, path: str, names: list[str], query: str, media: str, body: bytes
    ) -> None:
        backend, server = names
        asked = (
            path.replace("{backend}", backend).replace("{server}", server).replace("?", "").replace(" ", "")
        )
        got = self.ask(f"{method} {asked}?{query}", body, content_type=media)
        self.assertIn(got.status, {200, 400, 404, 405, 409, 415, 422})


class Conditions(ApiCase):
    """If-Match and If-None-Match are about the configuration that serves."""

    def test_what_the_client_knows_is_old(self) -> None:
        now = self.ask("GET /config").headers["etag"]
        other = CONFIG.replace("rest", "other")
        got = self.refused(
            412, "stale", "POST /config", other, content_type="application/yaml", if_match='"x"'
        )
        self.assertEqual(got.headers["etag"], now)
        self.refused(412, "stale", DRAIN, if_match='"x"')
        self.refused(412, "stale", "POST /reload", if_match='W/"x", "y"')
        self.assertEqual(self.reload.source, "file")

    def test_it_is_old_before_its_turn_comes(self) -> None:
        now = self.ask("GET /config").headers["etag"]
        self.root.opened = False
        self.write(CONFIG.replace("rest", "of the file"))
        self.reload.ask()
        sent = CONFIG.replace("rest", "sent")
        late = self.begin("POST /config", sent, content_type="application/yaml", if_match=now)
        self.root.opened = True
        self.reactor.advance(1)
        for _ in range(200):
            self.reactor.advance(0)
        page = self.successResultOf(late)
        self.assertEqual(page.status, 412, page.body)
        found = self.ask("GET /config")
        self.assertEqual(dict(page.headers)["etag"], found.headers["etag"])
        self.assertEqual(found.body["routes"][-1]["respond"]["body"], "of the file")
        self.assertEqual(self.reload.stats.results, {"applied": 1, "rejected": 0})
        self.assertTrue(self.reload.stats.successful)

    def test_what_it_knows_is_true(self) -> None:
        now = self.ask("GET /config").headers["etag"]
        for condition in (now, f'"x", {now}', "*"):
            self.assertEqual(self.ask("POST /reload", if_match=condition).status, 200, condition)
        self.assertEqual(self.ask(DRAIN, if_match=now).status, 200)

    def test_what_it_has_already(self) -> None:
        now = self.ask("GET /config").headers["etag"]
        got = self.ask("GET /config", if_none_match=f'"x", W/{now}')
        self.assertEqual((got.status, got.headers["etag"], got.body), (304, now, ""))
        self.assertEqual(self.ask("GET /config", if_none_match='"x"').status, 200)

    def test_the_same_configuration_has_the_same_tag(self) -> None:
        now = self.ask("GET /config").headers["etag"]
        self.assertRegex(now, r'^"[0-9a-f]{32}"$')
        self.write("# said in other words\n" + CONFIG.replace("http://127.0.0.1:2", "HTTP://127.0.0.1:2"))
        self.write(CONFIG + "workers: 1\n")
        self.assertEqual(self.ask("POST /reload").headers["etag"], now)


class Turns(ApiCase):
    def test_one_change_after_the_other(self) -> None:
        gate: Deferred[str] = Deferred()
        etag = self.gateway.configuring.etag

        async def slow() -> str:
            await gate
            return await etag()

        self.patch(self.gateway.configuring, "etag", slow)
        first = self.begin("POST /reload")
        second = self.begin(DRAIN)
        self.assertEqual(self.ask("GET /servers").status, 200, "who looks need not wait")
        self.assertNoResult(second)
        gate.callback("")
        for _ in range(100):
            self.reactor.advance(0)
        self.assertEqual(
            (self.successResultOf(first).status, self.successResultOf(second).status), (200, 200)
        )

    def test_a_client_that_leaves_gives_its_turn_back(self) -> None:
        def gone(*_: object) -> None:
            raise KeyError("gone")

        self.patch(self.gateway, "refresh", gone)
        self.assertEqual(self.ask(DRAIN).status, 500)
        self.assertTrue(any(line.endswith("drain: 500 draining") for line in self.said), self.said)
        self.flushLoggedErrors(KeyError)
        self.patch(self.gateway, "refresh", type(self.gateway).refresh.__get__(self.gateway))
        self.assertEqual(self.ask(DRAIN).status, 200)


class Audited(ApiCase):
    def test_what_is_written_down(self) -> None:
        before = self.ask("GET /config").headers["etag"]
        self.ask(DRAIN)
        self.ask("POST /config", "nonsense", content_type="application/yaml")
        after = self.ask(
            "POST /config", CONFIG.replace("rest", "other"), content_type="application/yaml"
        ).headers["etag"]
        self.ask("POST /reload", content_type="text/plain")
        self.ask("GET /status")
        found = self.ask("GET /audit").body["entries"]
        self.assertEqual(
            [(each["what"], each["status"], each["result"]) for each in found],
            [
                ("POST /api/v1/reload", 415, "wrong_content_type"),
                ("POST /api/v1/config", 200, "applied"),
                ("POST /api/v1/config", 422, "rejected"),
                ("POST /api/v1/backends/api/servers/127.0.0.1:1/drain", 200, "draining"),
            ],
        )
        self.assertEqual((found[1]["before"], found[1]["after"]), (before, after))
        self.assertEqual((found[2]["before"], found[2]["after"]), (before, before))
        self.assertEqual({(each["who"], each["client"]) for each in found}, {("127.0.0.1", "127.0.0.1:7")})
        self.assertEqual(len([line for line in self.said if line.startswith("admin: ")]), 4)
        self.assertIn(
            f"admin: 127.0.0.1 from 127.0.0.1:7: POST /api/v1/config: 200 applied ({before} -> {after})",
            self.said,
        )
        self.assertEqual(len(self.ask("GET /audit?limit=1").body["entries"]), 1)
