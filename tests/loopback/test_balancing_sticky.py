"""A cookie keeps curl on one server, tells nothing of it, and cannot be made up."""

from __future__ import annotations

from tests.loopback.peers import CountingBackend, Gateway, LoopbackTestCase, run
from tests.loopback.web import answer, ask

CONFIG = """
listeners: [{{protocol: http, address: 127.0.0.1, port: @PORT@}}]
routes: [{{backend: web}}]
backends:
  web:
    servers: ["http://127.0.0.1:{0}", "http://127.0.0.1:{1}", "http://127.0.0.1:{2}"]
    sticky: {{cookie: stuck, ttl: 300s, secret: [{secret}]}}
"""


class Sticky(LoopbackTestCase):
    """Three servers that answer with their own letter, balanced in turn."""

    def setUp(self) -> None:
        self.backends = [self.start(CountingBackend(answer(letter))) for letter in "abc"]
        self.gateway = self.serve("0123456789abcdef0123456789abcdef")
        self.jar = self.gateway.folder / "jar"

    def serve(self, secret: str) -> Gateway:
        return self.start(Gateway(CONFIG.format(*[each.port for each in self.backends], secret=secret)))

    def curl(self, *options: str, gateway: Gateway | None = None) -> str:
        url = f"http://127.0.0.1:{(gateway or self.gateway).port}/"
        got = run("curl", "-sS", "-c", str(self.jar), "-b", str(self.jar), *options, url)
        self.assertEqual(got.returncode, 0, got.stderr)
        return got.stdout.decode()

    def value(self) -> str:
        (line,) = [line for line in self.jar.read_text().splitlines() if "\tstuck\t" in line]
        return line.split("\t")[-1]

    def test_without_the_cookie_in_turn(self) -> None:
        self.assertEqual([ask(self.gateway.port).text for _ in range(6)], [*"abcabc"])

    def test_with_it_on_one_server(self) -> None:
        self.curl()
        letter = self.curl()
        value = self.value()
        self.assertEqual([self.curl() for _ in range(5)], [letter] * 5)
        self.assertEqual(self.value(), value, "it is set once")

    def test_what_the_cookie_looks_like(self) -> None:
        cookie = ask(self.gateway.port).headers["set-cookie"]
        name, _, rest = cookie.partition("=")
        self.assertEqual(
            (name, rest.partition("; ")[2]), ("stuck", "Path=/; Max-Age=300; HttpOnly; SameSite=Lax")
        )
        self.assertNotIn(str(self.backends[0].port), cookie)

    def test_servers_do_not_see_it(self) -> None:
        self.curl()
        self.curl("-b", f"stuck={self.value()}; other=1")
        received = b"".join(bytes(c.received) for backend in self.backends for c in backend.conversations)
        self.assertIn(b"other=1", received)
        self.assertNotIn(b"stuck", received)

    def test_a_tampered_one_is_ignored(self) -> None:
        first = ask(self.gateway.port).headers["set-cookie"].partition(";")[0]
        changed = first[:-1] + ("A" if first[-1] != "A" else "B")
        for cookie in (changed, "stuck=", "stuck=YWJj", "stuck=" + "A" * 80):
            got = [ask(self.gateway.port, headers={"Cookie": cookie}) for _ in range(3)]
            self.assertEqual({each.text for each in got}, {"a", "b", "c"}, cookie)
            self.assertTrue(all("set-cookie" in each.headers for each in got))

    def test_another_gateway_with_the_secret_knows_it(self) -> None:
        letter = self.curl()
        other = self.serve("ffffffffffffffffffffffffffffffff, 0123456789abcdef0123456789abcdef")
        self.assertEqual([self.curl(gateway=other) for _ in range(4)], [letter] * 4)
        stranger = self.serve("ffffffffffffffffffffffffffffffff")
        cookie = {"Cookie": f"stuck={self.value()}"}
        self.assertEqual({ask(stranger.port, headers=cookie).text for _ in range(3)}, {"a", "b", "c"})

    def test_a_dead_server_is_picked_anew(self) -> None:
        letter = self.curl()
        value = self.value()
        self.backends["abc".index(letter)].close()
        other = self.curl()
        self.assertNotEqual(other, letter)
        self.assertNotEqual(self.value(), value)
        self.assertEqual([self.curl() for _ in range(4)], [other] * 4)
