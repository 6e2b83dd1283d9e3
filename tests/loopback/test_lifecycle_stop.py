"""A stop lets everything finish that is in flight, and ends at its limit whatever still is."""

from __future__ import annotations

import http.client
import signal
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.loopback.peers import (
    Conversation,
    CountingBackend,
    Gateway,
    LoopbackTestCase,
    eventually,
    raw_exchange,
)
from tests.loopback.sockets import LOOPBACK
from tests.loopback.web import answer, ask

CONFIG = """
listeners:
  - {{protocol: http, address: 127.0.0.1, port: @PORT@}}
  - {{protocol: tcp, address: 127.0.0.1, port: @TCP@, echo: {{}}}}
routes:
  - {{match: {{path: /}}, backend: web}}
  - {{match: {{path: /ws}}, backend: self}}
  - {{match: {{path: /echo}}, echo: {{}}}}
backends:
  web: {{url: "http://127.0.0.1:{web}"}}
  self: {{url: "http://127.0.0.1:{echo}"}}
drain: {{delay: {delay}, limit: {limit}}}
admin: {{port: @ADMIN@}}
access_log: "@FOLDER@/access.log"
"""

ECHO = """
listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]
routes: [{echo: {}}]
drain: {limit: 0s}
"""

EVENTS = 12
"""Server-sent events of a stream, a tenth of a second apart."""


