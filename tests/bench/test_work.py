"""The kinds of work fit each other, and the peers that do them."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench import behind, peers
from bench.__main__ import arguments, chosen_peers
from bench.report import COLUMNS, Results
from bench.work import WORK
from tests.loopback.gateway import ROOT


class Kinds(SynchronousTestCase):
    def test_names_are_their_own(self) -> None:
        self.assertEqual(len({work.name for work in WORK}), len(WORK))
        self.assertEqual(tuple(peer.label for peer in peers.PEERS), COLUMNS)

    def test_aims_are_stricter_than_musts(self) -> None:
        self.assertEqual([work.name for work in WORK if not work.aim < work.must], [])

    def test_baseline_and_subject_do_the_work(self) -> None:
        for work in WORK:
            labels = {peer.label for peer in work.peers if work.port in peer.offers}
            self.assertLessEqual({work.subject, *work.below} | ({work.baseline} - {None}), labels, work.name)


class Arguments(SynchronousTestCase):
    def refused(self, *words: str) -> str:
        said = io.StringIO()
        with contextlib.redirect_stderr(said), self.assertRaises(SystemExit):
            arguments(words)
        return said.getvalue()

    def test_without_any_it_is_everything(self) -> None:
        asked = arguments(["--only", "", "--peers", ""])
        self.assertEqual((asked.rounds, asked.whole), (3, True))
        self.assertEqual(asked.only, [work.name for work in WORK])

    def test_a_part_is_not_the_whole(self) -> None:
        self.assertFalse(arguments(["--only", "udp"]).whole)
        self.assertFalse(arguments(["--peers", "nginx,toron"]).whole)

    def test_what_is_unknown_is_refused(self) -> None:
        self.assertIn("--only: udq: choose from http-keepalive,", self.refused("--only", "udp,udq"))
        self.assertIn("--peers: apache: choose from nginx,", self.refused("--peers", "apache"))
        self.assertIn("must be more than 0", self.refused("--rounds", "0"))
        self.assertIn("must be more than 0", self.refused("--seconds", "0"))


class Choice(SynchronousTestCase):
    def test_who_is_not_there_is_named(self) -> None:
        self.patch(peers.Envoy, "path", classmethod(lambda cls: None))
        self.patch(peers.Nginx, "path", classmethod(lambda cls: "/nginx"))
        self.patch(peers.Caddy, "path", classmethod(lambda cls: "/caddy"))
        results = Results()
        relay = next(work for work in WORK if work.name == "tcp-bulk")
        found = chosen_peers(relay, ["nginx", "envoy", "caddy", "toron"], results)
        self.assertEqual([kind.label for kind in found], ["nginx", "toron"])  # Caddy relays no TCP
        self.assertEqual(
            results.reasons, {("tcp-bulk", "haproxy"): "not run", ("tcp-bulk", "envoy"): "missing"}
        )

    def test_who_does_not_offer_the_work_has_no_reason(self) -> None:
        for kind in (peers.Nginx, peers.Haproxy, peers.Envoy, peers.Caddy):
            self.patch(kind, "path", classmethod(lambda cls: None))
        results = Results()
        udp = next(work for work in WORK if work.name == "udp")
        chosen_peers(udp, ["nginx", "haproxy", "caddy", "envoy", "toron"], results)
        self.assertNotIn(("udp", "haproxy"), results.reasons)
        self.assertNotIn(("udp", "caddy"), results.reasons)


class Configurations(SynchronousTestCase):
    def test_torons_own_are_valid(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            site = behind.Site(9000, 9001, behind.certificate(Path(folder)), 0)
            for kind in (peers.Toron, peers.FewRoutes):
                proxy = kind(site)
                self.addCleanup(proxy.close)
                done = subprocess.run(
                    [sys.executable, "-m", "toron", "check", str(proxy.config)],
                    capture_output=True, text=True, timeout=60, check=False,
                    env={"PYTHONPATH": str(ROOT)},
                )  # fmt: skip
                self.assertEqual((done.returncode, done.stderr), (0, done.stderr))
                self.assertIn("valid (4 listeners", done.stderr)

    def test_all_words_are_filled_in(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            site = behind.Site(9000, 9001, behind.certificate(Path(folder)), 0)
            for kind in peers.PEERS:
                proxy = kind(site)
                self.addCleanup(proxy.close)
                self.assertNotRegex(proxy.config.read_text(), "@[A-Z]+@", kind.label)
                used = {"HTTP", "TLS", "TCP", "UDP"} & proxy.ports.keys()
                self.assertEqual(used, kind.offers, kind.label)
