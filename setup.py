"""Compiles the hot modules where a C compiler is there; without one toron is installed as pure Python.

Everything else is in setup.cfg.
"""

from __future__ import annotations

import json
import os
import sys
from glob import glob
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# A build does not start in this folder.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from toron.compiled import MANIFEST, MODULES, digests

try:
    from Cython.Build import cythonize
    from Cython.Compiler.Errors import CompileError
except ImportError:
    cythonize = None


GENERIC = "(Generic[T]):"


class BuildAll(build_ext):  # type: ignore[misc]
    """Builds all the modules or none, and writes down what they were built from."""

    def run(self) -> None:
        self.parallel = os.cpu_count()
        folder = "" if self.inplace else self.build_lib
        manifest = os.path.join(folder, MANIFEST)
        if os.path.exists(manifest):
            os.remove(manifest)
        if self.inplace:
            _forget_others()
        # Of the texts as they are before: one that changes meanwhile may not be what was compiled.
        sources = digests()
        super().run()
        if all(os.path.exists(built) for built in self.get_outputs()):
            with open(manifest, "w", encoding="utf-8") as file:
                json.dump({"python": sys.implementation.cache_tag, "sources": sources}, file, indent=1)
        else:
            sys.stderr.write("toron: not everything could be compiled; it runs as pure Python\n")


def _forget_others() -> None:
    """Remove what was compiled of modules that are not any more: it would be found before their text."""
    for path in glob("toron/**/*.so", recursive=True):
        if path.partition(".")[0].replace("/", ".") not in MODULES:
            os.remove(path)


def _source(module: str) -> str:
    """What is compiled: the module as it is written, or its twin where it has one."""
    path = module.replace(".", "/")
    if os.path.exists(path + ".pyx"):
        return path + ".pyx"
    with open(path + ".py", encoding="utf-8") as file:
        text = file.read()
    if GENERIC not in text or not os.path.exists(path + ".pxd"):
        return path + ".py"
    # A structure can not inherit what only the type checker reads.
    plain = f"build/plain/{path}.py"
    os.makedirs(os.path.dirname(plain), exist_ok=True)
    with open(plain, "w", encoding="utf-8") as file:
        file.write(text.replace(GENERIC, ":"))
    return plain


def extensions() -> list[Any]:
    """The hot modules, to be compiled; none without Cython, or where TORON_PURE is set."""
    if cythonize is None or os.environ.get("TORON_PURE"):
        return []
    try:
        return _translated()
    except CompileError as error:
        sys.stderr.write(f"toron: this Cython does not take it ({error}); it runs as pure Python\n")
        return []


def _translated() -> list[Any]:
    """The hot modules as C; raises CompileError."""
    made: list[Any] = cythonize(
        [Extension(module, [_source(module)], optional=True) for module in MODULES],
        build_dir="build/cython",
        nthreads=os.cpu_count() or 1,
        language_level=3,
        # An annotation is a promise, not an order: what mypy lets pass must run.
        compiler_directives={"annotation_typing": False},
    )
    return made


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildAll})
