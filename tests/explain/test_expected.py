"""Tests of a configuration: what fails is told with its place, and what came instead."""
# ruff: noqa: E501 (a test and what is said of it are one line here too)

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.explain.case import ExplainCase
from toron.config.place import Invalid
from toron.explain.expected import run_tests
from toron.middleware import add_prefix

HEAD = """
listeners:
  - {protocol: http, port: 80, guards: [{deny: [192.0.2.0/24]}]}
  - {protocol: sni, port: 443, routes: [{name: db, match: {sni: db.test}, backend: db}]}
routes:
  - {name: api, match: {path: /api}, middlewares: [{jwt: {secret: 0123456789abcdef0123456789abcdef}}], backend: app}
  - {name: old, match: {path: /old}, redirect: {to: /new, status: 301}}
  - {name: page, match: {path: /page}, respond: {status: 203, headers: {X-A: b}}}
  - {name: wait, match: {path: /wait}, middlewares: [{add-prefix: /x}], respond: {}}
  - {backend: app}
backends:
  app: {url: "http://127.0.0.1:9000"}
  db: {url: "tcp://127.0.0.1:9001"}
tests:
"""


class Tests(ExplainCase):
    def failures(self, *tests: str) -> list[str]:
        """Lines of the tests are counted from 1."""
        loaded = self.loaded(HEAD.lstrip("\n") + "".join(f"  - {test}\n" for test in tests))
        above = HEAD.count("\n") - 1
        return [f"{each.line - above}:{each.column}: {each.message}" for each in run_tests(loaded)]

    def test_all_is_as_expected(self) -> None:
        self.assertEqual(
            self.failures(
                "{request: 'http://a/old', expect: {route: old, status: 301, headers: {Location: /new, X-A: false}}}",
                "{request: 'http://a/page', expect: {status: 203, headers: {x-a: ^b$, Content-Type: false}}}",
                "{request: 'http://a/api', expect: {route: api, status: 401, reason: token_missing}}",
                "{request: {url: 'http://a/', method: POST, headers: {A: [b, c], D: 1}}, expect: {backend: app}}",
                "{request: {url: 'http://a/', client: 192.0.2.1}, expect: {reason: address_denied}}",
                "{request: 'tls://db.test', expect: {route: db, backend: db}}",
                "{request: 'tls://x.test', expect: {reason: no_route}}",
                "{request: {url: 'https://db.test', listener: sni-443}, expect: {route: db}}",
                "{request: 'tcp://a:9', expect: {reason: no_listener}}",
            ),
            [],
        )

    def test_what_came_instead(self) -> None:
        self.assertEqual(
            self.failures(
                "{request: 'http://a/old', expect: {route: page, status: 302, headers: {Location: /other}}}",
                "{request: 'http://a/page', expect: {headers: {X-B: true, X-A: false}}}",
                "{request: 'http://a/api', expect: {backend: app}}",
                "{request: 'http://a/x', expect: {reason: no_route, backend: db}}",
                "{request: {url: 'http://a/', client: 192.0.2.1}, expect: {route: api}}",
                "{request: 'tls://x.test', expect: {route: db}}",
            ),
            [
                "1:47: expected 'page', and 'old' came: the route 'old' at line 6 takes it",
                "1:61: expected 302, and 301 came: the route 'old' at line 6 takes it",
                "1:86: expected '/other', and '/new' came: the route 'old' at line 6 takes it",
                "2:56: expected 'any value', and nothing came: the route 'page' at line 7 takes it",
                "2:67: expected 'no such field', and 'b' came: the route 'page' at line 7 takes it",
                "3:49: expected 'app', and nothing came: refused by jwt at line 5: token_missing (no bearer token)",
                "4:46: expected 'no_route', and nothing came: the route '5:*/' at line 9 takes it",
                "4:65: expected 'db', and 'app' came: the route '5:*/' at line 9 takes it",
                "5:70: expected 'api', and nothing came: refused by deny at line 2: address_denied",
                "6:47: expected 'db', and nothing came: refused: no_route (x.test)",
            ],
        )

    def test_what_only_a_server_knows(self) -> None:
        said = (
            "the {0} can not be known offline, for a server of 'app' is asked: expect a route or a backend"
            " here, or the {0} of what the gateway answers itself"
        )
        self.assertEqual(
            self.failures("{request: 'http://a/x', expect: {status: 200, headers: {X-A: b}}}"),
            [
                f"1:46: {said.format('status')}",
                f"1:66: {said.format('headers')}",
            ],
        )

    def test_what_is_not_known_offline(self) -> None:
        async def waits(request: object, service: object) -> None:
            await Deferred()

        self.patch(add_prefix, "make", lambda *_: waits)
        [said] = self.failures("{request: 'http://a/wait', expect: {route: wait, status: 404}}")
        self.assertRegex(
            said, r"^1:62: the status can not be known offline: what add-prefix says is not \(.+\)$"
        )

    def test_what_can_not_be_asked(self) -> None:
        self.assertEqual(
            self.failures(
                "{request: 'ftp://a', expect: {route: x}}",
                "{request: {url: 'http://a', listener: x}, expect: {route: x}}",
                "{request: 'http://a/page', expect: {headers: {X-A: ^(}}}",
            ),
            [
                "1:15: 'ftp://a' is not asked about: write a URL with http://, https://, tcp://, tls:// or udp://",
                "2:15: there is no listener 'x': there are http-80, sni-443",
                "3:56: '^(' is not a regular expression (in RE2's syntax): missing ): ^(",
            ],
        )

    def test_the_shape(self) -> None:
        for test, said in (
            ("{request: 'http://a', expect: {}}", "nothing is expected: write route, status, headers"),
            ("{request: 'http://a'}", "the key 'expect' is missing"),
            ("{request: 'http://a', expect: {state: 200}}", "unknown key 'state'"),
            ("{request: 'http://a', expect: {status: 100}}", "too small: write a number from 200"),
        ):
            self.assertIn(said, str(self.assertRaises(Invalid, self.failures, test)))

    def test_without_tests_nothing_is_composed(self) -> None:
        loaded = self.loaded(HEAD.replace("tests:\n", "").replace("0123456789abcdef0", ""))
        self.assertEqual(run_tests(loaded), [])
