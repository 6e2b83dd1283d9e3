"""What is said about YAML that cannot be read, and what is read of the rest."""

from __future__ import annotations

from tests.config.case import ConfigCase


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
