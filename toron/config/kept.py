"""Keeps a loaded configuration as bytes: small, and nothing for the garbage collector to look through."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

from toron.config.include import put_in
from toron.config.load import Loaded
from toron.config.place import Report
from toron.config.source import read_document

SLICE = 200
"""Routes, and plug-ins, that are written at once: other threads do not get their turn meanwhile."""


def kept(loaded: Loaded) -> bytes:
    """The configuration, without the places of what is in it: the text can tell these."""
    config, plugins = loaded.config, list(loaded.plugins.items())
    bare = replace(
        loaded, config=config.model_copy(update={"routes": ()}), plugins={}, warnings=[],
        places=replace(
            loaded.places, data=None, keys={}, values={}, written_in={}, repeated=[], looked={},
        ),
    )  # fmt: skip
    file = BytesIO()
    # One for all of them: what is the same object stays so.
    pickler = pickle.Pickler(file)
    pickler.dump((bare, len(config.routes), len(plugins)))
    for some in (*_slices(config.routes), *_slices(plugins)):
        pickler.dump(some)
    return zlib.compress(file.getbuffer(), 1)


def given_back(data: bytes) -> Loaded:
    """What `kept` has kept in this process."""
    unpickler = pickle.Unpickler(BytesIO(zlib.decompress(data)))
    bare: Loaded
    bare, routes, plugins = unpickler.load()
    read = [unpickler.load() for count in (routes, plugins) for _ in range(0, count, SLICE)]
    everything = [each for some in read for each in some]
    config = bare.config.model_copy(update={"routes": tuple(everything[:routes])})
    return replace(bare, config=config, plugins=dict(everything[routes:]))


def with_places(loaded: Loaded, environ: Mapping[str, str]) -> Loaded:
    """What has only the texts of its files, with the places of what is in it."""
    report = Report(read_document(loaded.places.file, loaded.places.text))
    put_in(report, loaded.folder, environ, loaded.places.included)
    return replace(loaded, places=report.document)


def _slices(items: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), SLICE):
        yield list(items[start : start + SLICE])
