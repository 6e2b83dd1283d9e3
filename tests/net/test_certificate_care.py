"""Files that are replaced while they serve, and certificates that come to their end."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.net.certificates_made import made_with
from toron.net.certificate_care import CertificateCare
from toron.net.certificate_source import Source
from toron.net.key_pair import DAY, KeyPair
from toron.net.pair_files import PairFiles

BEGIN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def lasting(days: float, *names: str) -> KeyPair:
    """A certificate that begins at BEGIN."""
    return made_with(KEY, names or ("a.test",), begins=BEGIN, lasts=datetime.timedelta(days=days))


class CareTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.counted: list[tuple[str, str]] = []
        self.care = CertificateCare(self.clock, self.wall, self, step=1.0)
        self.said: list[str] = []
        globalLogPublisher.addObserver(self.hear)
        self.addCleanup(globalLogPublisher.removeObserver, self.hear)

    def wall(self) -> float:
        return BEGIN.timestamp() + 3600 + self.clock.seconds()

    def renewed(self, name: str, result: str) -> None:
        self.counted.append((name, result))

    def hear(self, event: Any) -> None:
        if event.get("log_namespace") == "toron":
            self.said.append(event["log_format"].format(**event))

    def looks(self, number: int) -> None:
        for _ in range(number):
            self.clock.advance(1)


class Files(CareTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.cert, self.key = self.folder / "cert.pem", self.folder / "key.pem"
        self.first = made_with(KEY, begins=BEGIN)
        self.write(self.first)
        self.source = Source(self.first, "cert.pem")
        self.care.watch(self.source, PairFiles(str(self.cert), str(self.key)))
        self.care.startService()
        self.addCleanup(self.care.stopService)

    def write(self, pair: KeyPair) -> None:
        self.cert.write_bytes(pair.chain)
        self.key.write_bytes(pair.key)
        self.key.chmod(0o600)

    def fresh(self, *names: str) -> KeyPair:
        """Another pair for the same name."""
        return made_with(ec.generate_private_key(ec.SECP256R1()), names or ("a.test",), begins=BEGIN)

    def test_nothing_happens(self) -> None:
        self.looks(5)
        self.assertEqual((self.said, self.counted), ([], []))

    def test_a_new_pair(self) -> None:
        second = self.fresh()
        self.write(second)
        self.looks(1)
        self.assertEqual(self.source.pair, self.first, "it may still change")
        self.looks(1)
        self.assertEqual(self.source.pair, second)
        self.looks(5)
        self.assertEqual(self.counted, [("a.test", "applied")])
        self.assertEqual(self.said, [f"{self.cert}: served from now on, until 2026-04-01"])

    def test_the_same_once_more(self) -> None:
        os.utime(self.cert, (1, 1))
        self.looks(10)
        self.assertEqual((self.said, self.counted, self.source.pair), ([], [], self.first))

    def test_a_link_that_is_led_on(self) -> None:
        for name, pair in (("1", self.first), ("2", self.fresh())):
            (self.folder / name).mkdir()
            (self.folder / name / "tls.crt").write_bytes(pair.chain)
            (self.folder / name / "tls.key").write_bytes(pair.key)
        (self.folder / "..data").symlink_to("1")
        for name in ("tls.crt", "tls.key"):
            (self.folder / name).symlink_to(f"..data/{name}")
        source = Source(self.first)
        self.care.watch(source, PairFiles(str(self.folder / "tls.crt"), str(self.folder / "tls.key")))
        (self.folder / "..data_tmp").symlink_to("2")
        (self.folder / "..data_tmp").rename(self.folder / "..data")
        self.looks(2)
        self.assertNotEqual(source.pair, self.first)

    def test_the_key_comes_later(self) -> None:
        second = self.fresh()
        self.cert.write_bytes(second.chain)
        self.looks(3)
        self.assertEqual((self.source.pair, self.said), (self.first, []))
        self.key.write_bytes(second.key)
        self.looks(2)
        self.assertEqual(self.source.pair, second)
        self.assertEqual(self.counted, [("a.test", "applied")])

    def test_what_is_of_no_use_is_told_once(self) -> None:
        expired = made_with(KEY, begins=BEGIN - datetime.timedelta(days=9), lasts=datetime.timedelta(days=3))
        early = made_with(KEY, begins=BEGIN + datetime.timedelta(days=9))
        for bad, why in (
            (KeyPair(b"garbage", self.first.key), "it is not a certificate in PEM form"),
            (KeyPair(self.first.chain, b""), "its key is not a private key in PEM form without a passphrase"),
            (KeyPair(self.fresh().chain, self.first.key), "the key belongs to another certificate"),
            (expired, "it expired on 2025-12-26"),
            (early, "it is not valid before 2026-01-10 00:00 UTC"),
        ):
            self.said.clear()
            self.counted.clear()
            self.write(bad)
            self.looks(80)
            self.assertEqual(self.source.pair, self.first)
            still = "the one from before serves on, until 2026-04-01"
            self.assertEqual(self.said, [f"{self.cert}: the new certificate is not served: {why}; {still}"])
            self.assertEqual(self.counted, [("a.test", "rejected")])

    def test_what_ends_in_an_error_of_any_kind(self) -> None:
        class Picky:
            def made(self, source: Source, pair: KeyPair) -> None:
                raise TypeError("something nobody thought of")

        picky: Any = Picky()
        self.source.attach(picky)
        self.write(self.fresh())
        self.looks(10)
        self.assertEqual(self.source.pair, self.first)
        self.assertIn("something nobody thought of", self.said[0])
        self.assertTrue(self.care._call and self.care._call.running)

    def test_bad_and_then_good(self) -> None:
        self.write(KeyPair(b"garbage", b"garbage"))
        self.looks(10)
        second = self.fresh()
        self.write(second)
        self.looks(2)
        self.assertEqual(self.source.pair, second)
        self.assertEqual(self.counted, [("a.test", "rejected"), ("a.test", "applied")])

    def test_good_when_its_time_has_come(self) -> None:
        early = made_with(KEY, begins=BEGIN + datetime.timedelta(seconds=3650))
        self.write(early)
        self.looks(49)
        self.assertEqual(self.source.pair, self.first)
        self.looks(80)
        self.assertEqual(self.source.pair, early)

    def test_back_to_what_serves(self) -> None:
        self.write(KeyPair(b"garbage", b"garbage"))
        self.looks(3)
        self.write(self.first)
        self.looks(20)
        self.assertEqual((self.said, self.counted), ([], []))

    def test_what_can_not_be_read_without_privileges(self) -> None:
        self.care.stopService()
        self.key.unlink()
        self.care.startService()
        self.assertEqual(len(self.said), 1)
        self.assertIn(f"No such file or directory: '{self.key}': what will be written there", self.said[0])

    def test_gone_is_no_change(self) -> None:
        self.cert.unlink()
        self.looks(20)
        self.assertEqual((self.source.pair, self.said), (self.first, []))
        second = self.fresh()
        self.write(second)
        self.looks(2)
        self.assertEqual(self.source.pair, second)

    def test_names_that_are_lost_and_a_key_for_all(self) -> None:
        self.write(self.fresh("b.test"))
        self.key.chmod(0o644)
        self.looks(3)
        self.assertEqual(
            self.said[1:],
            [
                f"{self.cert}: the new certificate is not for a.test any more",
                f"{self.key}: others than its owner can read this key: chmod 600 it",
            ],
        )

    def test_at_once_when_asked(self) -> None:
        second = self.fresh()
        self.write(second)
        self.care.refresh(self.source)
        self.assertEqual(self.source.pair, second)
        self.care.refresh(self.source)
        self.care.refresh(Source())
        self.assertEqual(len(self.counted), 1)

    def test_what_nobody_serves_is_not_looked_at(self) -> None:
        self.care.keep([])
        self.write(self.fresh())
        self.looks(5)
        self.assertEqual(self.source.pair, self.first)

    def test_many(self) -> None:
        second = self.fresh()
        sources = [Source(self.first) for _ in range(600)]
        for source in sources:
            self.care.watch(source, PairFiles(str(self.cert), str(self.key)))
        self.write(second)
        self.looks(3)
        served = sum(source.pair == second for source in sources)
        self.assertEqual(served, 0, "each is looked at every third time")
        self.looks(3)
        served = sum(source.pair == second for source in [*sources, self.source])
        self.assertEqual(served, 96, "and no more than 32 are read at a time")
        self.looks(21)
        self.assertEqual({source.pair for source in sources}, {second})


class Ends(CareTestCase):
    """When it is told that a certificate is about to end."""

    def told(self, pair: KeyPair | None, days: float) -> list[str]:
        """What is said within that time, a look every six hours."""
        source = Source(pair, "where.pem")
        self.care.watch(source, None)
        for _ in range(int(days * 4)):
            self.clock.advance(DAY / 4)
            self.care.look()
        return self.said

    def test_thirty_seven_one_none(self) -> None:
        start = "the certificate for a.test "
        end = ": renew it (where.pem)"
        self.assertEqual(
            self.told(lasting(90), 100),
            [
                f"{start}{said}{end}"
                for said in ("expires in 30 days", "expires in 7 days", "expires in 23 hours", "has expired")
            ],
        )

    def test_a_short_life(self) -> None:
        said = self.told(lasting(6), 10)
        self.assertEqual(
            [line.split(" ")[5:8] for line in said[:2]], [["in", "47", "hours:"], ["in", "23", "hours:"]]
        )
        self.assertEqual(len(said), 3)

    def test_a_long_life(self) -> None:
        source = Source(lasting(365), "where.pem")
        self.care.watch(source, None)
        for days, said in ((334, 0), (3, 1), (15, 1), (8, 2)):
            self.clock.advance(days * DAY)
            self.care.look()
            self.assertEqual(len(self.said), said, days)

    def test_a_new_one_begins_anew(self) -> None:
        source = Source(lasting(90), "where.pem")
        self.care.watch(source, None)
        self.clock.advance(59 * DAY)
        source.serve(lasting(180))
        self.clock.advance(10 * DAY)
        self.care.look()
        self.assertEqual(self.said, [])
        self.clock.advance(82 * DAY)
        self.care.look()
        self.assertEqual(len(self.said), 1)

    def test_nothing_to_serve(self) -> None:
        self.assertEqual(self.told(None, 10), [])
