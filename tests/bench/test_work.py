"""The kinds of work fit each other, and the peers that do them."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from bench import __main__ as main
from bench import behind, load, pace, peers, readme, report
from bench.__main__ import arguments, chosen_cores, chosen_peers, with_pace
from bench.report import COLUMNS, Results
from bench.work import WORK, Figure, latency
from tests.loopback.gateway import ROOT
from tests.loopback.process import PeerFailed


class Kinds(SynchronousTestCase):
    def test_names_are_their_own(self) -> None:
        self.assertEqual(len({work.name for work in WORK}), len(WORK))
        self.assertEqual(tuple(peer.label for peer in peers.PEERS), COLUMNS)

    def test_aims_are_stricter_than_musts(self) -> None:
        self.assertEqual([work.name for work in WORK if not work.aim < work.must], [])

    def test_baseline_and_subject_do_the_work(self) -> None:
        for work in WORK:
            labels = {peer.label for peer in work.peers if work.port in peer.offers}
            self.assertLessEqual(
                {work.subject, *work.below, *(peer for peer, _ in work.within)} | ({work.baseline} - {None}),
                labels,
                work.name,
            )


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


class Cores(SynchronousTestCase):
    def test_a_second_worker_gets_one_of_its_own_where_there_is_one(self) -> None:
        for known, chosen in (({3, 1, 2, 0}, (0, 1, 2)), ({7, 4}, (4, 7, 7)), ({5}, (5, 5, 5))):
            self.assertEqual(chosen_cores(known), chosen)

    def test_one_worker_may_use_as_many_as_two(self) -> None:
        site = behind.Site(9000, 9001, 9002, self.certificate(), 4, 7)
        found = {}
        for kind in (peers.Toron, peers.OneWorker, peers.TwoWorkers):
            proxy = kind(site)
            self.addCleanup(proxy.close)
            found[kind.label] = proxy.command()[:3]
        self.assertEqual(found, {
            "toron": ["taskset", "-c", "4"],
            "toron, 1 worker": ["taskset", "-c", "4,7"],
            "toron, 2 workers": ["taskset", "-c", "4,7"],
        })  # fmt: skip

    def certificate(self) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return behind.certificate(Path(folder.name))


class Pace(SynchronousTestCase):
    SITE = behind.Site(9000, 9001, 9002, Path("/nowhere"), 0, 1)

    def test_all_are_asked_at_the_same_rate(self) -> None:
        asked = load.Pace(Path("/paced"), 33_000.0)
        self.patch(pace, "find", lambda site, backend, folder, seconds: (asked, "words"))
        site, words = with_pace(self.SITE, 42, Path("/nowhere"), 3.0)
        self.assertEqual((site.pace, words), (asked, "words"))
        self.assertEqual(dataclasses.replace(site, pace=None), self.SITE)

    def test_without_a_rate_only_latency_fails(self) -> None:
        for error in (load.LoadFailed("no compiler"), PeerFailed("no nginx"), OSError("no wrk")):
            self.patch(pace, "find", mock.Mock(side_effect=error))
            site, words = with_pace(self.SITE, 42, Path("/nowhere"), 3.0)
            self.assertEqual((site, words), (self.SITE, f"not measured: {error}"))
        proxy = mock.Mock(site=self.SITE)
        self.assertRaisesRegex(load.LoadFailed, "rate to ask at is not known", latency, proxy, 3.0)

    def test_latency_is_that_of_the_run_after_the_warming(self) -> None:
        asked = load.Pace(Path("/paced"), 33_000.0)
        proxy = mock.Mock(site=dataclasses.replace(self.SITE, pace=asked), ports={"HTTP": 8080})
        runs = mock.Mock(side_effect=[load.Replies(33_000, 1.0, 999.0), load.Replies(99_000, 3.0, 150.0)])
        self.patch(load, "paced", runs)
        self.assertEqual(latency(proxy, 3.0), Figure(150.0, 99_000, 3.0))
        self.assertEqual(runs.call_args_list, [mock.call(8080, 1.0, asked), mock.call(8080, 3.0, asked)])

    def test_who_is_too_slow_while_it_warms_up_may_be_fast_later(self) -> None:
        proxy = mock.Mock(
            site=dataclasses.replace(self.SITE, pace=load.Pace(Path("/paced"), 33_000.0)),
            ports={"HTTP": 8080},
        )
        slow, fast = load.TooSlow("only 1 of 9"), load.Replies(99_000, 3.0, 150.0)
        self.patch(load, "paced", mock.Mock(side_effect=[slow, fast]))
        self.assertEqual(latency(proxy, 3.0).cost, 150.0)
        for failing in ([load.LoadFailed("9 of 9 requests failed")], [fast, slow]):
            self.patch(load, "paced", mock.Mock(side_effect=failing))
            self.assertRaises(load.LoadFailed, latency, proxy, 3.0)


class Written(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top, self.said = Path(folder.name), ""
        self.readme = self.top / "README.md"
        self.readme.write_text(readme.BEGIN + readme.END)
        self.patch(main, "HERE", self.top / "bench")
        self.patch(readme, "README", self.readme)
        self.patch(main, "say", self.say)

    def say(self, text: str) -> None:
        self.said += text

    def files(self, *words: str) -> list[str]:
        """What a run with these words leaves besides README.md; `self.filled` is whether that changed."""
        rows = [report.row(work, Results()) for work in WORK]
        main.write(rows, {"date": "today"}, arguments(words))
        self.filled = "| work | nginx |" in self.readme.read_text()
        return sorted(
            str(path.relative_to(self.top)) for path in self.top.rglob("*.*") if path != self.readme
        )

    def test_a_whole_run_goes_beside_its_program_and_into_the_readme(self) -> None:
        self.assertEqual(self.files(), ["bench/RESULTS.md", "bench/results.svg"])
        self.assertTrue(self.filled)
        self.assertIn("Written to README.md", self.said)

    def test_a_part_goes_nowhere(self) -> None:
        self.assertEqual(self.files("--only", "udp"), [])
        self.assertFalse(self.filled)
        self.assertIn("nothing was written", self.said)

    def test_with_a_folder_it_goes_there_only(self) -> None:
        for words in ((), ("--only", "udp")):
            found = self.files("--out", str(self.top / "there"), *words)
            self.assertEqual(found, ["there/RESULTS.md", "there/results.svg"])
            self.assertFalse(self.filled)


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
            site = behind.Site(9000, 9001, 9002, behind.certificate(Path(folder)), 0, 1)
            for kind in (peers.Toron, peers.FewRoutes, peers.OneWorker, peers.TwoWorkers):
                proxy = kind(site)
                self.addCleanup(proxy.close)
                done = subprocess.run(
                    [sys.executable, "-m", "toron", "check", str(proxy.config)],
                    capture_output=True, text=True, timeout=60, check=False,
                    env={"PYTHONPATH": str(ROOT)},
                )  # fmt: skip
                self.assertEqual((done.returncode, done.stderr), (0, done.stderr))
                self.assertIn("valid (7 listeners", done.stderr)

    def test_all_words_are_filled_in(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            site = behind.Site(9000, 9001, 9002, behind.certificate(Path(folder)), 0, 1)
            for kind in peers.PEERS:
                proxy = kind(site)
                self.addCleanup(proxy.close)
                self.assertNotRegex(proxy.config.read_text(), "@[A-Z0-9_]+@", kind.label)
                used = peers.ALL & proxy.ports.keys()
                self.assertEqual(used, kind.offers, kind.label)