class Client(threading.Thread):
    """Asks over one kept connection, again and again, until it is told that there will be no more."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection(LOOPBACK, port, 10)
        self.answered = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while self._ask():
                self.answered += 1
            self.answered += 1
        except Exception as failure:
            self.failure = failure

    def _ask(self) -> bool:
        self.connection.request("GET", "/fast")
        response = self.connection.getresponse()
        if response.status != 200 or response.read() != b"fast":
            raise AssertionError(f"status {response.status}")
        return response.getheader("Connection") != "close"


class Stops(LoopbackTestCase):
    """A gateway that is busy, and gets a signal."""

    def setUp(self) -> None:
        self.waiting = 0
        self.web = self.start(CountingBackend(self.talk))

    def talk(self, conversation: Conversation) -> None:
        while True:
            head, _ = conversation.read_request()
            match head.split()[1]:
                case b"/slow":
                    self.waiting += 1
                    conversation.wait(1.2)
                    conversation.send(answer("slow"))
                case b"/hang":
                    self.waiting += 1
                    conversation.wait(20)
                case b"/events":
                    self.waiting += 1
                    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
                    for number in range(EVENTS):
                        conversation.send(b"data: %d\n\n" % number)
                        conversation.wait(0.1)
                    return
                case _:
                    conversation.send(answer("fast"))

    def serve(self, delay: str = "0s", limit: str = "10s") -> Gateway:
        echo = self.start(Gateway(ECHO))
        return self.start(Gateway(CONFIG.format(web=self.web.port, echo=echo.port, delay=delay, limit=limit)))

    def websocket(self, gateway: Gateway) -> ClientConnection:
        opened = connect(f"ws://127.0.0.1:{gateway.port}/ws")
        opened.send("hello")
        self.assertEqual(opened.recv(5), "hello")
        return opened

    def test_nothing_fails_under_load(self) -> None:
        gateway = self.serve(delay="400ms")
        clients = [Client(gateway.port) for _ in range(8)]
        for client in clients:
            client.start()
        websocket = self.websocket(gateway)
        with ThreadPoolExecutor() as others:
            slow = others.submit(ask, gateway.port, "/slow")
            events = others.submit(ask, gateway.port, "/events")
            eventually(lambda: self.waiting == 2 and all(client.answered > 20 for client in clients))
            gateway.kill(signal.SIGTERM)
            eventually(lambda: ask(gateway.ports["ADMIN"], "/readyz").status == 503)
            self.assertEqual(ask(gateway.port, "/fast").status, 200, "the doors are open for the delay")
            self.assertEqual(self.closed_with(others, websocket).result(10), 1001)
            self.assertEqual(slow.result(10).text, "slow")
            self.assertEqual(events.result(10).text.count("data: "), EVENTS)
        for client in clients:
            client.join(10)
            self.assertIsNone(client.failure)
        self.assertEqual(gateway.wait(), 0)
        lines = gateway.access()
        self.assertEqual([line for line in lines if line.get("reason")], [])
        answered = sum(client.answered for client in clients)
        self.assertEqual(len([line for line in lines if line["path"] == "/fast"]), answered + 1)
        self.assertIn("toron has stopped", gateway.log())
        self.assertNotRegex(gateway.log(), "(?i)traceback|unhandled")

    def closed_with(self, others: ThreadPoolExecutor, websocket: ClientConnection) -> Future[Any]:
        """The code that the server says goodbye with."""

        def wait() -> int | None:
            try:
                websocket.recv()
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else None
            return -1

        return others.submit(wait)

    def test_an_idle_gateway_is_gone_at_once(self) -> None:
        gateway = self.serve()
        raw_exchange(gateway.port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        began = time.monotonic()
        self.assertEqual(gateway.stop(), 0)
        self.assertLess(time.monotonic() - began, 0.5)

    def test_idle_connections_do_not_hold_it(self) -> None:
        gateway = self.serve()
        with socket.create_connection((LOOPBACK, gateway.port)) as sock:
            sock.sendall(b"GET /fast HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b"200 OK", sock.recv(1000))
            began = time.monotonic()
            self.assertEqual(gateway.stop(), 0)
            self.assertLess(time.monotonic() - began, 2)
            self.assertEqual(sock.recv(1000), b"", "an end, no reset")

    def test_the_limit(self) -> None:
        gateway = self.serve(limit="700ms")
        with ThreadPoolExecutor() as others:
            hanging = others.submit(ask, gateway.port, "/hang")
            stream = socket.create_connection((LOOPBACK, gateway.ports["TCP"]))
            self.addCleanup(stream.close)
            stream.sendall(b"x")
            self.assertEqual(stream.recv(1), b"x")
            eventually(lambda: self.waiting == 1)
            began = time.monotonic()
            self.assertEqual(gateway.stop(), 0)
            taken = time.monotonic() - began
            self.assertTrue(0.6 < taken < 2, taken)
            self.assertIsNotNone(hanging.exception())
        lines = {line.get("path"): line for line in gateway.access()}
        self.assertEqual((lines["/hang"]["status"], lines["/hang"]["reason"]), (503, "drained"))
        self.assertIn("toron ends 2 connections that did not finish in time", gateway.log())

    def test_a_second_signal_ends_it_at_once(self) -> None:
        self.twice(signal.SIGTERM)

    def test_so_does_a_second_interrupt(self) -> None:
        self.twice(signal.SIGINT)

    def twice(self, number: int) -> None:
        gateway = self.serve(delay="10s", limit="30s")
        with ThreadPoolExecutor() as others:
            hanging = others.submit(ask, gateway.port, "/hang")
            eventually(lambda: self.waiting)
            gateway.kill(number)
            eventually(lambda: ask(gateway.ports["ADMIN"], "/readyz").status == 503)
            began = time.monotonic()
            gateway.kill(number)
            self.assertEqual(gateway.wait(), 0)
            self.assertLess(time.monotonic() - began, 2)
            self.assertIsNotNone(hanging.exception())
        self.assertNotRegex(gateway.log(), "(?i)traceback|unhandled|can't stop")

    def test_no_new_connections(self) -> None:
        gateway = self.serve()
        with ThreadPoolExecutor() as others:
            slow = others.submit(ask, gateway.port, "/slow")
            eventually(lambda: self.waiting)
            gateway.kill(signal.SIGTERM)
            eventually(lambda: ask(gateway.ports["ADMIN"], "/readyz").status == 503)
            eventually(lambda: socket.socket().connect_ex((LOOPBACK, gateway.port)) != 0)
            self.assertEqual(ask(gateway.ports["ADMIN"], "/readyz").text.strip(), '["draining"]')
            self.assertEqual(slow.result().text, "slow")
        self.assertEqual(gateway.wait(), 0)
