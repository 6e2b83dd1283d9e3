"""Credentials and secrets of the environment are not shown in records."""

from __future__ import annotations

from tests.explain.case import ExplainCase
from toron.explain.hidden import REDACTED, Hidden
from toron.explain.record import Missed
from toron.observe.access_lines import redaction


class HiddenTests(ExplainCase):
    def setUp(self) -> None:
        super().setUp()
        self.hidden = Hidden(None, redaction(("token",)))

    def test_fields(self) -> None:
        fields = [(b"Authorization", b"Bearer a"), (b"COOKIE", b"a=b"), (b"Accept", b"*/*")]
        shown = self.hidden.fields(fields)
        self.assertEqual([value for _, value in shown], [REDACTED.encode(), REDACTED.encode(), b"*/*"])
        self.assertEqual(fields[0][1], b"Bearer a")

    def test_texts(self) -> None:
        self.assertEqual(self.hidden.text("/a?token=b&c=d"), "/a?token=<redacted>&c=d")
        self.assertEqual(self.hidden.text("plain"), "plain")

    def test_values_of_the_environment(self) -> None:
        loaded = self.loaded(
            "listeners: [{protocol: http, port: 80}]\nroutes: [{respond: {body: '${WORD}'}}]",
            {"WORD": "sesame"},
        )
        hidden = Hidden(loaded, redaction(()))
        self.assertEqual((hidden.text("open sesame"), hidden.text("open")), ("<secret>", "open"))

    def test_what_a_route_misses(self) -> None:
        for what, asked, shown in (
            ("cookies session", "session=1", REDACTED),
            ("cookies session", "nothing", "nothing"),
            ("headers Authorization", "Bearer a", REDACTED),
            ("headers X-Beta", "1", "1"),
            ("query token", "token=a&b=c", "token=<redacted>&b=c"),
            ("path", "/a", "/a"),
        ):
            missed = Missed(what, "x", asked, "")
            self.hidden.miss(missed)
            self.assertEqual(missed.asked, shown, what)
