"""What is said about YAML that cannot be read, and what is read of the rest."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.config.case import ConfigCase
from toron.config.place import Document, Path, Place, Unreadable
from toron.config.read_yaml import read_yaml


class YAML(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_empty(self) -> None:
        self.says(
            "",
            "1:1: the file is empty: write at least one listener under listeners:",
        )

    def test_only_a_comment(self) -> None:
        self.says(
            "# nothing yet\n",
            "1:1: the file is empty: write at least one listener under listeners:",
        )

    def test_a_list(self) -> None:
        self.says(
            """
            - a
            - b
            """,
            "1:1: not a mapping: write keys such as listeners: and routes:",
        )

    def test_a_word(self) -> None:
        self.says(
            "hello\n",
            "1:1: not a mapping: write keys such as listeners: and routes:",
        )

    def test_a_duplicate_key(self) -> None:
        self.says(
            """
            listeners: [{protocol: http, port: 8080, port: 8081}]
            routes: [{echo: {}}]
            """,
            "1:42: the key 'port' is already written at 1:30: take one of the two out",
        )

    def test_a_duplicate_section(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: tcp, port: 1, echo: {}}
            listeners:
              - {protocol: tcp, port: 2, echo: {}}
            """,
            "3:1: the key 'listeners' is already written at 1:1: take one of the two out",
        )

    def test_an_open_bracket(self) -> None:
        self.says(
            "listeners: [\n",
            "2:1: not YAML: did not find expected node content while parsing a flow node: check the indentation, the quotes and the brackets before this place",
        )

    def test_a_tab(self) -> None:
        self.says(
            "listeners:\n\t- protocol: http\n",
            "2:1: a tab in the indentation: write spaces",
        )

    def test_bad_indentation(self) -> None:
        self.says(
            """
            listeners:
              - protocol: http
               port: 80
            """,
            "3:4: not YAML: did not find expected '-' indicator while parsing a block collection: check the indentation, the quotes and the brackets before this place",
        )

    def test_an_open_quote(self) -> None:
        self.says(
            'listeners: "a\n',
            "2:1: not YAML: found unexpected end of stream while scanning a quoted scalar: check the indentation, the quotes and the brackets before this place",
        )

    def test_a_python_tag(self) -> None:
        self.says(
            'listeners: !!python/object/apply:os.system ["true"]\n',
            "1:12: the tag '!!python/object/apply:os.system' is not allowed: write the value without a tag",
        )

    def test_a_tag_of_ones_own(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: !mine http, port: 1}
            """,
            "2:16: the tag '!mine' is not allowed: write the value without a tag",
        )

    def test_a_wrong_standard_tag(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: tcp, port: !!int many, echo: {}}
            """,
            "2:27: 'many' is not what its tag says: take the tag out",
        )

    def test_an_unknown_alias(self) -> None:
        self.says(
            "listeners: *all\n",
            "1:12: *all is not known here: write &all before it",
        )

    def test_an_alias_inside_itself(self) -> None:
        self.says(
            "listeners: &all [*all]\n",
            "1:18: *all is not known here: write &all before it",
        )

    def test_a_merge_of_a_word(self) -> None:
        self.says(
            """
            listeners:
              - <<: http
                port: 1
            """,
            "2:9: << takes in a mapping: write the alias of one, such as <<: *name",
        )

    def test_a_list_as_a_key(self) -> None:
        self.says(
            """
            ? [a, b]
            : 1
            """,
            "1:3: a key must be a word: put quotes around it",
        )

    def test_two_documents(self) -> None:
        self.says(
            """
            a: 1
            ---
            b: 2
            """,
            "2:1: a second document begins here: write one configuration in a file",
        )

    def test_an_unquoted_variable_in_braces(self) -> None:
        self.says(
            """
            listeners:
              - {protocol: http, port: ${PORT}}
            """,
            '2:29: not YAML: put quotes around a variable inside { } or [ ], such as "${PORT}"',
        )

    def test_a_directive(self) -> None:
        self.says(
            """
            %YAML 3.0
            ---
            a: 1
            """,
            "1:1: not YAML: found incompatible YAML document: check the indentation, the quotes and the brackets before this place",
        )


class Reading(SynchronousTestCase):
    """Text in; data and places out."""

    def read(self, text: str) -> Document:
        document = Document("a.yaml")
        read_yaml(text, document)
        return document

    def refused(self, text: str, message: str) -> None:
        error = self.assertRaises(Unreadable, self.read, text)
        self.assertEqual(error.message, message)

    def test_data(self) -> None:
        text = "a: [1, '1', 1.5, true, on, null, ~, 12:30, 2026-01-01]\non: {1: x, ~: y}\nb: |\n  text\n"
        data = {"a": [1, "1", 1.5, True, "on", None, None, "12:30", "2026-01-01"], "on": {"1": "x", "~": "y"}}
        self.assertEqual(self.read(text).data, data | {"b": "text\n"})

    def test_standard_tags(self) -> None:
        text = "a: !!str 1\nb: !!int 2\nc: !!float 3\nd: !!bool true\ne: !!null\nf: !!seq []\ng: !!map {}\nh: ! 5"
        data = {"a": "1", "b": 2, "c": 3, "d": True, "e": None, "f": [], "g": {}, "h": "5"}
        self.assertEqual(self.read(text).data, data)

    def test_places(self) -> None:
        document = self.read("é: {b: [x,  y]}\nc:\n  - d: 1\n    'e': 2\n")
        table: list[tuple[Path, Place, Place]] = [
            ((), (1, 1), (1, 1)),
            (("é",), (1, 1), (1, 4)),
            (("é", "b"), (1, 5), (1, 8)),
            (("é", "b", 1), (1, 13), (1, 13)),
            (("c",), (2, 1), (3, 3)),
            (("c", 0), (3, 5), (3, 5)),
            (("c", 0, "e"), (4, 5), (4, 10)),
        ]
        for path, key, value in table:
            self.assertEqual((document.key_place(path), document.value_place(path)), (key, value), path)

    def test_aliases_and_merges(self) -> None:
        document = self.read("x: &x {a: 1, b: 2}\ny: *x\nz:\n  b: 3\n  <<: [*x, {c: 4}]\n  '<<': 5\n")
        z = {"b": 3, "a": 1, "c": 4, "<<": 5}
        self.assertEqual(document.data, {"x": {"a": 1, "b": 2}, "y": {"a": 1, "b": 2}, "z": z})
        self.assertEqual(document.key_place(("z", "a")), (1, 8))
        self.assertEqual(document.key_place(("z", "b")), (4, 3))
        self.assertIsNot(document.data["x"], document.data["y"])

    def test_alias_bombs(self) -> None:
        message = "aliases copy more than 100000 values: write less with * and <<"
        lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40))]
        self.refused("\n".join(lines), message)
        lines = [
            "a0: &a0 {x: 1}",
            *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 40)),
        ]
        self.refused("\n".join(lines), message)

    def test_a_ladder_of_aliases(self) -> None:
        lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 400))]
        self.refused("\n".join(lines), "nested more than 100 deep: a configuration is flatter")
        lines = ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: *a{n - 1}}}" for n in range(1, 400))]
        self.refused("\n".join(lines), "merged more than 100 deep: a configuration is flatter")
