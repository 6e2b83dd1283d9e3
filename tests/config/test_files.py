"""The files that a part of a configuration names, and whether they have changed."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from toron.config import model
from toron.config.files import contents
from toron.middleware.jwt import Options


class Contents(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        (self.folder / "a.pem").write_text("one")

    def paths(self, part: object) -> list[str]:
        return [path for path, _ in contents(part, str(self.folder))]

    def test_who_names_files(self) -> None:
        self.assertEqual(self.paths(model.BackendTls(ca="a.pem", cert="b", server_name="x")), ["a.pem", "b"])
        pairs = (model.Certificate(cert="a.pem", key="k"), model.Certificate(cert="c"))
        self.assertEqual(self.paths(pairs), ["a.pem", "k", "c"])
        self.assertEqual(self.paths(Options(keys="keys.json")), ["keys.json"])

    def test_within(self) -> None:
        self.assertEqual(self.paths({"x": [model.BackendTls(ca="a.pem")]}), ["a.pem"])
        self.assertEqual(
            self.paths(model.Backend(url="tcp://a:1", tls=model.BackendTls(ca="a.pem"))), ["a.pem"]
        )

    def test_no_files(self) -> None:
        self.assertEqual(self.paths(model.Respond(body="a.pem")), [])
        self.assertEqual(self.paths("a.pem"), [])

    def test_what_is_in_them(self) -> None:
        part = model.BackendTls(ca="a.pem")
        first = contents(part, str(self.folder))
        self.assertEqual(contents(part, str(self.folder)), first)
        (self.folder / "a.pem").write_text("two")
        second = contents(part, str(self.folder))
        self.assertNotEqual(second, first)
        (self.folder / "a.pem").unlink()
        self.assertEqual(contents(part, str(self.folder)), (("a.pem", b""),))
