"""Files that are no configuration are refused with a sentence, whatever is in them."""

from __future__ import annotations

import os

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.config.case import ConfigCase
from toron.config.place import Invalid
from toron.config.source import FILE_LIMIT, FORMATS, read_document

ODD = st.text(st.sampled_from("ab:-[]{}\"'#,=&*!|>%@`?\n\t \\.01$é\ud83d"), max_size=60)
"""Text that is mostly punctuation."""


class Files(ConfigCase):
    """What is said about a file before anything in it is looked at."""

    def refused(self, path: str, message: str) -> None:
        error = self.assertRaises(Invalid, read_document, path)
        self.assertEqual(str(error), f"{path}:{message}")

    def test_missing(self) -> None:
        self.refused(os.path.join(self.folder, "a.yaml"), "1:1: there is no such file: check the path")

    def test_a_folder(self) -> None:
        path = os.path.join(self.folder, "a.yaml")
        os.mkdir(path)
        self.refused(path, "1:1: this is a folder: give the path of a file")

    def test_not_allowed(self) -> None:
        path = self.write("a.yaml", "", 0)
        if os.geteuid() == 0:
            # Root may read everything: be somebody else for a moment.
            os.chmod(self.folder, 0o755)
            os.seteuid(65534)
            self.addCleanup(os.seteuid, 0)
        self.refused(path, "1:1: this user may not read the file: change its owner or mode")

    def test_a_folder_that_is_a_file(self) -> None:
        path = os.path.join(self.write("a", ""), "b.yaml")
        self.refused(path, "1:1: the file cannot be read: Not a directory")

    def test_a_name_that_no_file_has(self) -> None:
        error = self.assertRaises(Invalid, read_document, "a\0.yaml")
        self.assertIn("1:1: the file cannot be read: embedded null byte", str(error))

    def test_an_unknown_extension(self) -> None:
        for name in ("a.conf", "a", ".yaml"):
            message = "1:1: no format has this extension: name the file .yaml, .yml, .json or .toml"
            self.refused(self.write(name, "a: 1"), message)

    def test_a_text_that_is_in_no_file(self) -> None:
        document = read_document("sent.toml", b"a = 1")
        self.assertEqual((document.file, document.data), ("sent.toml", {"a": 1}))
        error = self.assertRaises(Invalid, read_document, "sent.json", b"")
        self.assertEqual(error.problems[0].path, "sent.json")

    def test_the_extension_in_capitals(self) -> None:
        self.assertEqual(read_document(self.write("a.YML", "a: 1")).data, {"a": 1})

    def test_not_utf_8(self) -> None:
        for name in ("a.yaml", "a.json", "a.toml"):
            self.refused(
                self.write(name, b"\xef\xbb\xbfa\n\xc3\xa9b\xff"),
                "2:3: not UTF-8 text: save the file as UTF-8",
            )

    def test_binary(self) -> None:
        path = self.write("a.yaml", b"a: 1\nb: \x00\x01")
        self.refused(path, "2:4: the control character U+0000 is not text: take it out")

    def test_too_large(self) -> None:
        path = self.write("a.json", b" " * (FILE_LIMIT + 1))
        self.refused(path, "1:1: larger than 32 MiB: this is not a configuration file")

    def test_a_byte_order_mark(self) -> None:
        for name, text, column in (("a.yaml", "a: 1", 1), ("a.json", '{"a": 1}', 2), ("a.toml", "a = 1", 1)):
            document = read_document(self.write(name, b"\xef\xbb\xbf" + text.encode()))
            self.assertEqual(document.data, {"a": 1})
            self.assertEqual(document.key_place(("a",)), (1, column))

    def test_windows_line_ends(self) -> None:
        texts = {
            "a.yaml": "a: 1\r\nb: 2\r\n",
            "a.json": '{"a": 1,\r\n"b": 2}',
            "a.toml": "a = 1\r\nb = 2\r\n",
        }
        for name, text in texts.items():
            document = read_document(self.write(name, text.encode()))
            self.assertEqual(document.data, {"a": 1, "b": 2})
            self.assertEqual(document.key_place(("b",)), (2, 1))

    def test_nested_very_deep(self) -> None:
        texts = {"a.yaml": "a: " + "[" * 5000, "a.json": '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"}
        texts["b.json"] = '{"a": ' + "[" * 500 + "]" * 500 + "}"
        texts["a.toml"] = "a = " + "[" * 500 + "]" * 500
        texts["b.toml"] = "a = " + "[" * 100_000 + "]" * 100_000
        texts["c.toml"] = "[" + ".".join("a" * 500) + "]"
        for name, text in texts.items():
            error = self.assertRaises(Invalid, read_document, self.write(name, text))
            self.assertIn("nested more than 100 deep: a configuration is flatter", str(error), name)


class Anything(ConfigCase):
    """Whatever a file holds, it loads or is refused with a place inside of it."""

    def tried(self, name: str, data: bytes) -> None:
        path = self.write(name, data)
        try:
            document = read_document(path)
        except Invalid as invalid:
            for problem in invalid.problems:
                self.assertGreaterEqual(problem.line, 1)
                self.assertGreaterEqual(problem.column, 1)
                self.assertLessEqual(problem.line, data.count(b"\n") + data.count(b"\r") + 2)
                self.assertNotEqual(problem.message, "")
        else:
            self.assertIsInstance(document.data, dict)

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=200), st.sampled_from(sorted(FORMATS)))
    def test_bytes(self, data: bytes, extension: str) -> None:
        self.tried("a" + extension, data)

    @settings(max_examples=500, deadline=None)
    @given(ODD, st.sampled_from(sorted(FORMATS)))
    @example("? [a]\n: 1", ".yaml")
    @example("- &a [*a]", ".yaml")
    @example("a: !!int x", ".yaml")
    @example("<<: {a: 1}\n<<: {b: 1}", ".yaml")
    @example("a = '''\\'''''", ".toml")
    def test_punctuation(self, text: str, extension: str) -> None:
        self.tried("a" + extension, text.encode("utf-8", "surrogatepass"))
