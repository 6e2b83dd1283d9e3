"""Makes the certificates of listeners, from sources that go on from one composition to the next."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import partial

from toron.composing.acme import AcmeParts, serve_on_demand
from toron.composing.ground import Ground
from toron.config import model
from toron.net.certificate_care import CertificateCare
from toron.net.certificate_source import Source
from toron.net.certificates import Certificates
from toron.net.inheritance import Inherited
from toron.net.key_pair import KeyPair, self_signed
from toron.net.ocsp_stapling import Stapling
from toron.net.pair_files import PairFiles
from toron.net.tls_context import server_context

Path = tuple[str | int, ...]


class CertificateParts:
    """The certificates of one composition. `care` and `stapling` go on from one to the next."""

    def __init__(
        self,
        ground: Ground,
        wall: Callable[[], float],
        care: CertificateCare,
        stapling: Stapling,
        acme: AcmeParts,
    ) -> None:
        self._ground = ground
        self._wall = wall
        self.care = care
        self.stapling = stapling
        self.acme = acme
        self.made: list[Certificates] = []
        """Of each listener that ends TLS."""
        self.shared: dict[str, Source] = {}
        """The sources, by what they are known by in each process."""

    def of(self, path: Path, spec: model.Listener, protocols: tuple[bytes, ...]) -> Certificates:
        """Those of the listener at `path`, which speaks these protocols."""
        sources = [
            self._source((*path, "certificates", index), each) for index, each in enumerate(spec.certificates)
        ]
        demands = self.acme.demands((*path, "certificates"), spec.certificates)
        made_of = (sources, demands, spec.tls, protocols, self._ground.contents(spec.tls))
        certificates = self._ground.same(
            ("certificates", spec.label), made_of, lambda: self._new(path, spec, sources, protocols)
        )
        serve_on_demand(demands, certificates, partial(self.care.watch, files=None))
        self.made.append(certificates)
        return certificates

    def _new(
        self, path: Path, spec: model.Listener, sources: list[Source], protocols: tuple[bytes, ...]
    ) -> Certificates:
        policy = spec.tls.policy
        for index, source in enumerate(sources):
            with self._ground.located("the certificate can not be used", *path, "certificates", index):
                if source.pair is not None:
                    # OpenSSL may refuse what could be read, and must say which one it is.
                    server_context(source.pair, policy, protocols)
        return Certificates(sources, policy, protocols, spec.tls.default_cert == "strict")

    @property
    def sources(self) -> list[Source]:
        """All sources, each once, in the order of the configuration."""
        return list(dict.fromkeys(source for each in self.made for source in each.sources))

    def settle(self) -> None:
        """Care for what is served now, and for nothing else."""
        sources = self.sources
        self.care.keep(sources)
        self.stapling.keep(sources)

    def _source(self, path: Path, spec: model.Certificate) -> Source:
        """Where a certificate comes from: the same for all listeners, whatever is in its files by now."""
        ground = self._ground
        if spec.acme is not None:
            source = self.acme.source((*path, "acme"), spec.acme, spec.ocsp)
            self.shared |= self.acme.shared
            if not isinstance(ground.inheritance, Inherited):
                self.care.watch(source, None)
                if spec.ocsp is not False:
                    self.stapling.watch(source, spec.ocsp_cache and ground.path(spec.ocsp_cache))
            return source
        key = ("source", spec.self_signed, spec.cert, spec.key)
        files = None
        if spec.cert is not None:
            cert = ground.path(spec.cert)
            files = PairFiles(cert, ground.path(spec.key) if spec.key else cert)

        def make() -> Source:
            pair = ground.once(lambda: self._self_signed(spec) if files is None else files.read())
            return Source(pair, spec.cert or "self-signed", spec.ocsp)

        with ground.located("the certificate can not be used", *path):
            source = ground.same(key, (spec.ocsp, spec.ocsp_cache), make)
        self.shared[repr(key)] = source
        if not isinstance(ground.inheritance, Inherited):
            # Workers are told by the parent.
            self.care.watch(source, files)
            if spec.ocsp is not False and files is not None:
                self.stapling.watch(source, spec.ocsp_cache and ground.path(spec.ocsp_cache))
            ground.changes.append(partial(self.care.refresh, source))
        return source

    def _self_signed(self, spec: model.Certificate) -> KeyPair:
        now = datetime.datetime.fromtimestamp(self._wall(), datetime.UTC)
        return self_signed(spec.self_signed, now)
