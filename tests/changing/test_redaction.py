"""No secret is in a text that is shown, however it was written."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.changing.redaction import LINES, redacted, unified

S = "s3cr3t-s3cr3t-s3cr3t"


class Redacted(SynchronousTestCase):
    def shown(self, text: str, expected: str, name: str = "a.yaml") -> None:
        self.assertEqual(redacted(name, text.encode()), expected)
        self.assertNotIn("s3cr3t", expected)

    def test_plain(self) -> None:
        self.shown(f"admin: {{token: {S}, port: 1}}\n", "admin: {token: <secret>, port: 1}\n")
        self.shown(f'admin:\n  token: "{S}"\n  port: 1\n', 'admin:\n  token: "<secret>"\n  port: 1\n')
        self.shown(f'{{"admin": {{"token": "{S}"}}}}', '{"admin": {"token": "<secret>"}}', "a.json")
        self.shown(f'[admin]\ntoken = "{S}"\n', '[admin]\ntoken = "<secret>"\n', "a.toml")

    def test_in_lists_and_backends(self) -> None:
        text = f"backends:\n  a: {{url: 'http://a', sticky: {{secret: [{S}, other-other-other]}}}}\n"
        expected = "backends:\n  a: {url: 'http://a', sticky: {secret: [<secret>, <secret>]}}\n"
        self.shown(text, expected)

    def test_of_plug_ins(self) -> None:
        text = f"""
middlewares: {{who: {{type: jwt, secret: {S}}}}}
routes:
  - middlewares: [{{jwt: {{secret: {S}-2}}}}]
"""
        expected = """
middlewares: {who: {type: jwt, secret: <secret>}}
routes:
  - middlewares: [{jwt: {secret: <secret>}}]
"""
        self.shown(text, expected)

    def test_what_only_refers_to_one(self) -> None:
        for text in ("admin: {token: '${TOKEN}'}\n", "admin: {token: {file: token.txt}}\n"):
            self.shown(text, text)

    def test_everywhere_else_it_stands(self) -> None:
        self.shown(f"# it was {S}\nadmin: {{token: {S}}}\n", "# it was <secret>\nadmin: {token: <secret>}\n")

    def test_written_in_another_way(self) -> None:
        self.shown('admin: {token: "\\x73\\x33cr3t-s"}\n', "admin: {token: <secret>\n")
        self.shown(
            "admin:\n  token: |\n    s3cr3t\n    s3cr3t\n  port: 1\n",
            "admin:\n  token: <secret>\n  port: 1\n",
        )
        self.shown("admin:\n  token: >\n    s3cr3t\n    s3cr3t\n", "admin:\n  token: <secret>\n")

    def test_what_can_not_be_read(self) -> None:
        self.shown(f"admin: {{token: {S}", "<secret>\n")


class Diffs(SynchronousTestCase):
    def test_unified(self) -> None:
        found = unified("a\nb\nc\n", "a\nd\nc\n", ("old", "new"))
        self.assertEqual(found, ["--- old", "+++ new", "@@ -1,3 +1,3 @@", " a", "-b", "+d", " c"])
        self.assertEqual(unified("a\n", "a\n", ("old", "new")), [])

    def test_too_long(self) -> None:
        self.assertEqual(
            unified("a\n" * (LINES + 1), "", ("", "")), ["(more than 20000 lines: not compared)"]
        )
