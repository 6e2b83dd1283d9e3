"""The tree keeps the promises of docs/ARCHITECTURE.md that no tool checks."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import toron

ROOT = Path(__file__).resolve().parents[1]

NO_TWIN = frozenset({"toron/__main__.py", "toron/interfaces.py"})
"""Sources without a test file of their own, besides `__init__.py`: a call, and declarations."""

REACTOR = frozenset({"toron/tap.py", "toron/cli/run.py", "toron/net", "toron/workers/worker.py"})
"""Where `twisted.internet.reactor` may be imported."""

CORE_MAY_IMPORT = frozenset({"twisted.internet.defer", "twisted.python.failure"})
"""What of Twisted the deciding room may import: what carries a result, nothing that waits."""

ADDRESSES = frozenset({"AF_INET", "AF_INET6", "inet_aton", "inet_ntoa", "inet_ntop", "inet_pton"})
"""What the rooms without I/O may use of the module `socket`."""


def sources(folder: str) -> Iterator[Path]:
    """Every Python file of a folder, relative to the root."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield path.relative_to(ROOT)


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in the file; of `from a import b`, a and a.b."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def twin(source: Path) -> Path:
    """toron/wire/http1.py -> tests/wire/test_http1.py, and _keys.py -> test_keys.py."""
    return Path("tests", *source.parts[1:-1], f"test_{source.name.removeprefix('_')}")


class Files(SynchronousTestCase):
    """Every file is where it should be, and says what it is for."""

    maxDiff = None

    def test_every_source_has_its_tests(self) -> None:
        own = [path for path in sources("toron") if path.name != "__init__.py" and str(path) not in NO_TWIN]
        self.assertGreater(len(own), 10)
        missing = [f"{path}: no {twin(path)}" for path in own if not (ROOT / twin(path)).exists()]
        self.assertEqual("\n".join(missing), "")

    def test_what_needs_no_tests_exists_and_has_none(self) -> None:
        for name in NO_TWIN:
            self.assertTrue((ROOT / name).exists(), name)
            self.assertFalse((ROOT / twin(Path(name))).exists(), name)

    def test_every_folder_is_a_package(self) -> None:
        folders = {path.parent for folder in ("toron", "tests") for path in sources(folder)}
        self.assertEqual([str(each) for each in folders if not (ROOT / each / "__init__.py").exists()], [])

    def test_every_file_begins_with_a_sentence(self) -> None:
        wrong = []
        for path in [*sources("toron"), *sources("tests"), *sources("twisted"), *sources("bench")]:
            text = (ROOT / path).read_text()
            first = text.partition("\n")[0]
            if (text or path.name != "__init__.py") and not re.fullmatch(r'"""[^"].*[.:]("""|)', first):
                wrong.append(f"{path}:1: {first}")
        self.assertEqual("\n".join(wrong), "")

    def test_every_test_file_is_found_by_trial(self) -> None:
        with_tests = [path for path in sources("tests") if "def test_" in (ROOT / path).read_text()]
        self.assertEqual([str(path) for path in with_tests if not path.name.startswith("test_")], [])

    def test_every_example_is_shown_to_the_reader(self) -> None:
        pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
        text = "".join(page.read_text() for page in pages if page.exists())
        examples = [path.relative_to(ROOT) for path in sorted((ROOT / "etc").glob("*.yaml"))]
        self.assertEqual([str(path) for path in examples if str(path) not in text], [])


class Doors(SynchronousTestCase):
    """Imports that import-linter cannot tell apart, for to it Twisted is one thing."""

    def test_the_reactor_is_imported_in_few_places(self) -> None:
        found = {
            str(path)
            for path in sources("toron")
            if "twisted.internet.reactor" in imports(path)
            and not any(str(path).startswith(place) for place in REACTOR)
        }
        self.assertEqual(found, set())

    def test_core_uses_nothing_of_twisted_but_results(self) -> None:
        for path in sources("toron/core"):
            text = (ROOT / path).read_text()
            for module in re.findall(r"^\s*(?:from|import) (twisted[\w.]*)", text, re.MULTILINE):
                self.assertIn(module, CORE_MAY_IMPORT, str(path))

    def test_no_sockets_where_there_is_no_io(self) -> None:
        allowed = {"socket", *(f"socket.{name}" for name in ADDRESSES)}
        for folder in ("toron/wire", "toron/config", "toron/core"):
            for path in sources(folder):
                used = {name for name in imports(path) if name.partition(".")[0] == "socket"}
                self.assertEqual(used - allowed, set(), str(path))
                self.assertNotIn("import socket", (ROOT / path).read_text(), str(path))

    def test_nothing_in_the_middle_knows_the_version_of_http(self) -> None:
        named = re.compile(r"\bHTTP/[1-3]|\bh2c?\b|\bh3\b|http_?[123]|\([123], [01]\)")
        for folder in ("toron/core", "toron/middleware", "toron/services"):
            for path in sources(folder):
                lines = (ROOT / path).read_text().splitlines()
                self.assertEqual([line for line in lines if named.search(line)], [], str(path))

    def test_no_inline_callbacks(self) -> None:
        found = [str(path) for path in sources("toron") if "inlineCallbacks" in (ROOT / path).read_text()]
        self.assertEqual(found, [])


class Ground(SynchronousTestCase):
    """What is installed, and what is said of it."""

    def test_the_lock_has_pins_only(self) -> None:
        lines = (ROOT / "requirements.lock").read_text().splitlines()
        pin = re.compile(r"#.*|[a-z0-9-]+==[0-9][0-9a-z.]*( ; .*)?")
        self.assertEqual([line for line in lines if not pin.fullmatch(line)], [])

    def test_the_lock_has_everything_that_is_required(self) -> None:
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg")
        wanted = setup["options"]["install_requires"] + "\n".join(setup["options.extras_require"].values())
        names = {re.split(r"[ ><=;]", line)[0].lower() for line in wanted.split("\n") if line.strip()}
        pinned = {line.partition("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines()}
        self.assertIn("twisted", names)
        self.assertEqual(names - pinned, set())

    def test_the_changelog_has_this_version(self) -> None:
        self.assertIn(f"\n## {toron.__version__}", (ROOT / "CHANGELOG.md").read_text())

    def test_every_make_target_of_the_readme_exists(self) -> None:
        makefile = (ROOT / "Makefile").read_text()
        pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        text = "".join(page.read_text() for page in pages if page.exists())
        named = set(re.findall(r"`make ([a-z]+)", text))
        for target in named | {"setup", "run", "test", "check", "bench", "clean"}:
            self.assertRegex(makefile, rf"(?m)^{target}:")
