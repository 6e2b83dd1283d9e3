"""Which listeners redirect to which."""

from __future__ import annotations

from tests.composing.composed import ComposedCase
from tests.middleware import finished
from toron.compose import Composition
from toron.core.message import Request
from toron.core.refusal import Refusal
from toron.wire.headers import Headers

CONFIG = """
listeners:
  - {name: plain, protocol: http, port: 80%s}
  - {name: one, protocol: https, port: 443, certificates: [{self_signed: one.example}]%s}
  - {name: two, protocol: https, port: 8443, certificates: [{self_signed: two.example}]%s}
routes:
  - {match: {path: /}, respond: {body: all}}
  - {match: {path: /here}, listeners: [plain], respond: {body: here}}
"""


class Doors(ComposedCase):
    def asked(self, made: Composition, host: bytes, path: bytes = b"/x") -> tuple[int, str, bytes | None]:
        """Of a request to the http listener: the status, the route, the Location."""
        request = Request(b"GET", path, Headers([(b"Host", host)]), host=host)
        site = made.doors.entrances["plain"].site
        assert site is not None
        try:
            response = finished(site.service(request))  # type: ignore[arg-type]
        except Refusal as refusal:
            return refusal.reason.status, request.route, None
        return response.status, request.route, response.headers.get(b"location")

    def bound(
        self, plain: str = "", one: str = "", two: str = "", before: Composition | None = None
    ) -> Composition:
        made = self.composition(CONFIG % (plain, one, two), before)
        for name, port in (("one", 1443), ("two", 2443)):
            site = made.doors.entrances[name].site
            assert site is not None
            site.port = port
        return made

    def test_nothing_is_redirected_that_is_not_asked_for(self) -> None:
        made = self.bound()
        self.assertEqual(self.asked(made, b"one.example")[:2], (200, "1:*/"))
        self.assertNotIn("redirect_http", made.routes.names)

    def test_one_that_asks(self) -> None:
        made = self.bound(one=", redirect_http: true")
        self.assertEqual(
            self.asked(made, b"one.example"), (301, "redirect_http", b"https://one.example:1443/x")
        )
        self.assertEqual(self.asked(made, b"two.example")[0], 404)
        self.assertIn("redirect_http", made.routes.names, "its numbers outlive a reload")
        self.assertEqual(self.asked(made, b"one.example", b"/here")[:2], (200, "2:*/here"))

    def test_the_http_listener_asks_for_all(self) -> None:
        made = self.bound(plain=", redirect_http: {port: 443}")
        for host in (b"one.example", b"two.example"):
            self.assertEqual(self.asked(made, host)[2], b"https://%b/x" % host)

    def test_after_a_reload(self) -> None:
        before = self.bound()
        made = self.bound(one=", redirect_http: true", before=before)
        self.assertIs(made.doors.entrances["plain"].site, before.doors.entrances["plain"].site)
        self.assertEqual(self.asked(made, b"one.example")[2], b"https://one.example:1443/x")
        self.assertEqual(self.asked(self.bound(before=made), b"one.example")[0], 200)
