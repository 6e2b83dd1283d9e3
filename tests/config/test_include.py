"""Several files are one configuration, and each thing in it keeps the place where it was written."""
# ruff: noqa: E501 (what is said is one line here too)

from __future__ import annotations

import os
from unittest import mock

from tests.config.case import NONE, ConfigCase
from tests.config.fakes import NOW, FakeCatalog
from toron.config import include
from toron.config.include import seen
from toron.config.kept import given_back, kept, with_places
from toron.config.load import Loaded, load, load_text
from toron.config.model import Config
from toron.config.place import Invalid
from toron.config.show import effective

MAIN = """\
listeners: [{name: web, protocol: http, port: 8080}]
include: [conf.d/*.yaml, more.toml]
routes: [{name: first, match: {path: /first}, backend: api}]
"""
API = """\
backends:
  api: {url: "http://127.0.0.1:9000"}
routes:
  - {name: second, match: {path: /second}, backend: api}
"""
MORE = """\
[[routes]]
name = "fourth"
respond = {}

[access_log]
path = "-"
"""
KNOWN = ", ".join(Config.model_fields)
JSON = '{"routes": [{"name": "third", "match": {"path": "/third"}, "backend": "api"}]}'


class IncludeCase(ConfigCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = os.path.abspath(self.folder)


class Joined(IncludeCase):
    def setUp(self) -> None:
        super().setUp()
        self.write("conf.d/10-api.yaml", API + "include: deep/*.json\n")
        self.write("conf.d/deep/a.json", JSON)
        self.write("conf.d/.hidden.yaml", "nonsense: 1")
        self.write("conf.d/20-empty.yaml", "# nothing\n")
        self.write("more.toml", MORE)
        self.loaded = self.load(MAIN)

    def place(self, *path: str | int) -> str:
        return self.loaded.place(*path).removeprefix(f"{self.folder}/")

    def test_in_order(self) -> None:
        names = [route.name for route in self.loaded.config.routes]
        self.assertEqual(names, ["first", "second", "third", "fourth"])
        self.assertEqual(list(self.loaded.config.backends), ["api"])
        assert self.loaded.config.access_log is not None
        self.assertEqual(self.loaded.config.access_log.path, "-")

    def test_places(self) -> None:
        self.assertEqual(self.place("listeners", 0, "port"), "a.yaml:1:41")
        self.assertEqual(self.place("routes", 0), "a.yaml:3:10")
        self.assertEqual(self.place("routes", 1, "backend"), "conf.d/10-api.yaml:4:44")
        self.assertEqual(self.place("routes", 2, "match", "path"), "conf.d/deep/a.json:1:41")
        self.assertEqual(self.place("routes", 3), "more.toml:1:1")
        self.assertEqual(self.place("routes"), "a.yaml:3:1")
        self.assertEqual(self.place("backends", "api", "health"), "conf.d/10-api.yaml:2:8")
        self.assertEqual(self.place("access_log", "path"), "more.toml:6:1")
        self.assertEqual(self.place("admin"), "a.yaml:1:1")
        [problem] = self.loaded.invalid("no", "routes", 3).problems
        self.assertEqual(str(problem).removeprefix(f"{self.folder}/"), "more.toml:1:1: no")

    def test_nobody_sees_that_there_were_several(self) -> None:
        self.assertNotIn("include", effective(self.loaded))
        self.assertEqual(len(effective(self.loaded)["routes"]), 4)

    def test_it_is_kept_with_all_its_files(self) -> None:
        back = given_back(kept(self.loaded))
        os.unlink(os.path.join(self.folder, "more.toml"))
        again = with_places(back, NONE).places
        self.assertEqual(again.data, self.loaded.places.data)
        for one, other in (
            (again.keys, self.loaded.places.keys),
            (again.values, self.loaded.places.values),
            (again.written_in, self.loaded.places.written_in),
            (again.included, self.loaded.places.included),
        ):
            self.assertEqual(one, other)
        self.assertEqual(again.looked.keys(), self.loaded.places.looked.keys())

    def test_texts_instead_of_files(self) -> None:
        places = self.loaded.places
        self.write("conf.d/10-api.yaml", "no: 1")
        again = load_text(
            places.text, "b.yaml", self.folder, FakeCatalog(), NONE, now=NOW, included=places.included
        )
        self.assertEqual(again.config, self.loaded.config)
        self.assertEqual(again.place("routes", 1), self.loaded.place("routes", 1))

    def test_what_was_looked_for(self) -> None:
        found = {
            pattern.removeprefix(f"{self.folder}/"): [
                name.removeprefix(f"{self.folder}/") for name, *_ in files
            ]
            for pattern, files in self.loaded.places.looked.items()
        }
        self.assertEqual(found, {
            "conf.d/*.yaml": ["conf.d/10-api.yaml", "conf.d/20-empty.yaml"],
            "conf.d/deep/*.json": ["conf.d/deep/a.json"],
            "more.toml": ["more.toml"],
        })  # fmt: skip
        pattern = os.path.join(self.folder, "conf.d/*.yaml")
        self.assertEqual(seen(pattern), self.loaded.places.looked[pattern])
        self.write("conf.d/30.yaml", "")
        self.assertNotEqual(seen(pattern), self.loaded.places.looked[pattern])

    def test_relative_paths(self) -> None:
        """Problems name the files as they were named; what is watched is absolute, for a daemon goes away."""
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        loaded = load("a.yaml", FakeCatalog(), NONE, now=NOW)
        self.assertEqual(loaded.place("routes", 1), "conf.d/10-api.yaml:4:5")
        self.assertEqual(loaded.places.looked, self.loaded.places.looked)

    def test_a_folder_with_the_letters_of_patterns(self) -> None:
        self.folder = os.path.join(self.folder, "[a]*")
        self.write("b.yaml", API)
        self.assertEqual(self.said(MAIN.replace("[conf.d/*.yaml, more.toml]", "[b.yaml]")), [])
        self.assertEqual(
            self.said(MAIN.replace("[conf.d/*.yaml, more.toml]", "c.yaml"))[0],
            f"2:10: there is no file {self.folder}/c.yaml: check the path, or write a pattern with *".replace(
                f"{self.folder}/", ""
            ),
        )


class Wrong(IncludeCase):
    """Each problem is told where it is, in whichever file."""

    def test_in_each_file_at_once(self) -> None:
        self.write("conf.d/a.yaml", API.replace("/second", "second"))
        self.write("conf.d/b.yaml", "routes: [{match: {path: /first}, backend: apo}]")
        self.write("more.toml", "[admin]\nprt = 1\n")
        self.assertEqual(
            self.said(MAIN.replace("8080", "80800")),
            [
                "1:47: not a port: write a number from 0 to 65535",
                "conf.d/a.yaml:4:34: 'second' is not a path: begin with / or, for a regular expression, with ^",
                "conf.d/b.yaml:1:10: never matches, the route at line 3 of a.yaml takes all of it: take one out, or"
                " change priority",
                "conf.d/b.yaml:1:43: unknown backend 'apo': did you mean 'api'?",
                "more.toml:2:1: unknown key 'prt': did you mean 'port'?",
            ],
        )

    def test_files_in_their_order(self) -> None:
        """Not that of the alphabet: the first file is the first."""
        self.write("0.yaml", "nonsense: 1")
        self.says(
            "include: 0.yaml\nlisteners: [{protocol: tcp, port: 1, echo: {}}]\nrubbish: 1\n",
            "3:1: unknown key 'rubbish': known here: " + KNOWN,
            "0.yaml:1:1: unknown key 'nonsense': known here: " + KNOWN,
        )

    def test_files_that_can_not_be_read(self) -> None:
        """What is wrong with the others is told beside that, and no name is missed that may be in there."""
        self.write("conf.d/a.yaml", "routes: [\n")
        self.write("conf.d/b.txt", "")
        self.write("conf.d/c.json", "[]")
        self.write("conf.d/d.yaml", b"\xff")
        main = MAIN.replace("conf.d/*.yaml", "conf.d/*").replace("port: 8080", "port: web, prt: 1")
        self.assertEqual(
            [line.partition(": check the ind")[0] for line in self.said(main)],
            [
                "1:47: not a port: write a number from 0 to 65535",
                "1:52: unknown key 'prt': did you mean 'port'?",
                "2:21: there is no file more.toml: check the path, or write a pattern with *",
                "conf.d/a.yaml:2:1: not YAML: did not find expected node content while parsing a flow node",
                "conf.d/b.txt:1:1: no format has this extension: name the file .yaml, .yml, .json or .toml",
                "conf.d/c.json:1:1: not a mapping: write keys such as listeners: and routes:",
                "conf.d/d.yaml:1:1: not UTF-8 text: save the file as UTF-8",
            ],
        )

    def test_listeners_may_be_in_what_can_not_be_read(self) -> None:
        self.says(
            "include: b.yaml", "1:10: there is no file b.yaml: check the path, or write a pattern with *"
        )

    def test_no_listeners_anywhere(self) -> None:
        self.write("b.yaml", "")
        self.says("include: b.yaml", "1:1: the key 'listeners' is missing: add listeners:")

    def test_what_is_no_file(self) -> None:
        self.write("conf.d/a.yaml", "")
        self.says(
            'include: [conf.d, 1, "", ~, {a: b}, [a], "a\\0b"]\nlisteners: []\n',
            "1:11: conf.d is a folder: write conf.d/*.yaml",
            *(
                f"1:{column}: not a file: write a path or a pattern such as conf.d/*.yaml"
                for column in (19, 22, 26, 29, 37)
            ),
            "1:42: not a path: take the null character out",
            "2:12: too short: write at least 1",
        )
        self.says("include:", "1:9: not a file: write a path or a pattern such as conf.d/*.yaml")

    def test_a_link_that_leads_nowhere(self) -> None:
        self.write("conf.d/a.yaml", "listeners: [{protocol: tcp, port: 1, echo: {}}]")
        os.symlink("gone.yaml", os.path.join(self.folder, "conf.d/b.yaml"))
        self.says("include: conf.d/*", "conf.d/b.yaml:1:1: there is no such file: check the path")

    def test_a_folder_that_is_not_for_us(self) -> None:
        """Else a reload, as another user than the start, would find nothing there and serve that."""
        self.write("conf.d/a/a.yaml", "")
        self.write("conf.d/b.yaml", "")
        denied = PermissionError(13, "Permission denied")
        real = os.scandir

        def scandir(path: str = ".") -> object:
            if str(path).rstrip("/").endswith("conf.d"):
                raise denied
            return real(path)

        self.patch(os, "scandir", scandir)
        said = "the folder conf.d cannot be listed: Permission denied: change its owner or mode"
        listeners = "listeners: [{protocol: tcp, port: 1, echo: {}}]\n"
        self.says(f"include: conf.d/*.yaml\n{listeners}", f"1:10: {said}")
        self.says(f"include: conf.d/*/*.yaml\n{listeners}", f"1:10: {said}")
        self.says(f"include: conf.d/a/*.yaml\n{listeners}")
        self.says(f"include: [conf.d/b.yaml]\n{listeners}")

    def test_a_pattern_may_match_nothing(self) -> None:
        self.says(
            "include: [no.d/*.yaml, '?.toml', '[x]']\nlisteners: [{protocol: tcp, port: 1, echo: {}}]\n"
        )

    def test_variables(self) -> None:
        self.write("b.yaml", "listeners: [{protocol: tcp, port: 1, echo: {}}]")
        self.assertEqual(self.said('include: "${NAME}.yaml"', environ={"NAME": "b"}), [])
        self.says(
            'include: "${NAME}.yaml"',
            "1:10: the variable NAME is not set: set it, or write ${NAME:-default}",
        )


class Round(IncludeCase):
    """Files that include each other."""

    def test_itself(self) -> None:
        listeners = "listeners: [{protocol: tcp, port: 1, echo: {}}]\n"
        self.says(
            f"{listeners}include: '*.yaml'\n",
            "2:10: it includes itself: a.yaml -> a.yaml: take one of them out",
        )
        self.write("b.yaml", "drain: {}\ninclude: [c.yaml]")
        self.write("c.yaml", "include: a.yaml")
        self.says(
            f"{listeners}include: b.yaml\n",
            "c.yaml:1:10: it includes itself: a.yaml -> b.yaml -> c.yaml -> a.yaml: take one of them out",
        )

    def test_by_a_link(self) -> None:
        os.symlink("a.yaml", os.path.join(self.folder, "b.yaml"))
        self.says("include: b.yaml", "1:10: it includes itself: a.yaml -> b.yaml: take one of them out")

    def test_one_file_twice_is_one(self) -> None:
        self.write("b.yaml", "listeners: [{protocol: tcp, port: 1, echo: {}}]")
        self.write("c.yaml", "include: b.yaml")
        self.says("include: [b.yaml, c.yaml, '[b]*']")

    def test_deep(self) -> None:
        for index in range(12):
            self.write(f"{index}.yaml", f"include: {index + 1}.yaml")
        self.write("2.yaml", "listeners: [{protocol: tcp, port: 1, echo: {}}]\ninclude: 3.yaml")
        self.says("include: 0.yaml", "9.yaml:1:10: included more than 10 deep: name the files higher up")

    def test_many(self) -> None:
        for index in range(5):
            self.write(f"b{index}.yaml", "# nothing, and that at length")
        text = "listeners: [{protocol: tcp, port: 1, echo: {}}]\ninclude: b*.yaml\n"
        with mock.patch.object(include, "FILES", 5):
            self.says(text)
        with mock.patch.object(include, "FILES", 4):
            self.says(text, "2:10: more than 4 files in all: join some of them")
        with mock.patch.object(include, "TOTAL", 100):
            self.says(text, "2:10: more than 0 MiB in all: take some files out")


class Limits(IncludeCase):
    def test_what_an_invalid_one_has_looked_for(self) -> None:
        self.write("b.yaml", "nonsense: 1")
        path = self.write("a.yaml", "include: b.yaml")
        found = self.assertRaises(Invalid, load, path, FakeCatalog(), NONE, now=NOW)
        self.assertEqual(list(found.looked or ()), [os.path.join(self.folder, "b.yaml")])
        path = self.write("a.yaml", "include: [")
        self.assertIsNone(self.assertRaises(Invalid, load, path, FakeCatalog(), NONE, now=NOW).looked)

    def test_many_files(self) -> None:
        for index in range(200):
            self.write(f"conf.d/{index:03}.yaml", f"routes: [{{match: {{path: /{index}}}, respond: {{}}}}]")
        loaded: Loaded = self.load("listeners: [{protocol: http, port: 1}]\ninclude: conf.d/*")
        self.assertEqual(len(loaded.config.routes), 200)
        self.assertEqual(loaded.place("routes", 150), f"{self.folder}/conf.d/150.yaml:1:10")
