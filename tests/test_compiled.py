"""The hot modules run compiled where that fits, as written where it does not, and say which."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from toron import compiled

_SHOW = """
import os
import toron.wire.headers
from toron.compiled import described
print(described(os.environ))
print(toron.wire.headers.__file__)
"""


def which(**environ: str) -> list[str]:
    """What a fresh Python runs: in words, and the file of one hot module."""
    run = [sys.executable, "-c", _SHOW]
    return subprocess.run(
        run, env=os.environ | environ, cwd=os.path.dirname(os.path.dirname(compiled.__file__)),
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip


class CompiledTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.here = self.mktemp()
        os.makedirs(os.path.join(self.here, "toron"))
        self.patch(compiled, "_TOP", self.here)
        self.patch(compiled, "MODULES", ("toron.a", "toron.b"))
        for name in ("a.py", "a.pxd", "b.py"):
            self.write(f"toron/{name}", name)

    def write(self, path: str, text: str) -> None:
        with open(os.path.join(self.here, path), "w", encoding="utf-8") as file:
            file.write(text)

    def compile(self, **changes: str) -> None:
        manifest = {
            "python": sys.implementation.cache_tag,
            "sources": compiled.digests(),
        }
        self.write(compiled.MANIFEST, json.dumps(manifest | changes))

    def test_what_fits_is_used(self) -> None:
        self.compile()
        self.assertEqual(compiled.described({}), "compiled")

    def test_nothing_is_compiled(self) -> None:
        self.assertIn("install a C compiler", compiled.described({}))

    def test_a_manifest_that_is_none(self) -> None:
        self.write(compiled.MANIFEST, "{")
        self.assertIn("nothing is compiled", compiled.described({}))

    def test_for_another_python(self) -> None:
        self.compile(python="cpython-27")
        self.assertIn("compiled for cpython-27", compiled.described({}))

    def test_a_source_that_has_changed(self) -> None:
        for name in ("a.py", "a.pxd", "b.py"):
            self.compile()
            self.write(f"toron/{name}", "changed")
            self.assertIn(f"toron/{name} has changed", compiled.described({}))

    def test_types_that_came_or_went(self) -> None:
        self.compile()
        self.write("toron/b.pxd", "new")
        self.assertIn("toron/b.pxd has changed", compiled.described({}))
        self.compile()
        os.remove(os.path.join(self.here, "toron/a.pxd"))
        self.assertIn("toron/a.pxd has changed", compiled.described({}))

    def test_asked_for_pure_python(self) -> None:
        self.compile()
        self.assertEqual(compiled.described({"TORON_PURE": "1"}), "pure Python (TORON_PURE is set)")


class ChoiceTests(SynchronousTestCase):
    def test_nothing_else_lies_here_compiled(self) -> None:
        """It would be found before its text, whatever became of that."""
        top = Path(compiled.__file__).parent
        modules = {
            ".".join(("toron", *path.relative_to(top).parts)).partition(".cpython")[0].partition(".abi")[0]
            for path in top.rglob("*.so")
        }
        self.assertEqual(modules - set(compiled.MODULES), set())

    def test_every_hot_module_has_a_source(self) -> None:
        for module in compiled.MODULES:
            self.assertTrue(compiled.sources(module), module)

    def test_pure_python_is_what_is_written(self) -> None:
        said, file = which(TORON_PURE="1")
        self.assertEqual(said, "pure Python (TORON_PURE is set)")
        self.assertTrue(file.endswith("headers.py"), file)

    def test_otherwise_what_is_compiled(self) -> None:
        said, file = which(TORON_PURE="")
        if said != "compiled":
            raise SkipTest(said)
        self.assertTrue(file.endswith(".so"), file)
