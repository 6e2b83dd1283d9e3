"""Tells each worker which certificates have been replaced since the start."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial

from toron.net.certificate_source import Source
from toron.net.key_pair import KeyPair
from toron.workers.messages import Certified
from toron.workers.process import WorkerProcess


class Sources:
    """Those of the parent, and who has to hear of them: all of `workers`."""

    def __init__(self, sources: Mapping[str, Source], workers: Collection[WorkerProcess]) -> None:
        """`sources` are by what they are known by in each process."""
        self._workers = workers
        self._sources: Mapping[str, Source] = {}
        self.switch(sources)

    def switch(self, sources: Mapping[str, Source]) -> None:
        """These are the sources from here on."""
        before, self._sources = set(self._sources.values()), sources
        for key, source in sources.items():
            if source not in before:
                source.changed.append(partial(self._tell, key))

    def known(self) -> Iterator[Certified]:
        """What a worker has to know that has made its own."""
        for key, source in self._sources.items():
            if source.changes:
                yield _certified(key, source)

    def _tell(self, key: str, source: Source) -> None:
        message = _certified(key, source)
        for worker in self._workers:
            worker.tell(message)


def _certified(key: str, source: Source) -> Certified:
    challenges = {name: (pair.chain, pair.key) for name, pair in source.challenges.items()}
    pair = None if source.pair is None else (source.pair.chain, source.pair.key)
    return Certified(key, pair, source.staple, challenges)


def take(source: Source, message: Certified) -> None:
    """In a worker: let a source have what that of the parent has."""
    if message.pair is not None and (pair := KeyPair(*message.pair)) != source.pair:
        source.serve(pair)
    source.attest(message.staple)
    for name in set(source.challenges) - set(message.challenges):
        source.withdraw_challenge(name)
    for name, (chain, key) in message.challenges.items():
        if source.challenges.get(name) != KeyPair(chain, key):
            source.offer_challenge(name, KeyPair(chain, key))
