"""Responders are asked in time, and what they say is shown as long as it holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.net.ocsp_authority import DAY, MUST_STAPLE, NOW, REVOKED, Issuer
from toron.core.wait import Wait
from toron.net.certificate_source import Source
from toron.net.certificates import Certificates
from toron.net.key_pair import KeyPair
from toron.net.ocsp_stapling import FetchFailed, Stapling
from toron.wire.clienthello import ClientHello

ISSUER = Issuer()
SECONDS = 86400.0
HALF = 3.5 * SECONDS - 1800


class StaplingCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.asked: list[Wait[bytes]] = []
        self.counted: list[str] = []
        self.stapling = Stapling(self.clock, self.wall, self.fetch, self)
        self.stapling.startService()
        self.said: list[str] = []
        globalLogPublisher.addObserver(self.hear)
        self.addCleanup(globalLogPublisher.removeObserver, self.hear)

    def hear(self, event: Any) -> None:
        if event.get("log_namespace") == "toron":
            self.said.append(event["log_level"].name + " " + event["log_format"].format(**event))

    def wall(self) -> float:
        return NOW.timestamp() + self.clock.seconds()

    async def fetch(self, url: str, request: bytes) -> bytes:
        self.assertEqual(url, "http://ocsp.test/")
        self.asked.append(Wait())
        return await self.asked[-1]

    def attested(self, name: str, result: str) -> None:
        self.assertEqual(name, "a.test")
        self.counted.append(result)

    def source(
        self, pair: KeyPair | None = None, cache: str | None = None, wants: bool | None = True
    ) -> Source:
        source = Source(pair or ISSUER.pair(), "a.pem", wants)
        self.stapling.watch(source, cache)
        return source

    def answer(self, source: Source, status: Any = None, later: float = 0.0) -> bytes:
        """The responder answers as it would after so many days."""
        assert source.pair is not None
        at = NOW + later * DAY
        more = {} if status is None else {"status": status}
        said = ISSUER.answer(source.pair.leaf, begins=at - DAY / 24, ends=at + 7 * DAY, **more)
        self.asked[-1].fire(said)
        return said


class Asking(StaplingCase):
    def test_at_once_and_again_at_half_of_the_time(self) -> None:
        source = self.source()
        self.assertEqual((len(self.asked), source.staple), (1, b""))
        self.assertEqual(source.staple, b"")
        said = self.answer(source)
        self.assertEqual((source.staple, self.counted), (said, ["good"]))
        self.clock.advance(HALF - 1)
        self.assertEqual(len(self.asked), 1)
        self.clock.advance(2)
        self.assertEqual((len(self.asked), source.staple), (2, said))
        fresh = self.answer(source, later=3.5)
        self.assertEqual(source.staple, fresh)
        self.assertEqual(self.said, [])

    def test_who_does_not_want_it(self) -> None:
        self.source(wants=False)
        self.source(wants=None)
        self.assertEqual((self.asked, self.said), ([], []))
        self.source(ISSUER.pair(MUST_STAPLE), wants=None)
        self.assertEqual(len(self.asked), 1)

    def test_nobody_to_ask(self) -> None:
        self.source(ISSUER.pair(MUST_STAPLE, responder=False))
        self.assertEqual(
            self.said,
            [
                "error no OCSP response for a.test (a.pem): the certificate names no OCSP responder;"
                " clients may refuse the certificate, which says that there must be one"
            ],
        )

    def test_a_responder_that_is_ill(self) -> None:
        source = self.source()
        self.asked[-1].fail(FetchFailed("no response within 10 s"))
        self.assertEqual(
            self.said,
            ["warn no OCSP response for a.test (a.pem): no response within 10 s; asked again in 60 s"],
        )
        times = []
        for _ in range(8):
            before, number = self.clock.seconds(), len(self.asked)
            while len(self.asked) == number:
                self.clock.advance(1)
            times.append(self.clock.seconds() - before)
            self.asked[-1].fire(b"nonsense")
        self.assertEqual(times, [60, 120, 240, 480, 960, 1920, 3600, 3600])
        self.assertEqual((source.staple, set(self.counted)), (b"", {"failed"}))
        self.clock.advance(3600)
        self.assertEqual(self.answer(source), source.staple)

    def test_an_error_of_any_kind(self) -> None:
        self.source()
        self.asked[-1].fail(RuntimeError("odd"))
        self.assertIn("odd; asked again in 60 s", self.said[-1])
        self.clock.advance(60)
        self.assertEqual(len(self.asked), 2)

    def test_what_was_said_is_shown_as_long_as_it_holds(self) -> None:
        source = self.source()
        said = self.answer(source)
        self.clock.advance(HALF + 1)
        while self.wall() < (NOW + 7 * DAY).timestamp():
            self.assertEqual(source.staple, said)
            if not self.asked[-1].done:
                self.asked[-1].fail(FetchFailed("it is ill"))
            self.clock.advance(600)
        self.clock.advance(3600)
        self.assertEqual((source.staple, self.stapling.ends()), (b"", []))

    def test_revoked(self) -> None:
        source = self.source()
        self.answer(source)
        self.clock.advance(HALF + 1)
        self.answer(source, REVOKED, later=3.5)
        self.assertEqual((source.staple, self.counted), (b"", ["good", "revoked"]))
        self.assertIn("the certificate was revoked on", self.said[0])

    def test_a_new_pair_begins_anew(self) -> None:
        source = self.source()
        first = self.asked[-1]
        source.serve(ISSUER.pair())
        self.assertEqual(len(self.asked), 2)
        first.fire(b"too late")
        self.assertEqual(self.said, [])
        self.assertEqual(self.answer(source), source.staple)
        source.serve(ISSUER.pair(responder=False))
        self.assertEqual((source.staple, self.stapling.ends()), (b"", []))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_is_not_served_any_more(self) -> None:
        source, other = self.source(), self.source()
        self.answer(other)
        self.stapling.keep([])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        source.serve(ISSUER.pair())
        self.assertEqual(len(self.asked), 2)

    def test_the_end(self) -> None:
        one, two = self.source(), self.source()
        self.answer(two)
        self.assertEqual([name for name, _ in self.stapling.ends()], ["a.test"])
        self.stapling.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        one.serve(ISSUER.pair())
        self.assertEqual(len(self.asked), 2)


class Cache(StaplingCase):
    def setUp(self) -> None:
        super().setUp()
        self.file = Path(self.mktemp())

    def test_it_lasts_until_the_next_start(self) -> None:
        source = self.source(cache=str(self.file))
        said = self.answer(source)
        self.assertEqual(self.file.read_bytes(), said)
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o600)
        self.stapling.stopService()
        again = Stapling(self.clock, self.wall, self.fetch, self)
        again.startService()
        after = Source(source.pair, "a.pem", True)
        again.watch(after, str(self.file))
        self.assertEqual((after.staple, len(self.asked)), (said, 1))
        self.clock.advance(HALF + 1)
        self.assertEqual(len(self.asked), 2)

    def test_what_is_in_it_may_be_old_or_nonsense(self) -> None:
        pair = ISSUER.pair()
        old = ISSUER.answer(pair.leaf, begins=NOW - 9 * DAY, ends=NOW - DAY)
        for number, kept in enumerate((old, b"nonsense", ISSUER.answer(ISSUER.pair().leaf)), 1):
            self.file.write_bytes(kept)
            source = self.source(pair, str(self.file))
            self.assertEqual((source.staple, len(self.asked)), (b"", number))
        self.assertEqual(self.said, [])

    def test_where_it_can_not_be_written(self) -> None:
        source = self.source(cache="/proc/nowhere/x")
        self.assertEqual(self.answer(source), source.staple)
        self.assertEqual(self.said, ["warn /proc/nowhere/x can not be written: No such file or directory"])


class Showing(StaplingCase):
    """What a client sees that asks for it."""

    def shown(self, certificates: Certificates, ask: bool = True) -> bytes | None:
        """What comes with the certificate; None where nothing was looked at."""
        seen: list[bytes] = []
        near = SSL.Context(SSL.TLS_CLIENT_METHOD)
        near.set_ocsp_client_callback(lambda connection, data, _: [seen.append(data), True][1])
        served = certificates.choose(ClientHello(sni="a.test"))
        assert served is not None
        ends = SSL.Connection(near, None), SSL.Connection(served.context, None)
        ends[0].set_connect_state()
        ends[1].set_accept_state()
        if ask:
            ends[0].request_ocsp()
        for turn in (0, 1, 0):
            try:
                ends[turn].do_handshake()
            except SSL.WantReadError:
                self.assertLess(turn, 2)
            try:
                ends[1 - turn].bio_write(ends[turn].bio_read(1 << 16))
            except SSL.WantReadError:
                self.assertLess(turn, 2)
        return seen[0] if seen else None

    def test_with_the_certificate(self) -> None:
        source = self.source()
        certificates = Certificates([source], "modern", (), True)
        self.assertEqual(self.shown(certificates), b"")
        said = self.answer(source)
        self.assertEqual(self.shown(certificates), said)
        self.assertIsNone(self.shown(certificates, ask=False))
        source.serve(ISSUER.pair())
        self.assertEqual(self.shown(certificates), b"")
        self.assertEqual(self.answer(source), self.shown(certificates))
