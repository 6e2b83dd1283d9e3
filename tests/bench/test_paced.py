"""paced.c counts what it should, and a stall against all requests that it held up."""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import shutil
import socket
import socketserver
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from bench import load, pace
from bench.load import LoadFailed, Pace, TooSlow, paced, run
from tests.loopback.sockets import free_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
Script = Callable[[int], Sequence[bytes]]
"""What to send for which request, piece by piece; after nothing, or an empty piece, it hangs up."""


class Server(socketserver.ThreadingTCPServer):
    """Answers by the script, in threads."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.script = script
        self.numbers = itertools.count()
        self.hosts: set[bytes] = set()


class Session(socketserver.BaseRequestHandler):
    """One connection."""

    server: Server
    request: socket.socket

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # bad replies are not read to their end
            self.serve()

    def serve(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while head := self.request.recv(4096):
            self.server.hosts.add(head)
            pieces = self.server.script(next(self.server.numbers))
            for piece in pieces:
                self.request.sendall(piece)
            if not pieces or not pieces[-1]:
                return


@functools.cache
def program() -> Path:
    """Compiled once for all tests, and removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="toron-"))
    atexit.register(shutil.rmtree, folder)
    return pace.build(folder)


class Paced(SynchronousTestCase):
    def setUp(self) -> None:
        if shutil.which("cc") is None:
            raise SkipTest("no C compiler")
        self.program = program()
        self.patch(load, "GRACE", 15.0)  # for busy machines

    def server(self, script: Script) -> Server:
        server = Server(script)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def end() -> None:
            server.shutdown()
            thread.join()
            server.server_close()

        self.addCleanup(end)
        return server

    def ask(self, server: Server, rate: float = 500.0, seconds: float = 0.2) -> Any:
        return paced(server.server_address[1], seconds, Pace(self.program, rate))

    def test_all_requests_are_sent_and_counted(self) -> None:
        server = self.server(lambda number: [OK])
        replies = self.ask(server)
        self.assertEqual((replies.answered, next(server.numbers)), (100, 100))
        self.assertGreater(replies.p99, 0)
        self.assertGreaterEqual(replies.seconds, 0.197)  # the last one is not due before
        host = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.server_address[1]}\r\n\r\n"
        self.assertEqual(server.hosts, {host.encode()})

    def test_replies_may_come_in_pieces_and_be_large(self) -> None:
        large = b"HTTP/1.1 200 OK\r\ncontent-length:  20000\r\n\r\n" + b"x" * 20000
        for whole in (OK, large):
            for at in (1, 20, len(whole) - len(OK) // 2, len(whole) - 1):
                pieces = [whole[:at], whole[at:]]
                self.assertEqual(self.ask(self.server(lambda number, p=pieces: p)).answered, 100, at)

    def test_a_connection_that_is_closed_between_requests_is_opened_anew(self) -> None:
        self.patch(load, "SHARE_OF_ERRORS", 0.5)  # the end may meet the next request

        def script(number: int) -> Sequence[bytes]:
            return [OK, b""]

        self.assertGreaterEqual(self.ask(self.server(script)).answered, 64)

    def test_a_stall_counts_for_all_that_were_due_meanwhile(self) -> None:
        def stall(number: int) -> Sequence[bytes]:
            if number == 0:
                time.sleep(0.15)
            return [OK]

        port = self.server(stall).server_address[1]
        # One connection: of 200 requests 150 are due in the stall, 100 of them 50 ms and more before its end.
        text = run(str(self.program), str(port), "1000", "0.2", "1", "15", timeout=20)
        found = text.partition('"p50": ')[2].partition(",")[0]
        self.assertGreater(float(found), 49_000, text)

    def test_what_is_no_good_reply_failed(self) -> None:
        for bad in (
            [b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"],
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
            [OK + b"!"],
            [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 5000 + b"\r\n\r\n"],
            [b"SSH-2.0-x\r\n\r\n"],
            [],
        ):
            server = self.server(lambda number, bad=bad: [OK] if number % 2 else bad)
            with self.assertRaisesRegex(LoadFailed, "^50 of 100 requests failed$"):
                self.ask(server)

    def test_silence_is_too_slow(self) -> None:
        self.patch(load, "GRACE", 0.05)
        silent = threading.Event()
        self.addCleanup(silent.set)

        def script(number: int) -> Sequence[bytes]:
            silent.wait(20)
            return []

        with self.assertRaisesRegex(TooSlow, "^only 0 of 100 requests were answered in time$"):
            self.ask(self.server(script))

    def test_nobody_there(self) -> None:
        with self.assertRaisesRegex(LoadFailed, "ended with 1: connect: Connection refused"):
            paced(free_port(), 0.1, Pace(self.program, 100.0))

    def test_what_makes_no_sense_is_refused(self) -> None:
        lines = (
            "",
            "9 10 1 4",
            "9 0 1 4 1",
            "9 x 1 4 1",
            "9 nan 1 4 1",
            "9 1e9 9 4 1",
            "9 10 -1 4 1",
            "9 10 1 0 1",
            "9 10 1 4 0",
        )
        for words in map(str.split, lines):
            with self.assertRaisesRegex(LoadFailed, "ended with 2: usage: paced PORT"):
                run(str(self.program), *words, timeout=20)
