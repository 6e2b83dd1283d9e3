"""The tests, and how thoroughly Hypothesis tries."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

# What it remembers of Unicode goes out of the tree; failures are not kept, for CI would not see them.
set_hypothesis_home_dir(Path(tempfile.gettempdir(), f"toron-hypothesis-{os.getuid()}"))
settings.register_profile(
    "toron",
    deadline=None,
    database=None,
    derandomize=bool(os.environ.get("CI")),
    max_examples=60,
)
settings.load_profile("toron")
