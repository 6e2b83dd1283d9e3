"""What a load generator says is counted only when the work was done."""

from __future__ import annotations

import contextlib
import socket
import threading

from twisted.trial.unittest import SynchronousTestCase

from bench.load import LoadFailed, Replies, TooSlow, datagrams, parse_h2load, parse_paced, parse_wrk, run

WRK = """Running 1s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.10ms  300.00us   9.00ms   90.00%
  57733 requests in 1.00s, 10.00MB read
{}Requests/sec:  57700.00
"""

H2LOAD = """finished in 1.32s, 15096.74 req/s, 681.00KB/s
requests: 1000 total, 1000 started, {} done, {} succeeded, {} failed, 0 errored, 0 timeout
status codes: 1000 2xx, 0 3xx, 0 4xx, 0 5xx
"""

PACED = (
    '{{"requests": 20000, "answered": {}, "failed": {}, "seconds": 1.002, '
    '"p50": 2510.3, "p99": 14527.0, "max": 16253.9}}\n'
)
SLOW = (
    '{"requests": 20000, "answered": 5534, "failed": 0, "seconds": 1.200, '
    '"p50": 517455.4, "p99": 916052.5, "max": 923385.3}\n'
)
"""Of a proxy that can do less than it was asked for."""

REFUSED = (
    '{"requests": 1000, "answered": 0, "failed": 1000, "seconds": 0.999, '
    '"p50": 0.0, "p99": 0.0, "max": 0.0}\n'
)
"""Of a proxy that answers 502."""


class Wrk(SynchronousTestCase):
    def test_requests_are_counted(self) -> None:
        self.assertEqual(parse_wrk(WRK.format("")), 57733.0)

    def test_few_errors_are_borne(self) -> None:
        few = "  Socket errors: connect 0, read 3, write 4, timeout 0\n  Non-2xx or 3xx responses: 50\n"
        self.assertEqual(parse_wrk(WRK.format(few)), 57733.0)

    def test_many_errors_are_no_work(self) -> None:
        for line in (
            "  Socket errors: connect 0, read 30, write 20, timeout 8\n",
            "  Non-2xx or 3xx responses: 58\n",
            "  Socket errors: connect 0, read 30, write 0, timeout 0\n  Non-2xx or 3xx responses: 28\n",
        ):
            with self.assertRaisesRegex(LoadFailed, "^58 of 57733 requests failed$"):
                parse_wrk(WRK.format(line))

    def test_nothing_is_no_work(self) -> None:
        for text in (
            "",
            "unable to connect to 127.0.0.1:1 Connection refused",
            "  0 requests in 1.00s, 0.00B read",
        ):
            self.assertRaises(LoadFailed, parse_wrk, text)


class Streams(SynchronousTestCase):
    def test_the_requests_are_counted(self) -> None:
        self.assertEqual(parse_h2load(H2LOAD.format(1000, 1000, 0)), 1000.0)
        self.assertEqual(parse_h2load(H2LOAD.format(1000, 999, 1)), 999.0, "few errors are borne")

    def test_many_errors_are_no_work(self) -> None:
        with self.assertRaisesRegex(LoadFailed, "^2 of 1000 requests failed$"):
            parse_h2load(H2LOAD.format(1000, 998, 2))

    def test_nothing_is_no_work(self) -> None:
        for text in ("", "unable to connect", H2LOAD.format(0, 0, 0), H2LOAD.format(10, 0, 10)):
            self.assertRaises(LoadFailed, parse_h2load, text)


class Paced(SynchronousTestCase):
    def test_the_99th_percentile_is_taken(self) -> None:
        self.assertEqual(parse_paced(PACED.format(20000, 0)), Replies(20000, 1.002, 14527.0))

    def test_few_errors_are_borne(self) -> None:
        for answered, failed in ((19980, 20), (19980, 0), (19960, 20)):
            self.assertEqual(parse_paced(PACED.format(answered, failed)).answered, answered)

    def test_many_errors_are_no_work(self) -> None:
        with self.assertRaisesRegex(LoadFailed, "^21 of 20000 requests failed$") as caught:
            parse_paced(PACED.format(19979, 21))
        self.assertNotIsInstance(caught.exception, TooSlow)
        self.assertRaisesRegex(LoadFailed, "^1000 of 1000 requests failed$", parse_paced, REFUSED)

    def test_who_leaves_many_over_is_too_slow(self) -> None:
        self.assertRaisesRegex(TooSlow, "^only 5534 of 20000 requests were", parse_paced, SLOW)
        self.assertRaises(TooSlow, parse_paced, PACED.format(19979, 0))

    def test_nothing_is_no_work(self) -> None:
        good = PACED.format(20000, 0)
        for text in (
            "",
            "connect: Connection refused",
            "[]",
            "{}",
            "20000",
            good[:40],
            good.replace("20000", "0"),
            good.replace("14527.0", "null"),
            good.replace("14527.0", '"x"'),
            good.replace("p99", "p95"),
        ):
            self.assertRaises(LoadFailed, parse_paced, text)


class Programs(SynchronousTestCase):
    def test_what_fails_says_why(self) -> None:
        with self.assertRaisesRegex(LoadFailed, "sh ended with 3: no such thing"):
            run("sh", "-c", "echo no such thing >&2; exit 3", timeout=20)

    def test_what_takes_too_long_is_ended(self) -> None:
        with self.assertRaisesRegex(LoadFailed, "sleep took longer than 0.05 s"):
            run("sleep", "60", timeout=0.05)


class Datagrams(SynchronousTestCase):
    def server(self, answers: bool) -> int:
        """The port of a server that counts what it answers, in `self.answered`."""
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        self.answered = 0
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    data, client = server.recvfrom(2048)
                    if answers:
                        self.answered += 1
                        server.sendto(data, client)

        thread = threading.Thread(target=serve)
        thread.start()

        def end() -> None:
            stop.set()
            thread.join()
            server.close()

        self.addCleanup(end)
        port: int = server.getsockname()[1]
        return port

    def test_replies_are_counted(self) -> None:
        port = self.server(answers=True)
        done = datagrams(port, 0.1)
        self.assertGreaterEqual(done, 64)
        self.assertLessEqual(done, self.answered)  # the server counts before it answers

    def test_silence_is_no_work(self) -> None:
        with self.assertRaisesRegex(LoadFailed, "no datagram came back"):
            datagrams(self.server(answers=False), 0.1)
