"""What the documents say is what the program does."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.loopback.peers import run
from toron.core.refusal import REASONS
from toron.explain.record import Record

ROOT = Path(__file__).resolve().parents[1]
TORON = [sys.executable, "-m", "toron"]


def tested(document: str, name: str) -> str:
    """The block after `<!-- tested: NAME -->`."""
    text = (ROOT / document).read_text()
    found = re.search(rf"<!-- tested: {name} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert found is not None, f"{document} has no block {name}"
    return found[1]


class Documents(SynchronousTestCase):
    def toron(self, folder: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TORON, *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def folder(self) -> str:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        return holder.name

    def test_what_is_said_of_several_files(self) -> None:
        folder = self.folder()
        Path(folder, "toron.yaml").write_text(tested("docs/operating.md", "include"))
        Path(folder, "conf.d").mkdir()
        for name in ("shop", "blog"):
            text = f"routes:\n  - {{name: {name}, match: {{path: /{name}}}, backend: {name}}}\nbackends:\n"
            number = {"shop": 10, "blog": 20}[name]
            text += f'  shop: {{url: "http://127.0.0.1:90{number}"}}\n' + "admin: {port: 9902}\n" * (
                number == 20
            )
            Path(folder, "conf.d", f"{number}-{name}.yaml").write_text(text)
        done = self.toron(folder, "check", "toron.yaml")
        _, said = tested("docs/operating.md", "included mistakes").split("\n", 1)
        self.assertEqual((done.returncode, done.stderr), (1, said))

    def test_the_configuration_of_the_readme_is_valid(self) -> None:
        folder = self.folder()
        Path(folder, "toron.yaml").write_text(tested("README.md", "config"))
        Path(folder, "tls").mkdir()
        run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "30", "-subj", "/CN=site", "-addext", "subjectAltName=DNS:site.example",
            "-keyout", f"{folder}/tls/site.key", "-out", f"{folder}/tls/site.pem",
        )  # fmt: skip
        done = self.toron(folder, "check", "toron.yaml", JWT_SECRET="0123456789abcdef" * 4)
        valid = "toron.yaml: valid (4 listeners, 4 routes, 4 backends)\n"
        self.assertEqual((done.returncode, done.stderr), (0, valid))

    def test_the_mistake_of_the_readme_is_reported_as_shown(self) -> None:
        folder = self.folder()
        Path(folder, "broken.yaml").write_text("listners:\n  - {protocol: http, port: 8080}\n")
        command, *shown = tested("README.md", "mistakes").splitlines()
        self.assertEqual(command, "$ toron check broken.yaml")
        done = self.toron(folder, "check", "broken.yaml")
        self.assertEqual((done.returncode, done.stderr.splitlines()), (1, shown))

    def test_what_explain_prints_is_as_shown(self) -> None:
        page = "docs/explain.md"
        for name, code in (("shadowed", 0), ("missed", 1), ("connection", 1), ("failures", 1)):
            folder = self.folder()
            text = tested(page, "config") + (tested(page, "tests") if name == "failures" else "")
            Path(folder, "toron.yaml").write_text(text)
            command, *shown = tested(page, name).splitlines()
            words = shlex.split(command.removeprefix("$ toron "))
            done = self.toron(folder, *words, PYTHONIOENCODING="utf-8")
            self.assertEqual(
                (done.returncode, (done.stdout + done.stderr).splitlines()), (code, shown), command
            )

    def test_every_key_of_the_record_is_explained(self) -> None:
        text = (ROOT / "docs" / "explain.md").read_text()
        keys = [field.name for field in dataclasses.fields(Record)]
        self.assertEqual(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE), keys)

    def test_every_reason_is_explained(self) -> None:
        text = (ROOT / "docs" / "operating.md").read_text()
        rows = re.findall(r"^\| `(\w+)` \| (\d*) \| (.+) \|$", text, re.MULTILINE)
        self.assertEqual(rows, [(r.word, str(r.status or ""), r.text) for r in REASONS.values()])

    def test_links_lead_somewhere(self) -> None:
        documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        self.assertGreater(len(documents), 4)
        for document in documents:
            for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
                self.assertTrue((document.parent / target).exists(), f"{document.name}: {target}")
